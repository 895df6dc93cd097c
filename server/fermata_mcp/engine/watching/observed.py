"""Providers with somebody who watches: each request to one is a span, and what goes wrong is counted."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar

from fermata_mcp.domain.errors import FermataError, OutcomeUnknown
from fermata_mcp.domain.hooks import HookPost, News
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.engine.watching.meter import Meter
from fermata_mcp.providers.base import (
    Accepted,
    Made,
    NotSent,
    PostsNews,
    Provider,
    Refused,
    Snapshot,
    Submitted,
    Unclear,
)
from fermata_mcp.spans import fail, span

T = TypeVar("T")


class Observed:
    """See `Provider`; what it asks of the one inside is what it is asked."""

    def __init__(self, inside: Provider, meter: Meter) -> None:
        self._inside, self._meter = inside, meter
        self.check, self.notes, self.aclose = inside.check, inside.notes, inside.aclose

    @property
    def spec(self) -> ProviderSpec:
        return self._inside.spec

    @property
    def account_id(self) -> str:
        return self._inside.account_id

    @property
    def configured(self) -> bool:
        return self._inside.configured

    async def prepare(self, work: Work) -> Work:
        return await self._asked("prepare", self._inside.prepare(work))

    async def submit(self, attempt_id: str, work: Work) -> Submitted:
        name = self.spec.name
        with span(f"submit {name}", self._about(attempt_id)) as opened:
            outcome = await self._inside.submit(attempt_id, work)
            match outcome:
                case Accepted(remote_id):
                    self._meter.runs(name, remote_id)
                case Made(remote_id):
                    self._meter.is_over(name, remote_id)
                case Refused(error, _) | NotSent(error):
                    self._meter.failed(name, error.code)
                    fail(opened, error.code)
                case Unclear():
                    self._meter.failed(name, OutcomeUnknown.code)
                    fail(opened, OutcomeUnknown.code)
            return outcome

    async def poll(self, remote_id: str, work: Work) -> Snapshot:
        snapshot = await self._asked("poll", self._inside.poll(remote_id, work))
        name = self.spec.name
        if snapshot.state == "running":
            self._meter.runs(name, remote_id)
        else:
            self._meter.is_over(name, remote_id)
        if snapshot.error is not None:
            self._meter.failed(name, snapshot.error.code)
        return snapshot

    async def read_news(self, post: HookPost) -> News | None:
        return await self._inside.read_news(post) if isinstance(self._inside, PostsNews) else None

    async def stop(self, remote_id: str) -> bool:
        return await self._inside.stop(remote_id)

    async def find_clip(self, clip_id: str) -> Clip | None:
        return await self._asked("find_clip", self._inside.find_clip(clip_id))

    async def balance(self) -> float | None:
        return await self._asked("balance", self._inside.balance())

    async def _asked(self, what: str, answer: Awaitable[T]) -> T:
        with span(f"{what} {self.spec.name}", self._about()):
            try:
                return await answer
            except FermataError as error:
                self._meter.failed(self.spec.name, error.code)
                raise

    def _about(self, attempt_id: str | None = None) -> dict[str, str | int]:
        told: dict[str, str | int] = {"fermata.provider": self.spec.name}
        return told if attempt_id is None else told | {"fermata.attempt": attempt_id}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)
