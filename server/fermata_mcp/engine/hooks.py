"""News that providers post: heard, checked, and turned into a look that is due now.

Nothing is believed of a post but that a look is worth its while. It is answered before any of this happens.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.abc

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.domain.hooks import Hook, HookKeeper, HookPost, News
from fermata_mcp.domain.task import Step
from fermata_mcp.engine.watching.meter import HookFate, Meter
from fermata_mcp.providers.base import PostsNews, Provider
from fermata_mcp.providers.registry import Registry
from fermata_mcp.store.base import Store
from fermata_mcp.store.keyring import Keyring

from .clock import Clock
from .pace import backoff
from .runner import Runner
from .steps import moves
from .steps.learned import learn_by_news

PURPOSE = "hooks"
MOST_HELD, MOST_HELD_BYTES = 1000, 16 * 1024 * 1024
AT_ONCE = 4
READY_RETRY_SECONDS = 1.0
# Evidence that could not be had when a post came is looked for again after these waits.
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, MOST_TRIES = 5.0, 60.0, 12
# What providers number, time and sign their posts by is in headers of such names.
_OF_SIGNATURES, _MOST_SIGNATURES, _LONGEST_SIGNATURE = "webhook", 10, 300
_UNKNOWN = frozenset({"unknown", "needs_user"})
logger = logging.getLogger(__name__)


class HookAddresses:
    """See `HookMaker`. Nothing is made while there is no public address, or the operator wants posts elsewhere."""

    def __init__(self, keyring: Keyring, settings: Settings) -> None:
        self._keyring, self._settings = keyring, settings
        self._keeper: HookKeeper | None = None

    async def ready(self) -> None:
        if self._keeper is None and self._settings.hears_hooks:
            self._keeper = HookKeeper(self._settings.public_url or "", await self._keyring.key(PURPOSE))

    def of(self, attempt_id: str) -> Hook | None:
        return self._keeper.hook(attempt_id) if self._keeper else None

    def attempt(self, token: str) -> str | None:
        return self._keeper.attempt(token) if self._keeper else None

    def secret(self, attempt_id: str) -> str:
        return self._keeper.secret(attempt_id) if self._keeper else ""


@dataclass(frozen=True)
class _Post:
    token: str
    headers: Mapping[str, str]
    raw: bytes
    told: Any


class Hooks:
    """Hears posts, a few at a time, for as long as `run` lasts."""

    def __init__(
        self, store: Store, registry: Registry, runner: Runner, addresses: HookAddresses, clock: Clock, meter: Meter
    ) -> None:
        self._store, self._registry, self._runner = store, registry, runner
        self._addresses, self._clock, self._meter = addresses, clock, meter
        self._posts = deque[_Post]()
        self._arrived = anyio.Semaphore(0)
        self._held = 0
        self._group: anyio.abc.TaskGroup | None = None

    def post(self, token: str, headers: Mapping[str, str], raw: bytes, told: Any) -> None:
        """Take a post on to be heard, or drop it where there are too many; never waits, and tells nobody which."""
        names = [name for name in headers if _OF_SIGNATURES in name.lower()][:_MOST_SIGNATURES]
        kept = {name.lower(): headers[name][:_LONGEST_SIGNATURE] for name in names}
        if len(self._posts) >= MOST_HELD or self._held + len(raw) > MOST_HELD_BYTES:
            self._meter.posted("", "dropped")
            return
        self._posts.append(_Post(token, kept, raw, told))
        self._held += len(raw)
        self._arrived.release()

    async def run(self) -> None:
        await self._get_ready()
        async with anyio.create_task_group() as group:
            self._group = group
            for _ in range(AT_ONCE):
                group.start_soon(self._hear_all)

    async def _get_ready(self) -> None:
        while True:
            try:
                await self._addresses.ready()
            except FermataError as error:
                logger.warning("posts of providers are not heard yet: %s", error.message)
                await anyio.sleep(READY_RETRY_SECONDS)
            else:
                return

    async def _hear_all(self) -> None:
        while True:
            await self._arrived.acquire()
            post = self._posts.popleft()
            self._held -= len(post.raw)
            try:
                provider, fate = await self._hear(post)
                self._meter.posted(provider, fate)
            except FermataError as error:
                logger.warning("a provider's post was not heard: %s", error.message)
            except Exception:  # one post must not stop the others
                logger.exception("a provider's post could not be heard")

    async def _hear(self, post: _Post) -> tuple[str, HookFate]:
        attempt_id = self._addresses.attempt(post.token)
        if attempt_id is None:
            return "", "stranger"
        step = await self._store.step_of(attempt_id)
        if step is None:
            return "", "idle"
        provider = self._registry.get(step.provider)
        asked = self._as_signed(post, step, attempt_id, provider)
        news = await provider.read_news(asked) if isinstance(provider, PostsNews) else None
        if news is None:
            return step.provider, "forged"
        return step.provider, await self._act_on(news, step, attempt_id, provider)

    def _as_signed(self, post: _Post, step: Step, attempt_id: str, provider: Provider) -> HookPost:
        form = provider.spec.hook
        own = step.work.options.get(form.secret_field) if form and form.secret_field else None
        secret = own if isinstance(own, str) else self._addresses.secret(attempt_id)
        return HookPost(post.raw, post.told, post.headers, secret, at=self._clock.now() / 1000)

    async def _act_on(self, news: News, step: Step, attempt_id: str, provider: Provider) -> HookFate:
        if step.remote_id is not None and news.remote_id not in (None, step.remote_id):
            return "forged"
        if step.state not in _UNKNOWN | {"waiting", "submitting", "expired"}:
            return "idle"
        if not await self._store.hear(attempt_id, news.event, news.remote_id, now=self._clock.now()):
            return "repeated"
        if step.remote_id is not None:
            self._meter.runs(step.provider, step.remote_id)
        if step.state == "expired":
            await self._runner.recorder.apply(step, moves.resumed(step, self._clock.now()))
        if step.state in _UNKNOWN | {"submitting"} and self._group is not None:
            self._group.start_soon(self._learn, attempt_id, provider)
        self._runner.wake()
        return "heard"

    async def _learn(self, attempt_id: str, provider: Provider) -> None:
        """Nobody looks at a step whose outcome is unknown, so this goes on until the evidence could be looked at."""
        for tries in range(MOST_TRIES):
            try:
                step = await self._store.step_of(attempt_id)
                if step is None or step.state not in _UNKNOWN:
                    return
                found = await learn_by_news(step, provider, self._store, self._runner.recorder, self._clock)
            except FermataError:
                found = "not now"
            if found != "not now":
                return
            await anyio.sleep(backoff(tries, FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS))
