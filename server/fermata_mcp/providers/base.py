"""What the engine asks of a provider, and the only answers it may get."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import anyio

from fermata_mcp.config import Settings
from fermata_mcp.domain.account import Account, AccountSpec
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.domain.hooks import Hook, HookPost, News
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Clip, Work

# The folder of `data_dir` in which audio lies that came with answers.
ARRIVED = "arrived"
Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]]], object]


@dataclass(frozen=True)
class Accepted:
    """The work was taken on under this id; it may have been charged."""

    remote_id: str


@dataclass(frozen=True)
class Made:
    """Accepted, and done: the answer itself holds the audio (`Clip.arrived`); it was charged."""

    remote_id: str
    clips: tuple[Clip, ...]


@dataclass(frozen=True)
class Refused:
    """A documented refusal: nothing was charged. With `retry_after` (seconds) the same request may be sent later."""

    error: FermataError
    retry_after: float | None = None


@dataclass(frozen=True)
class NotSent:
    """It is proved that no byte of the request reached the provider."""

    error: FermataError


@dataclass(frozen=True)
class Unclear:
    """The request may or may not have been taken on. It is never sent again by the program."""

    evidence: str


Submitted = Accepted | Made | Refused | NotSent | Unclear


@dataclass(frozen=True)
class Snapshot:
    """One reading of work that was accepted.

    Attributes:
        state: `lost` means this process knows nothing of it; only repeatable work can be.
        fraction: 0 to 1, or None where nobody can tell.
        clips: Everything finished so far, in the provider's order; one without a link cannot be had yet. None at all
            beside `succeeded`: the provider has it no more, or not yet.
        unlisted: Running as far as anybody knows, but the provider says that it knows no such work (yet).
        blank: The answer says nothing of this work: it may be there, or not.
        cost: Credits that the provider says this work took, 0 where it gave them back; None where it does not say.
    """

    state: Literal["running", "succeeded", "failed", "lost"]
    fraction: float | None = None
    message: str = ""
    clips: tuple[Clip, ...] = ()
    warnings: tuple[str, ...] = ()
    error: FermataError | None = None
    cost: float | None = None
    unlisted: bool = False
    blank: bool = False

    @property
    def shows_work(self) -> bool:
        """Whether it proves that the provider has this work."""
        return self.state != "lost" and not (self.unlisted or self.blank)


class HookMaker(Protocol):
    """Addresses to which news of attempts are posted."""

    async def ready(self) -> None:
        """Make sure that `of` can be answered. Raises StoreUnavailable."""
        ...

    def of(self, attempt_id: str) -> Hook | None:
        """The address of an attempt; None where nobody listens, or the operator wants news elsewhere."""
        ...


@runtime_checkable
class PostsNews(Protocol):
    """A provider that posts news of its work."""

    async def read_news(self, post: HookPost) -> News | None:
        """What a post tells; None where it is not signed as this provider signs.

        Raises:
            ProviderError: The keys that it signs by cannot be had now.
        """
        ...


@runtime_checkable
class TellsOfItself(Protocol):
    """A provider whose server people run themselves."""

    async def about(self) -> str | None:
        """What it is and has loaded, in words; None where it tells nothing. Raises ProviderError while it is away."""
        ...


@dataclass(frozen=True, kw_only=True)
class ProviderContext:
    """What a provider may use of the program around it.

    Attributes:
        account: What is set for this provider, and for no other.
        callback_url: Where the operator wants to be told of finished work; None where nothing is set.
        submit_timeout_seconds: Total deadline of one paid request.
        data_dir: Where it may keep files of its own.
        spawn: Runs a coroutine function beside everything else, until the program ends.
        changed: Says that a remote id is worth a look now.
        processors: The places for work that is done here; the engine begins no more than there are.
        hooks: Where news of attempts are to be posted; None where nowhere.
        trusted: host or host:port entries that may be private addresses, because the operator named them.
    """

    account: Account
    callback_url: str | None
    submit_timeout_seconds: float
    data_dir: Path
    spawn: Spawn
    changed: Callable[[str], None]
    processors: anyio.Semaphore
    hooks: HookMaker | None = None
    trusted: frozenset[str] = frozenset()


def context_for(
    declared: AccountSpec | None,
    settings: Settings,
    spawn: Spawn,
    changed: Callable[[str], None],
    processors: anyio.Semaphore,
    hooks: HookMaker | None = None,
    answer_seconds: float | None = None,
) -> ProviderContext:
    """The part of the settings that concerns the provider with this account.

    Args:
        answer_seconds: See `ProviderSpec.answer_seconds`.
    """
    return ProviderContext(
        account=settings.account(declared) if declared else Account(),
        callback_url=settings.asked_callback,
        submit_timeout_seconds=max(settings.submit_timeout_seconds, answer_seconds or 0.0),
        data_dir=settings.data_dir,
        spawn=spawn,
        changed=changed,
        processors=processors,
        hooks=hooks,
        trusted=settings.trusted_addresses(),
    )


class Provider(Protocol):
    @property
    def spec(self) -> ProviderSpec: ...

    @property
    def account_id(self) -> str:
        """Names the account without revealing its key."""
        ...

    @property
    def configured(self) -> bool:
        """Whether it has what it needs: a key, the address of a server, or nothing."""
        ...

    def check(self, work: Work) -> None:
        """Raise what is wrong with `work`, without sending anything."""
        ...

    def notes(self, work: Work) -> tuple[str, ...]:
        """What whoever asks for `work` must know of what will be sent for it; said once, when a task is made."""
        ...

    async def prepare(self, work: Work) -> Work:
        """Do what must be done before the submit and costs nothing, such as an upload; may be repeated."""
        ...

    async def submit(self, attempt_id: str, work: Work) -> Submitted:
        """Send the one request of this attempt. Never sends twice, never raises for what the provider did."""
        ...

    async def poll(self, remote_id: str, work: Work) -> Snapshot:
        """Read how the work is getting on. Raises ProviderError where that cannot be learned now."""
        ...

    async def stop(self, remote_id: str) -> bool:
        """Try to stop the work; True if it is certain that nothing more happens."""
        ...

    async def find_clip(self, clip_id: str) -> Clip | None:
        """What the provider tells about one of its clips, for free; None where it tells nothing.

        Raises ProviderError where it cannot be asked now, UnknownTrack where there certainly is no such clip.
        """
        ...

    async def balance(self) -> float | None:
        """Credits left, or None where the provider has no such call."""
        ...

    async def aclose(self) -> None: ...


Factory = Callable[[ProviderContext], Provider]
