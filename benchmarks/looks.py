"""What a look at running work costs: CPU of one replica, against a bare client loop that polls the same address.

    .venv/bin/python benchmarks/looks.py [turns] [--postgres] [--tasks N]

Thousands of tasks in one real server are all due, so that it looks as fast as it can; see `in_flight.py`. Turn by
turn a bare loop (64 coroutines, one httpx2 client, JSON parsed) asks the same provider as often. CPU time, which a busy
machine stretches less than it does wall time; the ratio is the middle of the turns. The figure per replica is how many
tasks one process can look at every 15 s with one core.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from in_flight import INTERVAL_MS, KEYS, PROVIDER, fill
from lines import Line
from replicas import replicas
from talk import FERMATA, child, cpu_of, env_in, get, talking

from fermata_mcp.store.postgres.store import PostgresStore

TASKS, TURNS, LOOKS = 10_000, 5, 1_500
BARE = """
import asyncio, json, os, sys, time
import httpx2

async def main():
    url, left = sys.argv[1], int(sys.argv[2])
    client = httpx2.AsyncClient()
    await client.get(url)
    cpu = time.process_time()
    async def worker():
        nonlocal left
        while left > 0:
            left -= 1
            json.loads((await client.get(url)).content)
    await asyncio.gather(*[worker() for _ in range(64)])
    print(time.process_time() - cpu, flush=True)
    os._exit(0)

asyncio.run(main())
"""


@dataclass(frozen=True)
class Looking:
    """A server that has more to look at than it can."""

    pid: int
    provider: str

    async def cost(self) -> float:
        """CPU seconds of a look, over so many."""
        looks, cpu = self._looks(), cpu_of(self.pid)
        while (done := self._looks() - looks) < LOOKS:  # noqa: ASYNC110  (what is waited for is another process)
            await asyncio.sleep(0.1)
        return (cpu_of(self.pid) - cpu) / done

    def _looks(self) -> int:
        return get(f"{self.provider}/looks")["looks"]


@asynccontextmanager
async def looking(tasks: int, provider: str) -> AsyncGenerator[Looking]:
    """On an SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        settings = env_in(folder, provider, "APIIN")
        async with talking(FERMATA, settings) as talk:
            await talk.call("extend_track", source="clip:made-before/0", provider="apiin", wait_seconds=0)
            await asyncio.sleep(1)
        await fill(folder, tasks, "soon")
        async with talking(FERMATA, settings) as talk:
            yield Looking(talk.pid, provider)


async def copied(url: str, tasks: int) -> None:
    """In PostgreSQL so many further tasks like the one there is, all of them due."""

    async def work(c: Any) -> None:
        for table in ("task", "step", "attempt", "ledger"):
            sql = "SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND is_generated = 'NEVER'"
            names = [row[0] for row in await c.fetch(sql, table) if (table, row[0]) != ("ledger", "id")]
            values = [f"{name} || '-' || i" if name in KEYS else name for name in names]
            said = f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {table}, s"
            await c.execute(f"WITH s AS (SELECT generate_series(1, {tasks - 1}) AS i) {said}")
        await c.execute(f"UPDATE step SET home = NULL, due_at = updated_at + (random() * {INTERVAL_MS})::bigint")
        await c.execute("VACUUM ANALYZE")

    store = PostgresStore(url)
    await store._run(work)  # pyright: ignore[reportPrivateUsage]
    await store.close()


@asynccontextmanager
async def looking_at_postgres(tasks: int, provider: str) -> AsyncGenerator[Looking]:
    with replicas(1, APIIN_API_KEY="emulator-key", APIIN_BASE_URL=provider) as (server,):
        line = await Line.open(server.base)
        await line.call("extend_track", source="clip:made-before/0", provider="apiin", wait_seconds=0)
        await asyncio.sleep(1)
        await copied(server.store, tasks)
        yield Looking(server.pid, provider)


async def turns(server: Looking, count: int) -> None:
    feed, ours, bare = f"{server.provider}/api/v1/audio/music/feed?task_id=x", list[float](), list[float]()
    await server.cost()
    print("| turn | bare ms | Fermata ms | ratio |\n|---|---|---|---|")
    for turn in range(count):
        ours.append(1000 * await server.cost())
        async with child((sys.executable, "-c", BARE, feed, str(LOOKS))) as (_, line):
            bare.append(1000 * float(line) / LOOKS)
        print(f"| {turn + 1} | {bare[-1]:.2f} | {ours[-1]:.2f} | {ours[-1] / bare[-1]:.2f} |", flush=True)
    look = statistics.median(ours)
    ratio = statistics.median(one / least for one, least in zip(ours, bare, strict=True))
    print(f"middle: {statistics.median(bare):.2f}, {look:.2f} ms; {ratio:.2f} x (goal <= 1.6)")
    print(f"one core: {1000 / look:.0f} looks/s, {15_000 / look:.0f} tasks every 15 s; load {os.getloadavg()[0]:.1f}")


async def run(given: argparse.Namespace) -> None:
    opened = looking_at_postgres if given.postgres else looking
    async with child((sys.executable, "-c", PROVIDER)) as (_, at), opened(given.tasks, at) as server:
        await turns(server, given.turns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("turns", type=int, nargs="?", default=TURNS)
    parser.add_argument("--tasks", type=int, default=TASKS)
    parser.add_argument("--postgres", action="store_true")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
