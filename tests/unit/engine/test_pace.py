"""When running work is looked at: the provider's own numbers first, then what was learned."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from fermata_mcp.domain.errors import RateLimited
from fermata_mcp.engine.pace import FRESH_MS, PATIENCE, Paces, left_alone
from fermata_mcp.store.base import Store
from support.rows import FREE_WORK, NOON, PAID, running_step

pytestmark = pytest.mark.anyio
STEP = running_step()


class Remembered:
    """A store that knows only how long work took."""

    def __init__(self, *taken: float) -> None:
        self.taken, self.asked = list(taken), 0
        self.wait_for: Callable[[], Awaitable[object]] = anyio.lowlevel.checkpoint

    async def durations(self, provider: str, model: str | None) -> list[float]:
        self.asked += 1
        await self.wait_for()
        return self.taken


def paces(known: Remembered, scale: float = 1.0) -> Paces:
    return Paces(cast(Store, cast(Any, known)), scale)


async def test_without_experience_the_documented_numbers_count() -> None:
    assert await paces(Remembered()).first(STEP, PAID, NOON) == PAID.pace.first
    assert await paces(Remembered(), 0.5).first(STEP, PAID, NOON) == PAID.pace.first / 2


async def test_what_is_usual_is_looked_at_often_and_what_is_late_slowly() -> None:
    late = NOON + round(1000 * PAID.pace.slow_after * PATIENCE)
    told = paces(Remembered())
    assert await told.again(STEP, PAID, late - 1) == PAID.pace.interval
    assert await told.again(STEP, PAID, late + FRESH_MS) == PAID.pace.slow_interval


async def test_a_provider_that_is_quick_is_looked_at_early() -> None:
    first = await paces(Remembered(*[5.0] * 100)).first(STEP, PAID, NOON)
    assert first < 5
    assert await paces(Remembered(*[500.0] * 100)).first(STEP, PAID, NOON) > 400


async def test_one_odd_task_misleads_little() -> None:
    assert await paces(Remembered(5000.0)).first(STEP, PAID, NOON) < PAID.pace.first * 1.5


async def test_one_asks_what_was_learned_since_and_the_others_go_on() -> None:
    known = Remembered(60.0)
    told = paces(known)
    before = await told.first(STEP, PAID, NOON)
    answer = anyio.Event()
    known.wait_for = answer.wait
    known.taken = [600.0] * 100
    async with anyio.create_task_group() as group:
        group.start_soon(told.first, STEP, PAID, NOON + FRESH_MS)
        await anyio.wait_all_tasks_blocked()
        assert await told.first(STEP, PAID, NOON + FRESH_MS) == before
        answer.set()
    assert known.asked == 2
    assert await told.first(STEP, PAID, NOON + FRESH_MS) > 400


async def test_what_was_learned_is_kept_for_a_while() -> None:
    known = Remembered(60.0)
    told = paces(known)
    for now in (NOON, NOON + FRESH_MS - 1, NOON + FRESH_MS):
        await told.first(STEP, PAID, now)
    assert known.asked == 2


async def test_free_work_learns_nothing() -> None:
    known = Remembered(500.0)
    assert await paces(known, 2).first(STEP, FREE_WORK, NOON) == 2 * FREE_WORK.pace.first
    assert (
        await paces(known, 2).again(STEP, replace(FREE_WORK, submit="repeatable"), NOON) == 2 * FREE_WORK.pace.interval
    )
    assert known.asked == 0


@pytest.mark.parametrize(("asked", "seconds"), [(None, 5), (3, 5), (60, 60), (10**6, 300)])
async def test_who_asks_to_be_left_alone_is_believed_within_reason(asked: float | None, seconds: float) -> None:
    error = RateLimited("later.")
    error.retry_after = asked
    assert left_alone(error, 5) == seconds
