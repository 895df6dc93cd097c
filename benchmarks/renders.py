"""Renders a minute from one worker process, and from two.

    .venv/bin/python benchmarks/renders.py [renders]

`deploy/cluster.py` with one server and one `fermata-mcp work`, then with two, in turns; each does one render at a time.
The time is from the first call to the last end. Two workers need two cores that nothing else uses.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time

from lines import Line
from replicas import TRACK, replicas

RENDERS, TURNS = 24, 2


async def a_minute(workers: int, count: int) -> float:
    with replicas(1, workers) as (server,):
        line, since = await Line.open(server.base), time.monotonic()
        for number in range(count):
            await line.call(
                "extend_track", source=str(TRACK), provider="local", add_seconds=60, title=f"{number}", wait_seconds=0
            )
        while len((await line.call("list_tasks", status="succeeded", limit=100))["tasks"]) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        return 60 * count / (time.monotonic() - since)


async def run(count: int) -> None:
    found: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(TURNS):
        for workers, rates in found.items():
            rates.append(await a_minute(workers, count))
            print(f"{workers} worker(s): {rates[-1]:.1f} renders a minute, load {os.getloadavg()[0]:.1f}", flush=True)
    one, two = (statistics.median(found[workers]) for workers in (1, 2))
    print(f"{one:.1f} to {two:.1f}: {two / one:.2f} x (goal >= 1.8)")


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else RENDERS))
