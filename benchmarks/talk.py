"""What the benchmarks share: a real server process spoken to over stdio, an emulator process, and percentiles."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

TESTS = Path(__file__).parents[1] / "tests"
FERMATA = (sys.executable, "-m", "fermata_mcp")
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
Message = dict[str, Any]
Listener = Callable[[Message], None]


class Talk:
    """A client of one server process. Several questions may be open at once."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._open: dict[int, asyncio.Future[Any]] = {}
        self._next = 0
        self.listener: Listener = lambda _: None
        self._reader = asyncio.create_task(self._read())

    async def ask(self, method: str, params: Message) -> Any:
        self._next += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._open[self._next] = answer
        self._send({"jsonrpc": "2.0", "id": self._next, "method": method, "params": params})
        return await answer

    async def call(self, tool: str, **arguments: Any) -> Message:
        """A tool's structured answer; its own error message where it failed."""
        said = await self.ask("tools/call", {"name": tool, "arguments": arguments, "_meta": {"progressToken": 1}})
        if said.get("isError"):
            raise SystemExit(f"{tool}: {said['content'][0]['text']}")
        return said.get("structuredContent") or said

    async def ping(self) -> float:
        """Milliseconds to the answer."""
        before = time.perf_counter()
        await self.ask("ping", {})
        return (time.perf_counter() - before) * 1000

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu(self) -> float:
        """CPU seconds so far."""
        return cpu_of(self._process.pid)

    def memory(self) -> float:
        """Resident MB."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    def _send(self, message: Message) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout
        while line := await self._process.stdout.readline():
            message = json.loads(line)
            waiting = self._open.pop(message.get("id"), None)
            if waiting is None:
                self.listener(message)
            elif waiting.done():
                pass  # nobody waits for this answer any more
            elif "error" in message:
                waiting.set_exception(RuntimeError(message["error"]["message"]))
            else:
                waiting.set_result(message["result"])

    async def begin(self) -> None:
        await self.ask("initialize", INITIALIZE)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def end(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 20)
        self._reader.cancel()


@asynccontextmanager
async def talking(command: Sequence[str], env: Mapping[str, str]) -> AsyncGenerator[Talk]:
    """A started and initialized server."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **env}, limit=1 << 24
    )
    talk = Talk(process)
    await talk.begin()
    try:
        yield talk
    finally:
        await talk.end()


@asynccontextmanager
async def child(command: Sequence[str]) -> AsyncGenerator[tuple[asyncio.subprocess.Process, str]]:
    """A helper process and the first line that it printed (its address)."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(TESTS)}
    )
    assert process.stdout
    try:
        yield process, (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


def env_in(folder: str, url: str, family: str, **more: str) -> dict[str, str]:
    """A Fermata that works in `folder` with one provider, which is emulated at `url`."""
    return {
        "FERMATA_DATA_DIR": folder,
        "FERMATA_OUTPUT_DIR": folder,
        f"{family}_API_KEY": "emulator-key",
        f"{family}_BASE_URL": url,
    } | more


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """p50, p95 and the greatest."""
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], ordered[-1]


def post(url: str, body: Message) -> None:
    """Script an emulator."""
    import urllib.request

    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10):
        pass


def get(url: str) -> Message:
    import urllib.request

    with urllib.request.urlopen(url, timeout=10) as answer:
        return cast(Message, json.load(answer))
