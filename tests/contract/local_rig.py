"""The rig of `local`: no wire, but worker processes that can be real ones or play a part."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import tempfile
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import anyio

from contract.rig import CANARY, Bench, Capability, Rig, work
from emulators import worker
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Provider, ProviderContext
from fermata_mcp.providers.local import provider as local
from support.accounts import context_in
from support.places import TESTS
from support.processes import seconds_of, write_beat

SOURCE_SECONDS = 6.0
Make = Callable[[ProviderContext], Provider]


@dataclass
class LocalBench(Bench):
    """The real provider with a real track, in a folder of its own.

    Attributes:
        broken: What came out of the provider's own tasks; in the program it would end the engine.
        changed: The ids that the provider said are worth a look.
    """

    folder: Path
    broken: list[BaseException] = field(default_factory=list[BaseException])
    changed: list[str] = field(default_factory=list[str])
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    @property
    def source(self) -> Path:
        return self.folder / "song.wav"

    @property
    def target(self) -> Path:
        return self.folder / "out" / "longer.wav"

    @property
    def work(self) -> Work:
        return Work(source_file=str(self.source), save_as=str(self.target), length_seconds=SOURCE_SECONDS + 4)

    def end_as(self, outcome: str) -> None:
        os.environ[worker.PLAYED] = outcome
        local.WORKER = worker.__name__

    def begin_slowly(self) -> None:
        """It always does: a process has to start."""

    async def length_of(self, clip: Clip) -> float:
        return seconds_of(Path(clip.file or ""))

    async def arrived(self, work: Work) -> Mapping[str, Any]:
        self.end_as("repeats its job")
        said = await self.over(await self.submitted(work, f"att_{secrets.token_hex(4)}"))
        assert said.error is not None
        return json.loads(said.error.message)["job"]

    def spawn(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.create_task(run())
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        self.broken += [] if error is None else [error]

    async def aclose(self) -> None:
        with anyio.CancelScope(shield=True), anyio.fail_after(180):
            await self.provider.aclose()
        for task in tuple(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@dataclass(frozen=True, kw_only=True)
class LocalRig(Rig):
    can: ClassVar[frozenset[Capability]] = frozenset({"worker"})
    make: Make = local.make

    @property
    def spec(self) -> ProviderSpec:
        return local.SPEC

    @property
    def key_variable(self) -> None:
        return None

    def given(self, work: Work, fields: Mapping[str, Any]) -> Work:
        """As the engine's plan does it: what is added is told as the length of the whole."""
        named = dict(fields)
        more = named.pop("add_seconds", None)
        whole = {} if more is None else {"length_seconds": self.as_sent("add_seconds", more)}
        return super().given(work, named).model_copy(update=whole)

    def as_sent(self, name: str, value: Any) -> Any:
        return SOURCE_SECONDS + value if name == "add_seconds" else value

    def bench(self) -> AbstractAsyncContextManager[LocalBench]:
        return local_bench(self)


@asynccontextmanager
async def local_bench(rig: LocalRig) -> AsyncGenerator[LocalBench]:
    path = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
    environment = {"PYTHONPATH": path, "SUNOAPI_API_KEY": CANARY, "FERMATA_AUTH_TOKENS": f"canary:{CANARY}"}
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.dict(os.environ, environment),
        patch.object(local, "WORKER", local.WORKER),
    ):
        made: LocalBench
        host = context_in(local.SPEC, lambda run: made.spawn(run), lambda id_: made.changed.append(id_))
        made = LocalBench(rig.make(host), Path(folder))
        write_beat(made.source, SOURCE_SECONDS)
        made.target.parent.mkdir()
        try:
            yield made
        finally:
            await made.aclose()
        assert made.broken == []


FAILS = ("failed", "generation_failed")
LOCAL = LocalRig(
    name="local",
    kinds=frozenset({"file", "url", "task"}),
    sources={"file": work(source_file="/nowhere/song.wav", length_seconds=SOURCE_SECONDS + 4)},
    full={},
    wire={"continue_at": "continue_at", "add_seconds": "length_seconds", "title": "title"},
    endings={
        **{code: ("failed", code) for code in ("invalid_request", "not_audio", "too_large", "store_unavailable")},
        **dict.fromkeys([*worker.SAID, "is killed", "crashes", "floods"], FAILS),
        "says a code of its own": ("failed", "internal"),
    },
    unlisted="lost",
    stops=True,
    clips=1,
    balance=False,
)
