"""Thousands of tasks in flight in one server: memory, CPU a look, and whether it still answers.

    .venv/bin/python benchmarks/in_flight.py [tasks] [seconds]

A real server process over stdio, and a trivial provider (apiin's wire, always "processing") on loopback in a process of
its own. The rows are copies of one task that really was submitted, due evenly over the poll interval of 15 s. The bare
loop is a process with 64 coroutines that GET the same address through one httpx2 client and parse the JSON.
Then ten times as many, which no single process can look at in time, and as many that are not due: what mere rows cost.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from talk import FERMATA, Talk, child, env_in, get, spread, talking

from fermata_mcp.store.opening import DATABASE
from fermata_mcp.store.sqlite.store import SqliteStore

TASKS, SECONDS = 10_000, 30
INTERVAL_MS = 15_000
CALM_MS = 1_800_000
SETTLE_SECONDS = 3
PING_EVERY = 0.05
PROVIDER = """
import asyncio, json
LOOKS = 0

async def talk(reader, writer):
    global LOOKS
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            length = [line for line in head.lower().split(b"\\r\\n") if line.startswith(b"content-length:")]
            if length:
                await reader.readexactly(int(length[0][15:]))
            if head.startswith(b"POST"):
                said = {"task_id": "remote-0"}
            elif head.startswith(b"GET /looks"):
                said = {"looks": LOOKS}
            else:
                LOOKS += 1
                said = FEED
            body = json.dumps(said).encode()
            kind = b"content-type: application/json\\r\\n"
            writer.write(b"HTTP/1.1 200 OK\\r\\n%scontent-length: %d\\r\\n\\r\\n%s" % (kind, len(body), body))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

FEED = {"code": 200, "message": "success", "data": {"status": "processing", "items": []}}

async def main():
    server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
