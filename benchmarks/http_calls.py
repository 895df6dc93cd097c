"""Create, read and list over http, as ratios of a tool of the bare SDK that echoes over the same transport.

    .venv/bin/python benchmarks/http_calls.py [seconds] [--sqlite]

One server on PostgreSQL (`deploy/cluster.py`), or on its own SQLite file; the floor is an SDK server with one tool, in
the same uvicorn with the same protocol class, without sessions. Bare sockets call both, eight at a time and turn by
turn, so that what else the machine does meets both. What is created are renders that no worker takes, from a file.
Ratios are of calls a second, and of the CPU that the server spends on a call.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from lines import Line
from replicas import TRACK, on_sqlite, replicas
from talk import child, cpu_of

AT_ONCE, TURNS, WARM = 8, 4, 40
ECHO = """
import asyncio, socket
import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from fermata_mcp.transports.sockets import limited_connections

server = MCPServer("echo", log_level="ERROR")

@server.tool()
def echo(text: str) -> str:
    return text

app = server.streamable_http_app(
    stateless_http=True, transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False)
)
listening = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
config = uvicorn.Config(
    app, http=limited_connections(4096), ws="none", log_level="error", access_log=False, timeout_keep_alive=600
)
asyncio.run(uvicorn.Server(config).serve([listening]))
"""
Ask = Callable[[Line, int], Awaitable[Any]]


class Side:
    """One server and what it costs it to be asked something."""

    def __init__(self, base: str, pid: int, asks: dict[str, Ask]) -> None:
        self.base, self.pid, self.asks = base, pid, asks
        self.rates: dict[str, list[float]] = {name: [] for name in asks}
        self.costs: dict[str, list[float]] = {name: [] for name in asks}
        self.alone: dict[str, list[float]] = {name: [] for name in asks}
        self._numbers = itertools.count()

    async def turn(self, name: str, seconds: float) -> None:
        lines = [await Line.open(self.base) for _ in range(AT_ONCE)]
        await self._alone(lines[0], name)
        before, begun = cpu_of(self.pid), time.monotonic()
        counts = await asyncio.gather(*(self._some(line, name, begun + seconds) for line in lines))
        self.rates[name].append(sum(counts) / (time.monotonic() - begun))
        self.costs[name].append((cpu_of(self.pid) - before) / sum(counts))
        for line in lines:
            line.close()

    async def _alone(self, line: Line, name: str) -> None:
        for _ in range(WARM):
            begun = time.perf_counter()
            await self.asks[name](line, next(self._numbers))
            self.alone[name].append(1000 * (time.perf_counter() - begun))

    async def _some(self, line: Line, name: str, until: float) -> int:
        count = 0
        while time.monotonic() < until:
            await self.asks[name](line, next(self._numbers))
            count += 1
        return count


async def echo(line: Line, number: int) -> None:
    await line.ask("tools/call", name="echo", arguments={"text": f"tsk_{number}"})


async def create(line: Line, number: int) -> None:
    said = await line.call(
        "extend_track", source=str(TRACK), provider="local", add_seconds=4, title=f"take {number}", wait_seconds=0
    )
    assert said["status"] == "queued", said


async def listed(line: Line, _: int) -> None:
    await line.call("list_tasks")


def reading(task: str) -> Ask:
    async def read(line: Line, _: int) -> None:
        await line.call("get_task", task_id=task)

    return read


async def compare(base: str, pid: int, echo_base: str, echo_pid: int, seconds: float) -> None:
    first = await Line.open(base)
    task = (await first.call("extend_track", source=str(TRACK), provider="local", add_seconds=4, wait_seconds=0))[
        "task_id"
    ]
    ours = Side(base, pid, {"read": reading(task), "list": listed, "create": create})
    floor = Side(echo_base, echo_pid, {"echo": echo})
    for _ in range(TURNS):
        for name in ours.asks:
            await floor.turn("echo", seconds / 2)
            await ours.turn(name, seconds)
            await floor.turn("echo", seconds / 2)
    rate, cost, alone = (statistics.median(found["echo"]) for found in (floor.rates, floor.costs, floor.alone))
    print("| call | a second | ratio | CPU ms | ratio | alone ms, p50 | ratio |\n|---|---|---|---|---|---|---|")
    print(f"| echo of the bare SDK | {rate:.0f} | 1 | {1000 * cost:.2f} | 1 | {alone:.2f} | 1 |")
    for name in ours.asks:
        its, spent, took = (statistics.median(found[name]) for found in (ours.rates, ours.costs, ours.alone))
        print(
            f"| {name} | {its:.0f} | {its / rate:.2f} | {1000 * spent:.2f} | {cost / spent:.2f} "
            f"| {took:.2f} | {alone / took:.2f} |"
        )
    print(f"load {os.getloadavg()[0]:.1f}")


async def measure(seconds: float, *, sqlite: bool) -> None:
    opened = on_sqlite(FERMATA_STATELESS="1") if sqlite else replicas(1)
    with opened as (server,):
        async with child((sys.executable, "-c", ECHO)) as (process, base):
            await compare(server.base, server.pid, base, process.pid, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=float, nargs="?", default=4)
    parser.add_argument("--sqlite", action="store_true")
    given = parser.parse_args()
    asyncio.run(measure(given.seconds, sqlite=given.sqlite))


if __name__ == "__main__":
    main()
