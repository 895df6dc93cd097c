"""The fuzzer's messages over standard input and output of a real server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from support.paid import Market
from support.processes import SERVER, peak_memory, runs

from .answers import Books, due
from .messages import Messages
from .report import Report
from .settled import PATIENCE, opening, settle

PING_EVERY, PORTION, OPEN_AT_MOST = 100, 10, 20
_LONGEST_LINE = 1 << 26


class Line:
    """One connection to a server process: what is due on it, and what came."""

    def __init__(self, process: asyncio.subprocess.Process, report: Report, messages: Messages) -> None:
        self.process = process
        self.books = Books()
        self._report = report
        self._messages = messages
        self._asked: dict[str, tuple[float, asyncio.Future[Any]]] = {}
        self._news = asyncio.Event()

    async def read(self) -> None:
        assert self.process.stdout
        async for line in self.process.stdout:
            self._hear(json.loads(line), time.monotonic())
            self._news.set()

    def _hear(self, message: dict[str, Any], now: float) -> None:
        if "method" in message:
            return
        named = message.get("id")
        if named in self._asked:
            begun, future = self._asked.pop(str(named))
            self._report.pings += [now - begun] if str(named).startswith("ping") else []
            future.set_result(message)
            return
        self.books.take(named)
        self._report.take(message, self._messages.known)

    def say(self, *lines: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(b"".join(line + b"\n" for line in lines))

    def ask(self, method: str, params: Any = None) -> asyncio.Future[Any]:
        """Beside the books."""
        named = f"{method} {time.monotonic_ns()}"
        future = asyncio.get_running_loop().create_future()
        self._asked[named] = (time.monotonic(), future)
        self.say(json.dumps({"jsonrpc": "2.0", "id": named, "method": method, "params": params or {}}).encode())
        return future

    async def room(self, most: int) -> None:
        """Until no more than so many are open; those that were not answered in time are told, and let go."""
        assert self.process.stdin
        await self.process.stdin.drain()
        deadline = time.monotonic() + PATIENCE
        while len(self.books.waiting) > most:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), deadline - time.monotonic())
            except TimeoutError:
                self._report.expect(False, f"nothing came for {PATIENCE} s: {self.books.waiting}")
                self.books.waiting.clear()


@asynccontextmanager
async def speaking(place: Market, report: Report, messages: Messages) -> AsyncGenerator[Line]:
    with place.home.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *SERVER,
            env=place.environment(FERMATA_LOG_FORMAT="json", FERMATA_WAIT_SECONDS="0.2"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            limit=_LONGEST_LINE,
        )
    line = Line(process, report, messages)
    reading = asyncio.create_task(line.read())
    try:
        yield line
    finally:
        if process.returncode is None:
            process.kill()
        await asyncio.wait_for(reading, PATIENCE)
        await process.wait()


async def over_stdio(place: Market, count: int, seed: int, tools: Any) -> Report:
    """So many messages, some open at a time, and everything that must hold afterwards."""
    report = Report("stdio")
    messages = Messages(Random(seed), tools, place.home.root / "place")
    async with speaking(place, report, messages) as line:
        await line.ask("initialize", opening())
        line.say(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        begun = time.monotonic()
        for number in range(count):
            _say_one(line, messages, report)
            if number % PORTION == 0:
                if number % PING_EVERY == 0:
                    line.ask("ping")
                await line.room(OPEN_AT_MOST)
        await line.room(0)
        await asyncio.wait_for(line.ask("ping"), PATIENCE)
        report.seconds = time.monotonic() - begun
        report.missing(line.books.unanswered())
        beyond = line.books.without_a_question()
        report.missing([None] * -beyond)
        report.expect(beyond <= 0, f"{beyond} answers to nothing")
        await settle(line.ask, report)
        await _leave(line, report)
    report.read_log(place.home.log)
    return report


def _say_one(line: Line, messages: Messages, report: Report) -> None:
    said = messages.next()
    report.messages[said.kind] += 1
    if said.cancels is not None:
        line.books.excuse(said.cancels)
    parts = said.data.split(b"\n")
    for part in parts:
        line.books.expect(due(part))
    line.say(*parts)


async def _leave(line: Line, report: Report) -> None:
    report.expect(runs(line.process.pid), "the process is gone")
    report.memory = peak_memory(line.process.pid)
    assert line.process.stdin
    begun = time.monotonic()
    line.process.stdin.close()
    report.code = await asyncio.wait_for(line.process.wait(), PATIENCE)
    report.leaving = time.monotonic() - begun
    report.expect(report.code == 0, f"it left with {report.code}")