BARE = """
import asyncio, json, os, sys, time
import httpx2

async def main():
    url, seconds, count = sys.argv[1], float(sys.argv[2]), 0
    client = httpx2.AsyncClient()
    await client.get(url)
    until, cpu = time.monotonic() + seconds, time.process_time()
    async def worker():
        nonlocal count
        while time.monotonic() < until:
            json.loads((await client.get(url)).content)
            count += 1
    await asyncio.gather(*[worker() for _ in range(64)])
    print(json.dumps([count, time.process_time() - cpu]), flush=True)
    os._exit(0)

asyncio.run(main())
"""
COPY = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO {table} ({columns}) SELECT {values} FROM {table}, n
"""
KEYS = {"id", "task_id", "step_id", "attempt_id", "remote_id", "request_hash"}


async def fill(folder: str, count: int, due: Literal["soon", "later"]) -> None:
    """Make `count` further waiting tasks of the one there is."""

    def copy(c: Any) -> None:
        now = time.time_ns() // 1_000_000
        for table in ("task", "step", "attempt", "ledger") if count > 1 else ():
            names = [row[1] for row in c.execute(f"PRAGMA table_info({table})")]
            names = [name for name in names if not (table == "ledger" and name == "id")]
            values = [f"{name} || '-' || i" if name in KEYS else name for name in names]
            sql = COPY.format(table=table, columns=", ".join(names), values=", ".join(values))
            c.execute(sql, {"count": count - 1})
        spaced = f"{now + SETTLE_SECONDS * 1000} + abs(random() % {INTERVAL_MS})"
        c.execute(f"UPDATE step SET home = NULL, due_at = {spaced if due == 'soon' else now + CALM_MS}")

    store = SqliteStore(Path(folder) / DATABASE)
    await store._write(copy)  # pyright: ignore[reportPrivateUsage]
    await store.close()


async def one_task(folder: str, url: str) -> str:
    async with talking(FERMATA, env_in(folder, url, "APIIN")) as talk:
        task = (await talk.call("extend_track", source="clip:made-before/0", provider="apiin", wait_seconds=0))[
            "task_id"
        ]
        await asyncio.sleep(1)
    return task


async def watch(talk: Talk, seconds: float) -> list[float]:
    pings: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pings.append(await talk.ping())
        await asyncio.sleep(PING_EVERY)
    return pings


async def read_calls(talk: Talk, tool: str, **arguments: Any) -> float:
    """Median milliseconds of some calls."""
    times: list[float] = []
    for _ in range(7):
        began = time.perf_counter()
        await talk.call(tool, **arguments)
        times.append((time.perf_counter() - began) * 1000)
    return spread(times)[0]


async def store_calls(folder: str, task: str) -> str:
    """Median milliseconds of what the store does between two looks, with no server about."""
    store, times = SqliteStore(Path(folder) / DATABASE), list[list[float]]()
    now = time.time_ns() // 1_000_000 - 60_000
    for _ in range(7):
        marks = [time.perf_counter()]
        await store.claim(home="bench", now=now, limit=64)
        marks.append(time.perf_counter())
        await store.get(task)
        marks.append(time.perf_counter())
        times.append([(after - before) * 1000 for before, after in pairwise(marks)])
    await store.close()
    return " / ".join(f"{spread(column)[0]:.1f}" for column in zip(*times, strict=True))


async def measure(count: int, due: Literal["none", "soon", "later"], seconds: float, url: str) -> float:
    """One row of the table; gives the CPU seconds of one look."""
    with tempfile.TemporaryDirectory() as folder:
        task = await one_task(folder, url)
        await fill(folder, count, "soon" if due == "soon" else "later")
        store = await store_calls(folder, task)
        async with talking(FERMATA, env_in(folder, url, "APIIN")) as talk:
            await talk.call("get_task", task_id=task)
            await asyncio.sleep(SETTLE_SECONDS)
            looks, cpu, began = get(f"{url}/looks")["looks"], talk.cpu(), time.monotonic()
            pings = await watch(talk, seconds)
            took = time.monotonic() - began
            looks, cpu = get(f"{url}/looks")["looks"] - looks, talk.cpu() - cpu
            memory = talk.memory()
            reads = [await read_calls(talk, "get_task", task_id=task), await read_calls(talk, "list_tasks", limit=20)]
        p50, p95, most = spread(pings)
        each = f"{cpu / looks * 1000:.1f}" if looks else "-"
        told = {"none": "none", "soon": f"{count:,} in flight", "later": f"{count:,} rows, none due"}[due]
        print(
            f"| {told} | {memory:.0f} | {looks / took:.0f} | {each} | {cpu / took * 100:.0f} % "
            f"| {p50:.1f} / {p95:.1f} / {most:.0f} | {reads[0]:.1f} | {reads[1]:.1f} | {store} |",
            flush=True,
        )
        return cpu / looks if looks else 0.0


async def bare(url: str, seconds: float) -> float:
    """CPU seconds of one look by a loop that does nothing else."""
    feed = f"{url}/api/v1/audio/music/feed?task_id=x"
    async with child((sys.executable, "-c", BARE, feed, str(seconds))) as (_, line):
        count, cpu = json.loads(line)
    print(f"\nBare loop: {count / seconds:.0f} looks/s, {cpu / count * 1000:.2f} ms CPU each.", flush=True)
    return cpu / count


async def run(tasks: int, seconds: float) -> None:
    print(
        "| tasks | RSS MB | looks/s | CPU ms a look | CPU | ping ms p50 / p95 / most | get_task ms | list_tasks ms "
        "| store: claim nothing / get ms |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    async with child((sys.executable, "-c", PROVIDER)) as (_, url):
        await measure(0, "none", 5, url)
        await measure(tasks // 10, "soon", seconds, url)
        ours = await measure(tasks, "soon", seconds, url)
        await measure(tasks * 10, "soon", seconds, url)
        await measure(tasks * 10, "later", 10, url)
        floor = await bare(url, 5)
    print(f"CPU a look: {ours / floor:.1f} x the bare loop. To keep the pace, {tasks / 15:.0f} looks/s are needed.")
    print("Goal: memory <= 1.3 x none, pings <= 100 ms.")


def main() -> None:
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else TASKS
    asyncio.run(run(tasks, float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS))


if __name__ == "__main__":
    main()
