"""What a task database takes: creates and claims a second, and whether a million tasks slow anything down.

    python benchmarks/database.py /tmp/bench/fermata.db
    createdb fermata_bench
    python benchmarks/database.py postgresql://localhost/fermata_bench

Rows are added to the database, which must be Fermata's own to try things in. Small and large are measured in the same
run, one after the other, with the same calls.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fermata_mcp.store.postgres.store import PostgresStore
from fermata_mcp.store.sqlite.store import SqliteStore
from fermata_mcp.store.statement_store import StatementStore
from support.rows import ME, a_step, a_task

FEW, MANY = 1_000, 1_000_000
ROUNDS = 40
AT_ONCE = 8
# A thousandth runs, and ten of the first thousand, so that lists of what runs are full; it is looked at in an hour.
_TASKS = """INSERT INTO task (id, principal, kind, provider, account_id, request, request_hash, source, status, message,
  warnings, quote_low, quote_high, created_at, updated_at, finished_at)
  SELECT 'tsk_' || {id}, 'p' || (n % 100), 'extend', 'paid', 'a', '{{}}', {id}, '{{"ref": "/a"}}',
  CASE WHEN {running} THEN 'running' ELSE 'succeeded' END, '', '[]', 0, 0, n * 1000, n * 1000, n * 1000
  FROM {rows}"""
_STEPS = """INSERT INTO step (id, task_id, provider, account_id, seq, state, work, due_at, submitted_at, created_at,
  updated_at, principal)
  SELECT 'stp_' || {id}, 'tsk_' || {id}, 'paid', 'a', 0,
  CASE WHEN {running} THEN 'waiting' ELSE 'succeeded' END, '{{"save_as": "/o/' || n || '"}}',
  CASE WHEN {running} THEN {due} END, n * 1000, n * 1000, n * 1000, 'p' || (n % 100) FROM {rows}"""
RUNNING = "(n % 1000 = 0 OR n <= 1000 AND n % 100 = 0)"
HOUR_MS = 3_600_000


def spelled(statement: str, store: StatementStore, first: int, last: int) -> str:
    """The statement for rows of these numbers, whose ids lie as far apart as random ones do."""
    due = time.time_ns() // 1_000_000 + HOUR_MS
    if isinstance(store, PostgresStore):
        return statement.format(
            id="md5(n::text)", due=due, running=RUNNING, rows=f"generate_series({first}::bigint, {last}::bigint) n"
        )
    rows = f"(WITH RECURSIVE s (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s)"
    return statement.format(
        id="printf('%016x%016x', n * 2654435761 % 4294967291, n)", due=due, running=RUNNING, rows=rows
    )


async def filled(store: StatementStore, first: int, last: int) -> None:
    for start in range(first, last + 1, 50_000):
        part = [spelled(which, store, start, min(last, start + 49_999)) for which in (_TASKS, _STEPS)]
        await (_filled_there if isinstance(store, PostgresStore) else _filled_here)(store, part)


async def _filled_there(store: StatementStore, part: list[str]) -> None:
    async def work(c: Any) -> None:
        await c.execute("SET statement_timeout = 0")
        for statement in ("ALTER TABLE task DISABLE TRIGGER USER", *part, "ALTER TABLE task ENABLE TRIGGER USER"):
            await c.execute(statement)
        await c.execute("VACUUM ANALYZE")
        await c.execute("RESET statement_timeout")

    await store._run(work)  # pyright: ignore[reportPrivateUsage]


async def _filled_here(store: StatementStore, part: list[str]) -> None:
    def work(c: Any) -> None:
        for statement in part:
            c.execute(statement)

    await store._write(work, durable=False)  # pyright: ignore[reportPrivateUsage]


async def timed(call: Callable[[int], Awaitable[object]]) -> float:
    """Milliseconds that one call takes, the middle of many."""
    taken = list[float]()
    for number in range(ROUNDS):
        begun = time.perf_counter()
        await call(number)
        taken.append(1000 * (time.perf_counter() - begun))
    return statistics.median(taken)


class Bench:
    def __init__(self, store: StatementStore) -> None:
        self.store, self.now = store, time.time_ns() // 1_000_000

    async def create(self, _: int) -> None:
        task = replace(a_task(), request={"source": "/a"}, created_at=self.now)
        await self.store.create(task, a_step(), home="bench", now=self.now)

    async def claim(self, _: int) -> None:
        assert len(await self.store.claim(home="bench", now=self.now, limit=1)) == 1

    async def nothing_due(self, _: int) -> None:
        assert not await self.store.claim(home="other", now=self.now, limit=64, tasks=["tsk_none"])

    async def listed(self, number: int) -> None:
        page = await self.store.page(principal=f"p{number % 100}", status=None, provider=None, limit=10, cursor=None)
        assert len(page.tasks) == 10

    async def running(self, _: int) -> None:
        page = await self.store.page(principal="p0", status="running", provider=None, limit=10, cursor=None)
        assert len(page.tasks) == 10

    async def durations(self, _: int) -> None:
        assert len(await self.store.durations("paid", None)) == 64

    async def spent(self, _: int) -> None:
        await self.store.spent(principal=ME, since=self.now - 86_400_000, unit="credits")

    async def all(self) -> dict[str, float]:
        """Milliseconds of each kind of call; what is made is claimed again."""
        kinds = (self.create, self.claim, self.nothing_due, self.listed, self.running, self.durations, self.spent)
        return {kind.__name__.replace("_", " "): await timed(kind) for kind in kinds}

    async def rate(self, call: Callable[[int], Awaitable[object]], count: int) -> float:
        """How many a second, several at once."""
        begun = time.perf_counter()

        async def some() -> None:
            for number in range(count // AT_ONCE):
                await call(number)

        async with anyio.create_task_group() as group:
            for _ in range(AT_ONCE):
                group.start_soon(some)
        return count / (time.perf_counter() - begun)


def opened(where: str) -> PostgresStore | SqliteStore:
    return PostgresStore(where) if where.startswith("postgres") else SqliteStore(Path(where))


async def main(where: str) -> None:
    store = opened(where)
    bench = Bench(store)
    await filled(store, 1, FEW)
    few = await bench.all()
    await filled(store, FEW + 1, MANY)
    await bench.all()  # what was just written is on its way to the disk, and not all of it is in memory
    many = await bench.all()
    for kind, before in few.items():
        print(f"{kind:12} {before:6.2f} ms at {FEW:,}   {many[kind]:6.2f} ms at {MANY:,}   x {many[kind] / before:.2f}")
    print(f"creates: {await bench.rate(bench.create, 800):.0f} a second")
    print(f"claims, one by one: {await bench.rate(bench.claim, 800):.0f} a second")
    await store.close()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
