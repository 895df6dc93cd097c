"""What waiting costs: a thousand calls that wait on one replica, and five hundred sessions that do nothing.

    .venv/bin/python benchmarks/waiting.py [calls] [sessions]

Two replicas on PostgreSQL (`deploy/cluster.py`). The calls (`get_task` with `wait_seconds`) come over bare sockets and
wait for one render that no worker takes; it is cancelled at the same replica, and in a second round at the other, and
each must hear of it. Then as many wait for a task each, and all of these are cancelled by one call. The floor of the
memory is the bare SDK in the same uvicorn, with a tool that sleeps; that of the sessions, its idle sessions.
Then one person asks as fast as 64 connections can beside the idle sessions, and another reads a task now and then.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from http_calls import ECHO, echo
from lines import Line
from replicas import TRACK, Replica, on_sqlite, replicas
from talk import child, cpu_of, spread

CALLS, SESSIONS, WARM = 1_000, 500, 64
OPENED_AT_ONCE, GREEDY, READS = 50, 64, 100
WAIT_SECONDS, SETTLE_SECONDS = 600, 1.0
CALM_LOOKS, CALM_CPU_SECONDS = 3, 0.03
SLEEP = """
morning = asyncio.Event()

@server.tool()
async def sleep() -> str:
    await morning.wait()
    return "good morning"

@server.tool()
async def wake() -> None:
    morning.set()

app ="""
SLEEPER = ECHO.replace("\napp =", SLEEP, 1)
SESSIONFUL = ECHO.replace("stateless_http=True", "stateless_http=False")
Send = Callable[[Line, int], None]


async def opened(base: str, count: int) -> list[Line]:
    lines = list[Line]()
    for start in range(0, count, OPENED_AT_ONCE):
        lines += await asyncio.gather(*(Line.open(base) for _ in range(min(OPENED_AT_ONCE, count - start))))
    return lines


async def begun(base: str, title: str) -> str:
    line = await Line.open(base)
    said = await line.call(
        "extend_track", source=str(TRACK), provider="local", add_seconds=4, title=title, wait_seconds=0
    )
    line.close()
    return said["task_id"]


def waiting_for(tasks: list[str]) -> Send:
    def send(line: Line, number: int) -> None:
        asked = {"task_id": tasks[number % len(tasks)], "wait_seconds": WAIT_SECONDS}
        line.send("tools/call", {"name": "get_task", "arguments": asked})

    return send


def sleeping(line: Line, _: int) -> None:
    line.send("tools/call", {"name": "sleep", "arguments": {}})


async def quiet(pid: int) -> None:
    """Wait until a process has done hardly anything for a while, whatever else the machine does."""
    done, calm = cpu_of(pid), 0
    while calm < CALM_LOOKS:
        await asyncio.sleep(SETTLE_SECONDS)
        done, before = cpu_of(pid), done
        calm = calm + 1 if done - before <= CALM_CPU_SECONDS else 0


async def held(server: Replica, count: int, send: Send) -> tuple[list[Line], float]:
    """So many calls that wait, and what each of them holds, in KB."""
    lines = await opened(server.base, count)
    await quiet(server.pid)
    before = server.memory
    for number, line in enumerate(lines):
        send(line, number)
    await quiet(server.pid)
    return lines, (server.memory - before) / count / 1024


async def warmed(base: str, ask: Callable[[Line], Awaitable[Any]]) -> None:
    """What the first calls load and allocate is no cost of waiting."""
    lines = await opened(base, WARM)
    for _ in range(4):
        await asyncio.gather(*map(ask, lines))
    for line in lines:
        line.close()


async def heard(lines: list[Line], at: str, tool: str, **arguments: str) -> tuple[float, float]:
    """Seconds from the call that ends the waiting to the middle one's answer, and to the last."""
    line, since, times = await Line.open(at), time.monotonic(), list[float]()

    async def one(waiting: Line) -> None:
        said = await waiting.answer()
        assert not said.get("isError"), said
        times.append(time.monotonic() - since)

    await asyncio.gather(line.call(tool, **arguments), *map(one, lines))
    for each in (line, *lines):
        each.close()
    return statistics.median(times), times[-1]


