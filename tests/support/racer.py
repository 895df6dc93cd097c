"""A process of its own that opens the store, adds a task and tries to spend. `python -m support.racer STORE CAP COUNT`.

It says READY, waits for a line on its standard input, and then prints how many submits the cap allowed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from fermata_mcp.domain.errors import OverBudget
from fermata_mcp.engine.steps import moves
from fermata_mcp.store.base import Store
from fermata_mcp.store.sqlite.store import SqliteStore

from .rows import NOON, PAID, PRICE, claimed, created, per_day


def opened(place: str) -> Store:
    """The store at an address, or in a file."""
    if not place.startswith("postgresql://"):
        return SqliteStore(Path(place))
    from fermata_mcp.store.postgres.store import PostgresStore

    return PostgresStore(place)


async def race(place: str, cap: int, count: int, home: str) -> int:
    """How many of `count` submits were within the cap."""
    store = opened(place)
    allowed = 0
    for number in range(count):
        task = await created(store, home=home, now=NOON)
        step = await claimed(store, home=home, now=NOON, of=task)
        try:
            allowed += await store.apply(
                moves.begin(step, f"att_{home}_{number}", PAID, PRICE, per_day(cap), NOON), now=NOON
            )
        except OverBudget:
            continue
    await store.close()
    return allowed


if __name__ == "__main__":
    print("READY", flush=True)
    home = sys.stdin.readline().strip()
    print(anyio.run(race, sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), home))
