"""The fuzzer's messages over Streamable HTTP of a real server, several at a time, in both protocol eras."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from support.paid import Market
from support.processes import PATIENCE as START
from support.processes import Served, http_server, peak_memory, runs

from .answers import Due, due
from .messages import Messages, Said
from .odd_requests import Odd, odd
from .report import Report
from .settled import PATIENCE, opening, settle
from .wire import PLAIN, Reply, Wire, request

CLIENTS, PING_EVERY, ODD_SHARE = 8, 50, 0.15
MODERN = "2026-07-28"
ABOUT: Mapping[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "fuzz", "version": "1"},
}
_LONGEST_BODY = 4 * 1024 * 1024
_READ_AT_ONCE = 60_000
_LONGEST_NAME = 1000


@dataclass
class Shared:
    """What all clients of a run have in common. `left` counts the messages that are still to be sent."""

    port: int
    report: Report
    left: Iterator[int]
    done: int = 0
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self) -> None:
        self.done += 1
        if self.done % PING_EVERY == 0:
            self.more.set()


class Caller:
    """A client with a connection and, in the older era, a session."""

    def __init__(self, port: int, *, modern: bool = False) -> None:
        self.modern, self.port = modern, port
        self.wire = Wire(port)
        self.session = ""

    def headers(self, said: Said | None = None) -> dict[str, str]:
        if not self.modern:
            return {**PLAIN, **({"mcp-session-id": self.session} if self.session else {})}
        named = {"mcp-method": said.method, "mcp-name": said.name} if said else {}
        plain = {name: text for name, text in named.items() if text and text.isascii() and text.isprintable()}
        plain = {name: text[:_LONGEST_NAME] for name, text in plain.items()}
        return {**PLAIN, "mcp-protocol-version": MODERN, **plain}

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        return await asyncio.wait_for(self.wire.exchange(request(body, headers)), PATIENCE)

    async def open(self) -> None:
        """A new session, where the era knows them."""
        if self.modern:
            return
        self.session = ""
        asked = {"jsonrpc": "2.0", "id": "open", "method": "initialize", "params": opening()}
        self.session = (await self.post(json.dumps(asked).encode(), self.headers())).headers["mcp-session-id"]
        await self.post(b'{"jsonrpc":"2.0","method":"notifications/initialized"}', self.headers())

    async def ask(self, method: str, params: Any = None) -> Any:
        message: dict[str, Any] = {
            "jsonrpc": "2.0",
            "id": time.monotonic_ns(),
            "method": method,
            "params": params or {},
        }
        [answer] = (await self.post(json.dumps(message).encode(), self.headers())).answers()
        return answer


async def over_http(place: Market, count: int, seed: int, tools: Any) -> Report:
    """So many requests, and everything that must hold afterwards."""
    report = Report("http")
    settings = {**place.settings, "FERMATA_LOG_FORMAT": "json", "FERMATA_WAIT_SECONDS": "0.2"}
    folder = place.home.root / "place"
    with http_server(place.home, **settings, FERMATA_INPUT_ROOTS=str(folder)) as served:
        shared = Shared(int(served.base.rpartition(":")[2]), report, iter(range(count)))
        known = deque[str](maxlen=200)
        clients: list[Messages] = []
        for number in range(CLIENTS):
            about = ABOUT if number % 2 else None
            clients.append(Messages(Random(f"{seed} {number}"), tools, folder, about, known, part=f"{number}-"))
        begun = time.monotonic()
        pings = asyncio.create_task(_ping(shared))
        await asyncio.gather(*(_speak(shared, one) for one in clients))
        report.seconds = time.monotonic() - begun
        pings.cancel()
        await asyncio.wait([pings])
        report.expect(pings.cancelled(), "pings came to an end by themselves")
        last = Caller(shared.port)
        await last.open()
        await settle(last.ask, report)
        last.wire.close()
        await _leave(served, report)
    report.read_log(place.home.log)
    return report


async def _ping(shared: Shared) -> None:
    """On a connection of its own."""
    caller = Caller(shared.port)
    try:
        await caller.open()
        while True:
            await shared.more.wait()
            shared.more.clear()
            begun = time.monotonic()
            answer = await caller.ask("ping")
            shared.report.pings.append(time.monotonic() - begun)
            shared.report.expect("result" in answer, f"a ping: {answer}")
    finally:
        caller.wire.close()


async def _speak(shared: Shared, messages: Messages) -> None:
    caller = Caller(shared.port, modern=bool(messages.about))
    await caller.open()
    for _ in shared.left:
        said = messages.next()
        try:
            if messages.dice.random() < ODD_SHARE:
                await _say_oddly(caller, said, shared.report, messages)
            else:
                await _say(caller, said, shared.report, messages)
        except TimeoutError:
            shared.report.missing([None], said.data)
            caller.wire.close()
        shared.count()
    caller.wire.close()


async def _say(caller: Caller, said: Said, report: Report, messages: Messages) -> None:
    report.messages[said.kind] += 1
    reply = await caller.post(said.data, caller.headers(said))
    wanted = due(said.data)
    too_long = len(said.data) > _LONGEST_BODY and reply.status == 413
    fits = too_long or fitting(wanted, reply)
    if not fits and wanted and not reply.answers():
        report.missing([*wanted.ids, *[None] * bool(wanted.either)], said.data)
    report.expect(
        fits or not reply.answers(), f"{wanted} got {reply.status} {reply.body[:200]!r} for {said.data[:200]!r}"
    )
    _count(reply, report, messages)
    if reply.status == 404 and not caller.modern:
        await caller.open()


def fitting(wanted: Due, reply: Reply) -> bool:
    """Whether the answers are exactly those that are due. Over http, what asks nothing may be refused under null."""
    came = Counter(one.get("id") for one in reply.answers())
    if wanted.ids:
        return came == Counter(wanted.ids)
    if wanted.either:
        return came.total() == 1 and set(came) <= wanted.either
    return reply.status == 202 or (reply.status >= 400 and came == Counter([None]))


async def _say_oddly(caller: Caller, said: Said, report: Report, messages: Messages) -> None:
    """A request that is wrong as http: it is answered somehow or cut off, and never with a mistake of ours."""
    sent: Odd = odd(said, caller.headers(said), messages.dice)
    report.messages[sent.kind] += 1
    wire = Wire(caller.port) if sent.apart else caller.wire
    reply = await asyncio.wait_for(wire.exchange(sent.data, cut=sent.cut, head_only=sent.head_only), PATIENCE)
    if sent.apart:
        wire.close()
    report.counts["… cut off"] = report.counts.get("… cut off", 0) + (reply.status == 0)
    unread = sent.cut or len(sent.data) > _READ_AT_ONCE  # who closes before the end was read may not be heard
    report.expect(unread or reply.status > 0, f"no answer to {sent.kind} {sent.data[:300]!r}")
    answers = [] if sent.head_only else reply.answers()
    most = max(1, len(due(said.data).ids))
    report.expect(sent.cut or len(answers) <= most, f"{answers} to {sent.data[:300]!r} … {sent.data[-3000:]!r}")
    _count(reply, report, messages)


def _count(reply: Reply, report: Report, messages: Messages) -> None:
    report.expect(reply.status < 500 or reply.status == 503, f"{reply.status} {reply.body[:200]!r}")
    report.counts["… busy (503)"] = report.counts.get("… busy (503)", 0) + (reply.status == 503)
    with suppress(ValueError):
        for answer in reply.answers():
            report.take(answer, messages.known)


async def _leave(served: Served, report: Report) -> None:
    report.expect(runs(served.process.pid), "the process is gone")
    report.memory = peak_memory(served.process.pid)
    begun = time.monotonic()
    report.code = await asyncio.to_thread(served.signal_and_wait, signal.SIGTERM, START)
    report.leaving = time.monotonic() - begun
    report.expect(report.code == 0, f"it left with {report.code}")
