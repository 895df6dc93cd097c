"""A provider that follows a script: it counts every request and answers as it is told."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from fermata_mcp.domain.errors import ProviderError
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Accepted, Provider, ProviderContext, Snapshot, Submitted

Answer = Submitted | Exception | Callable[[], Awaitable[Submitted]]
SECONDS = 34.0


@dataclass
class Remote:
    """The far side, shared by every engine that talks to it.

    Attributes:
        answers: What the next submits get; without one a submit is accepted under a fresh id.
        readings: What the next looks get; without one the work is finished, if `finishes`.
        posts: Requests per attempt.
    """

    answers: deque[Answer] = field(default_factory=lambda: deque[Answer]())
    readings: deque[Snapshot | Exception] = field(default_factory=lambda: deque[Snapshot | Exception]())
    posts: Counter[str] = field(default_factory=lambda: Counter[str]())
    works: list[Work] = field(default_factory=lambda: list[Work]())
    looks: Counter[str] = field(default_factory=lambda: Counter[str]())
    stopped: list[str] = field(default_factory=lambda: list[str]())
    can_stop: bool = False
    money: float | ProviderError = 100.0
    closed: int = 0
    finishes: bool = True
    hang_up: anyio.Event = field(default_factory=anyio.Event)
    _submitted: anyio.Event = field(default_factory=anyio.Event)

    @property
    def sent(self) -> int:
        return self.posts.total()

    async def until_submitted(self) -> None:
        """Return once a request has arrived, whether it was answered or not."""
        with anyio.fail_after(180):
            await self._submitted.wait()

    async def no_answer(self) -> Submitted:
        """An answer that never comes; when the caller's process is ended, its wait is."""
        await self.hang_up.wait()
        raise ConnectionAbortedError

    def arrived(self, attempt_id: str, work: Work) -> None:
        self.posts[attempt_id] += 1
        self.works.append(work)
        self._submitted.set()


class ScriptedProvider:
    """See `Provider`."""

    def __init__(self, remote: Remote, spec: ProviderSpec) -> None:
        self._remote = remote
        self.spec = spec
        self.account_id = f"account-of-{spec.name}"
        self.configured = True

    def check(self, work: Work) -> None:
        return

    def notes(self, work: Work) -> tuple[str, ...]:
        return ()

    async def prepare(self, work: Work) -> Work:
        return work

    async def submit(self, attempt_id: str, work: Work) -> Submitted:
        self._remote.arrived(attempt_id, work)
        answer = self._remote.answers.popleft() if self._remote.answers else Accepted(f"remote-{self._remote.sent}")
        if isinstance(answer, Exception):
            raise answer
        return await answer() if callable(answer) else answer

    async def poll(self, remote_id: str, work: Work) -> Snapshot:
        self._remote.looks[remote_id] += 1
        if self._remote.readings:
            reading = self._remote.readings.popleft()
            if isinstance(reading, Exception):
                raise reading
            return reading
        return done(work) if self._remote.finishes else Snapshot("running", 0.5, "half way")

    async def stop(self, remote_id: str) -> bool:
        self._remote.stopped.append(remote_id)
        return self._remote.can_stop

    async def find_clip(self, clip_id: str) -> Clip | None:
        return None

    async def balance(self) -> float | None:
        if isinstance(self._remote.money, ProviderError):
            raise self._remote.money
        return self._remote.money

    async def aclose(self) -> None:
        self._remote.closed += 1


def done(work: Work) -> Snapshot:
    """Finished, with its audio saved where it was asked for."""
    Path(work.save_as).write_bytes(b"audio")
    clip = Clip(provider_clip_id="c1", duration_seconds=SECONDS, whole_track=True, file=work.save_as)
    return Snapshot("succeeded", 1.0, "done", (clip,))


@dataclass(frozen=True)
class Plugin:
    """What the package metadata would say about a provider of another package."""

    name: str
    provider: ScriptedProvider

    def load(self) -> Callable[[ProviderContext], Provider]:
        return lambda _: self.provider
