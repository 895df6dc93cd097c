"""What providers have posted about attempts, so that each post is heard once, whichever process it reaches."""

from __future__ import annotations

from typing import Protocol

from fermata_mcp.domain.task import Step

# More posts of one attempt than any provider sends lead to no look.
MOST_NEWS = 12
MOST_IDS_TOLD = 3
# A post so long before an end was found has told of something else.
TOLD_WITHIN_MS = 60_000


class NewsBook(Protocol):
    async def step_of(self, attempt_id: str) -> Step | None:
        """The step whose newest attempt this is, as far as it can be read."""
        ...

    async def hear(self, attempt_id: str, event: str, remote_id: str | None, *, now: int) -> bool:
        """Write down a post of the step's newest attempt, and have the step looked at if it waits; False if it is old.

        A look that is going on began before the post came, so what it finds is not written any more (its fence breaks),
        unless it is the end. At most MOST_NEWS posts of an attempt are heard.
        """
        ...

    async def ids_told(self, attempt_id: str) -> list[str]:
        """The provider's ids that posts of an attempt named, newest first, at most MOST_IDS_TOLD."""
        ...

    async def news_came(self, provider: str, *, since: int) -> bool:
        """Whether posts of a provider were heard since a time, and none was missed since the last of them."""
        ...

    async def news_missed(self, provider: str, attempt_id: str, *, now: int) -> None:
        """An end was found: unless a post told of it, posts cannot be relied on until one comes again."""
        ...
