"""Adapters that speak HTTP: their rigs, and a bench with an emulator behind it."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar
from unittest.mock import patch

import httpx2 as httpx
import soundfile

from contract.rig import CALLBACK, CANARY, Bench, Capability, Rig
from emulators.base import Emulator
from emulators.faults import Deed, Fault, Front, Kind
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.media.network.tls import tls
from fermata_mcp.providers.base import ProviderContext
from fermata_mcp.providers.http.adapter import HttpAdapter
from fermata_mcp.providers.http.client import HttpProvider
from fermata_mcp.providers.http.line import Line
from support.accounts import context_of

ORIGIN = "http://emulator.test"
PATIENCE = 180.0
# Time-outs for far sides that never answer: the first that is long enough for the request to get there.
HURRIES = (0.4, 4.0, 40.0)
NEVER_ANSWERED: tuple[Deed, ...] = ("hang", "drip")


@dataclass(frozen=True)
class Example:
    """A request of the provider's own documentation, and the work that must become exactly it."""

    work: Work
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """An answer to a submit, and the code of the refusal it is; None where it leaves the outcome open."""

    name: str
    status: int
    body: Any
    code: str | None


@dataclass
class WireBench(Bench):
    """A real provider in front of its emulator."""

    rig: WireRig
    emulator: Emulator
    client: httpx.AsyncClient

    @property
    def work(self) -> Work:
        return self.rig.first_work

    def end_as(self, outcome: str) -> None:
        self.emulator.outcome = outcome

    def begin_slowly(self) -> None:
        self.emulator.ready_after_polls = 1

    async def length_of(self, clip: Clip) -> float:
        return await self.played(clip.url)

    async def arrived(self, work: Work) -> Mapping[str, Any]:
        await self.submitted(work)
        return self.rig.inner(self.emulator.seen[-1].json())

    async def played(self, url: str | None) -> float:
        answer = await self.client.get(url or "")
        assert answer.status_code == 200
        found: Any = soundfile.info(io.BytesIO(answer.content))
        return found.duration

    def clean(self) -> None:
        """The provider never saw anything that it does not document."""
        assert self.emulator.violations == []
        assert self.emulator.ledger.double_charges() == []


@dataclass(frozen=True, kw_only=True)
class WireRig(Rig):
    """The part that adapters to HTTP have besides.

    Attributes:
        variables: Those of its key and of its addresses.
        callback: The callback address that its examples are sent with.
        refusals: Documented codes: our error code, and whether the same request may be sent later. Any other 4xx but
            408 is `invalid_request`.
        busy: A code that asks to come again.
        in_body: Whether errors also come with HTTP 200 and the code in the body.
        accepted: An answer that takes the work on under an id.
        said: More answers to a submit.
        unknown_state: An `outcome` that nobody documented.
        written: The emulator's knobs for each way to write the length of a clip.
        stages: Looks that it takes to see every state.
        inner: The part of a body that has the fields.
        in_http: Codes that mean something else as the status of the answer itself.
        id_prefix: What is put before the ids of the provider.
        native: Options that are passed on as they are.
        charges: Whether a look tells what the work cost.
        final_looks: Documented errors on a look that are the end of the work.
    """

    can: ClassVar[frozenset[Capability]] = frozenset({"wire"})
    adapter: Callable[[str | None], HttpAdapter]
    emulator: Callable[[], Emulator]
    variables: tuple[str, ...]
    examples: tuple[Example, ...]
    refusals: Mapping[int, tuple[str, bool]]
    busy: int
    accepted: Callable[[str], Any]
    written: Mapping[str, Mapping[str, Any]]
    unknown_state: str = "FROBBING"
    in_body: bool = True
    said: tuple[Said, ...] = ()
    stages: int = 4
    final_looks: frozenset[int] = frozenset()
    uploads: bool = True
    inner: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict
    in_http: Mapping[int, tuple[str, bool]] = field(default_factory=dict[int, tuple[str, bool]])
    id_prefix: str = ""
    native: Mapping[str, Any] = field(default_factory=lambda: {"brandNewField": {"deep": [1, None]}})
    charges: bool = False
    callback: str | None = None

    @property
    def spec(self) -> ProviderSpec:
        return self.made().spec

    @property
    def key_variable(self) -> str:
        return self.variables[0]

    @property
    def first_work(self) -> Work:
        return next(iter(self.sources.values()))

    def context(self, url: str = ORIGIN, **more: Any) -> ProviderContext:
        key, *addresses = (name.lower() for name in self.variables)
        given: dict[str, Any] = {"callback_url": CALLBACK, "patience": PATIENCE, key: CANARY}
        led: dict[str, Any] = dict.fromkeys(addresses, url)
        return context_of(self.spec, **(given | led | more))

    def made(self) -> HttpAdapter:
        return self.adapter(self.callback)

    def body_of(self, work: Work) -> dict[str, Any]:
        return dict(self.inner(self.made().submit_call(work).body or {}))

    def bench(self) -> AbstractAsyncContextManager[WireBench]:
        return bench(self)


@asynccontextmanager
async def bench(
    rig: WireRig, *, url: str = ORIGIN, emulator: Emulator | None = None, **more: Any
) -> AsyncGenerator[WireBench]:
    """In this process without a socket; over one where a `url` is given."""
    emulator = emulator or rig.emulator()
    emulator.key = CANARY
    transport = httpx.ASGITransport(app=emulator.app) if url == ORIGIN else None
    provider = HttpProvider(rig.made(), rig.context(url, **more), transport)
    async with httpx.AsyncClient(transport=transport, base_url=url, verify=tls()) as client:
        try:
            yield WireBench(provider, rig, emulator, client)
        finally:
            await provider.aclose()


@asynccontextmanager
async def loopback(rig: WireRig, kind: Kind, fault: Fault, patience: float = PATIENCE) -> AsyncGenerator[WireBench]:
    """Over a socket, where a request of that kind meets `fault`; a submit gives up after `patience`."""
    emulator = rig.emulator()
    emulator.script(kind, fault, 3)
    async with Front(emulator) as url, bench(rig, url=url, emulator=emulator, patience=patience) as made:
        yield made


def hurried_reads(patience: float) -> Any:
    """Inside, what is no submit gives up after `patience`."""
    return patch.object(vars(Line)["read"], "__defaults__", (patience, None))


@contextmanager
def logged() -> Generator[list[str]]:
    """Every line that is logged at any level."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(logging.Formatter().format(record))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
