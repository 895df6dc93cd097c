"""Bad days of the machine around one paid extension, for every provider: one request, and its answer is kept."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import apsw
import pytest

from emulators.paid import Paid
from fermata_mcp.domain.change import Change
from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.domain.task import Task
from fermata_mcp.store.base import GRACE_MS, SUBMIT_LEASE_MS
from fermata_mcp.store.opening import DATABASE
from support.asked import begin, extend
from support.clocks import ShiftedClock
from support.engines import House, MortalStore, eventually, finished, is_step
from support.paid import ALL
from support.shop import Shop, quick, trading

pytestmark = pytest.mark.anyio
EACH = pytest.mark.parametrize("paid", ALL, ids=lambda one: one.name)
DAY = 86_400.0
OVER = (SUBMIT_LEASE_MS + GRACE_MS) / 1000 + 1
Happening = Callable[[Change], Awaitable[None]]


class Disk(MortalStore):
    """A store on a bad disk.

    Attributes:
        no_intents: There is no room to say what is about to be sent.
        happenings: What befalls the store just before each next change is carried out.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.no_intents = False
        self.happenings: list[Happening] = []

    async def apply(self, change: Change, *, now: int) -> bool:
        if self.no_intents and change.new_attempt is not None:
            raise StoreUnavailable("the disk is full; nothing was recorded.")
        if self.happenings:
            await self.happenings.pop(0)(change)
        return await super().apply(change, now=now)


@dataclass
class BadDiskShop(Shop):
    store: Disk

    async def succeeds(self, task: Task) -> None:
        """In the end it is done, for one request and one charge."""
        task = await finished(self.service, task)
        assert (task.status, task.error, task.held) == ("succeeded", None, 0)
        assert self.emulator.submits_seen() == len(self.emulator.ledger.submits) == 1
        assert (task.steps[0].remote_id or "").removeprefix("job:") == self.emulator.ledger.submits[0]["task"]


@asynccontextmanager
async def shop(paid: Paid, house: House) -> AsyncGenerator[BadDiskShop]:
    emulator, store = quick(paid), Disk(house.folder / "data" / DATABASE)
    async with trading(house, paid.family, emulator, uploads=paid.uploads, store=store) as (service, _):
        yield BadDiskShop(paid, house, service, emulator, store)
    assert emulator.violations == []


# --- the disk ---------------------------------------------------------------------------------------------------------


@EACH
async def test_without_room_to_say_so_nothing_is_sent(paid: Paid, house: House) -> None:
    async with shop(paid, house) as at:
        at.store.no_intents = True
        task = await at.start()
        await anyio.sleep(0.2)
        assert at.emulator.submits_seen() == 0
        at.store.no_intents = False
        at.house.time.skip(OVER)
        await at.succeeds(task)


@EACH
async def test_an_answer_that_finds_no_room_is_kept_until_there_is(paid: Paid, house: House) -> None:
    async with shop(paid, house) as at:
        at.store.full_for = 3
        await at.succeeds(await at.start())


# --- the database -----------------------------------------------------------------------------------------------------


class Lock:
    """Another program that takes the database's lock, and keeps it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._connection: Any = None

    async def take(self, _: Change) -> None:
        # Of the library that the store uses: two libraries in one process do not see each other's locks.
        self._connection = apsw.Connection(str(self._house.folder / "data" / DATABASE))
        self._connection.execute("BEGIN IMMEDIATE")

    def let_go(self) -> None:
        with closing(self._connection) as connection:
            connection.execute("COMMIT")


def lose_patience_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store waits for locks of others for a moment only, wherever it keeps how long."""
    for module in [module for name, module in sys.modules.items() if name.startswith("fermata_mcp.store.")]:
        if hasattr(module, "BUSY_TIMEOUT_MS"):
            monkeypatch.setattr(module, "BUSY_TIMEOUT_MS", 50)


@EACH
@pytest.mark.parametrize("when", ["before the request", "after the request"])
async def test_a_database_that_is_locked_delays_and_loses_nothing(
    paid: Paid, when: str, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_patience_soon(monkeypatch)
    lock, early = Lock(house), when == "before the request"
    async with shop(paid, house) as at:
        before = 3 if paid.name == "apiin" else 1  # the source is fetched first, which is two changes more
        at.store.happenings = [lock.take] if early else [*[_nothing] * before, lock.take]
        task = await at.start()
        await eventually(lambda: _is_met(at))
        await anyio.sleep(0.2)
        assert at.emulator.submits_seen() == (0 if early else 1)
        lock.let_go()
        at.house.time.skip(OVER if early else 0)
        await at.succeeds(task)


async def _nothing(_: Change) -> None:
    return


async def _is_met(at: BadDiskShop) -> bool:
    return not at.store.happenings


@EACH
async def test_a_database_that_is_no_longer_one_costs_one_request_at_most(paid: Paid, house: House) -> None:
    """It is spoilt while the answer is on its way. Whoever starts next sends nothing for what is not known."""
    database = house.folder / "data" / DATABASE

    async def spoil(_: Change) -> None:
        for file in (database, database.with_name(f"{DATABASE}-wal")):
            file.write_bytes(b"These are words, not a database.\n" * 3000)

    async with shop(paid, house) as at:
        at.store.happenings = [_nothing, spoil]
        await at.start()
        await eventually(lambda: _is_met(at))
        await anyio.sleep(0.3)
        emulator = at.emulator
    assert emulator.submits_seen() == 1
    async with trading(house, paid.family, emulator, uploads=paid.uploads) as (service, _):
        with pytest.raises(StoreUnavailable):
            await begin(service, extend(**{**paid.call, "provider": paid.name}))
    assert emulator.submits_seen() == 1


@EACH
async def test_without_a_database_nothing_is_sent(paid: Paid, house: House) -> None:
    database = house.folder / "data" / DATABASE
    database.parent.mkdir()
    database.write_bytes(b"These are words, not a database.\n" * 300)
    async with shop(paid, house) as at:
        with pytest.raises(StoreUnavailable):
            await at.start()
        await anyio.sleep(0.1)
        assert at.emulator.seen == []


# --- the clock --------------------------------------------------------------------------------------------------------


class WallClock(ShiftedClock):
    """A clock that somebody set: the time of day jumps, and time itself does not."""

    def monotonic(self) -> float:
        return time.monotonic()


@EACH
@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["ahead", "back"])
@pytest.mark.parametrize("kind", [WallClock, ShiftedClock], ids=["set", "slept"])
async def test_a_clock_that_jumps_while_work_is_running(
    paid: Paid, jump: float, kind: type[ShiftedClock], house: House
) -> None:
    if kind is ShiftedClock and jump < 0:
        return  # nobody sleeps backwards
    house.time = kind()
    async with shop(paid, house) as at:
        at.emulator.ready_after_seconds = 1000
        task = await at.start()
        await eventually(lambda: is_step(at.service, task, "waiting"))
        at.emulator.advance(2000)
        at.house.time.skip(jump)
        await at.succeeds(task)


@EACH
@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["ahead", "back"])
@pytest.mark.parametrize("when", ["intent", "answer"])
async def test_a_clock_that_jumps_around_the_request(paid: Paid, jump: float, when: str, house: House) -> None:
    house.time = WallClock()

    async def happens(_: Change) -> None:
        house.time.skip(jump)

    async with shop(paid, house) as at:
        at.store.happenings = [happens] if when == "intent" else [_nothing, happens]
        task = await at.start()
        await eventually(lambda: _is_met(at))
        await at.succeeds(task)
