"""What those who operate a server ask of its store, and where traces of tasks are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from fermata_mcp.domain.task import TaskStatus


class Counts(Protocol):
    async def check(self) -> None:
        """Whether it can be used now, and is what this version makes. Raises StoreUnavailable, which says why not."""
        ...

    async def count_open(self) -> Mapping[TaskStatus, int]:
        """How many tasks are queued, running or unknown, all principals together; quick however many there are."""
        ...

    async def count_finished(self) -> Mapping[TaskStatus, int]:
        """How many are over, by how they ended. Looks at an index of all of them, so it is to be asked seldom."""
        ...

    async def queued_since(self, *, now: int) -> int | None:
        """When the step was made that is due and has waited longest to be begun; None where none waits."""
        ...


class Mishaps(Protocol):
    async def hold_unsent(self, reason: str, *, free: Collection[str], now: int) -> list[str]:
        """After a copy from before is used again: no paid step that it shows as unsent is sent without a person's word.

        What is queued becomes unknown at once, and so does every further step of the tasks that go on.

        Args:
            reason: Why, in words that callers are told.
            free: Providers whose work costs nothing and may be done again.

        Returns:
            The tasks of which a step is held now.
        """
        ...

    async def damage(self) -> str | None:
        """In words, that the database was found damaged and nobody has decided yet; nothing is paid for meanwhile."""
        ...


class Owners(Protocol):
    async def principals(self) -> list[str]:
        """Everybody who has a task; quick however many tasks there are."""
        ...


class Traces(Protocol):
    async def keep_trace(self, task_id: str, parent: str) -> None:
        """Remember the trace (a `traceparent`) in which a task was asked for; what is there already stays."""
        ...

    async def trace_of(self, task_id: str) -> str | None: ...