async def calls(count: int) -> None:
    print("| waiting calls | KB each | all heard after s | half | CPU ms each |\n|---|---|---|---|---|")
    async with child((sys.executable, "-c", SLEEPER)) as (process, base):
        floor = Replica(base, process.pid)
        await warmed(base, lambda line: echo(line, 0))
        lines, least = await held(floor, count, sleeping)
        before = cpu_of(process.pid)
        half, last = await heard(lines, base, "wake")
        cost = 1000 * (cpu_of(process.pid) - before) / count
    print(f"| {count:,} of the bare SDK | {least:.1f} | {last:.2f} | {half:.2f} | {cost:.2f} |", flush=True)
    with replicas(2) as (first, second):
        one = await begun(first.base, "read")
        await warmed(first.base, lambda line: line.call("get_task", task_id=one))
        for name, many, at in (
            ("one task", 1, first),
            ("… cancelled elsewhere", 1, second),
            ("a task each", count, second),
        ):
            tasks = [await begun(first.base, f"{name} {number}") for number in range(many)]
            lines, each = await held(first, count, waiting_for(tasks))
            before = cpu_of(first.pid)
            half, last = await heard(lines, at.base, "cancel_task", task_id=tasks[0] if many == 1 else "all")
            cost = 1000 * (cpu_of(first.pid) - before) / count
            print(f"| {count:,}, {name} | {each:.1f} | {last:.2f} | {half:.2f} | {cost:.2f} |", flush=True)


async def idle(base: str, count: int) -> list[Line]:
    """So many sessions, each with its open stream."""
    lines = list[Line]()
    for start in range(0, count, OPENED_AT_ONCE):
        some = await opened(base, min(OPENED_AT_ONCE, count - start))
        await asyncio.gather(*(line.begin() for line in some))
        await asyncio.gather(*(line.listen() for line in some))
        lines += some
    return lines


async def more_memory(server: Replica, count: int) -> tuple[list[Line], float]:
    for line in await idle(server.base, 20):
        line.close()
    await quiet(server.pid)
    before = server.memory
    lines = await idle(server.base, count)
    await quiet(server.pid)
    return lines, (server.memory - before) / 2**20


async def reads(line: Line, task: str) -> list[float]:
    """Milliseconds of some calls of somebody who is in no hurry."""
    took = list[float]()
    for _ in range(READS):
        since = time.perf_counter()
        await line.call("get_task", task_id=task)
        took.append(1000 * (time.perf_counter() - since))
        await asyncio.sleep(0.02)
    return took


async def session(base: str) -> Line:
    line = await Line.open(base)
    await line.begin()
    return line


async def sessions(count: int) -> None:
    async with child((sys.executable, "-c", SESSIONFUL)) as (process, base):
        _, least = await more_memory(Replica(base, process.pid), count)
    with on_sqlite() as (server,):
        task, quiet = await begun_in_session(server.base), await session(server.base)
        alone = spread(await reads(quiet, task))
        _, more = await more_memory(server, count)
        beside = spread(await reads(quiet, task))
        greedy = [await session(server.base) for _ in range(GREEDY)]
        hurry = [asyncio.create_task(without_end(line)) for line in greedy]
        pressed = spread(await reads(quiet, task))
        for one in hurry:
            one.cancel()
    print(f"{count} idle sessions with a stream: {more:.0f} MB more; of the bare SDK {least:.0f} MB")
    for name, (p50, p95, most) in (("alone", alone), ("beside them", beside), (f"and {GREEDY} that ask", pressed)):
        print(f"get_task {name}: p50 {p50:.1f}, p95 {p95:.1f}, most {most:.1f} ms")


async def begun_in_session(base: str) -> str:
    line = await session(base)
    asked = {"source": str(TRACK), "provider": "local", "add_seconds": 4, "wait_seconds": 0}
    return (await line.call("extend_track", **asked))["task_id"]


async def without_end(line: Line) -> None:
    while True:
        await line.call("list_tasks")


async def run(given: list[int]) -> None:
    await calls(given[0])
    await sessions(given[1])
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    asyncio.run(run(given + [CALLS, SESSIONS][len(given) :]))
