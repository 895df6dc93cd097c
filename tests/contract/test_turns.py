"""Whose turn it is: what every store promises when more is due than there is room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from fermata_mcp.domain.task import Step, Task
from fermata_mcp.engine.steps import moves
from fermata_mcp.store.base import GRACE_MS, POLL_LEASE_MS, SUBMIT_LEASE_MS, Place, Store
from support.rows import NOON, PAID, PRICE, a_render, a_step, created, only_step
from support.stores import PLACES, connections

pytestmark = pytest.mark.anyio
QUEUES = [True, False]


@pytest.fixture(params=PLACES)
async def store(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncGenerator[Store]:
    async with connections(PLACES[request.param](tmp_path), 1) as (one,):
        yield one


async def queue(store: Store, who: str, count: int, *, render: bool, now: int = NOON) -> list[Task]:
    """So many tasks of one person, a millisecond apart."""
    return [
        await created(store, principal=who, now=now + number, step=a_render() if render else a_step())
        for number in range(count)
    ]


async def taken(store: Store, limit: int, *, home: str = "a", now: int = NOON + 1000, renders: int = 99) -> list[Step]:
    return await store.claim(home=home, now=now, limit=limit, renders=renders)


async def owners(store: Store, steps: list[Step]) -> Counter[str]:
    tasks = [await store.get(step.task_id) for step in steps]
    return Counter(task.principal for task in tasks if task)


async def sent(store: Store, step: Step, now: int) -> None:
    """The step has been given to whoever carries it out."""
    assert await store.apply(moves.begin(step, f"att_{step.id}", PAID, PRICE, (), now), now=now)


async def going_on(store: Store, task: Task, now: int) -> Step:
    """A task whose step is looked at from now on."""
    (step,) = await store.claim(home="a", now=now, limit=1, tasks={task.id})
    await sent(store, step, now)
    step = await only_step(store, task)
    assert await store.apply(moves.accepted(step, f"r_{step.id}", now, now), now=now)
    return await only_step(store, task)


@pytest.mark.parametrize("render", QUEUES)
async def test_a_long_queue_of_one_does_not_hold_back_another(store: Store, render: bool) -> None:
    await queue(store, "ann", 30, render=render)
    (late,) = await queue(store, "bob", 1, render=render, now=NOON + 500)
    steps = await taken(store, 2)
    assert late.id in {step.task_id for step in steps}
    assert await owners(store, steps) == {"ann": 1, "bob": 1}


@pytest.mark.parametrize("render", QUEUES)
async def test_with_one_place_people_take_turns(store: Store, render: bool) -> None:
    """Whoever was served longest ago comes first, however long the others have waited."""
    for who in ("ann", "bob", "cid"):
        await queue(store, who, 4, render=render)
    turns = list[str]()
    for number in range(6):
        now = NOON + 1000 + number
        (step,) = await taken(store, 1, now=now)
        turns += await owners(store, [step])
        await sent(store, step, now)
        if render:  # its place is free again
            waiting = moves.accepted((await _of(store, step))[1], f"r{number}", now, now)
            assert await store.apply(waiting, now=now)
            task, current = await _of(store, step)
            assert await store.apply(moves.cancelled(current, now, (), None), now=now), task
    assert turns == ["ann", "bob", "cid"] * 2


async def _of(store: Store, step: Step) -> tuple[Task, Step]:
    task = await store.get(step.task_id)
    assert task is not None
    return task, task.steps[-1]


async def test_who_has_fewer_renders_going_comes_first(store: Store) -> None:
    await queue(store, "ann", 5, render=True)
    assert len(await taken(store, 3)) == 3
    await queue(store, "bob", 5, render=True)
    assert await owners(store, await taken(store, 3)) == {"bob": 3}


async def test_no_more_renders_are_taken_than_there_is_room_for(store: Store) -> None:
    await queue(store, "ann", 5, render=True)
    await queue(store, "ann", 2, render=False)
    assert [step.provider for step in await taken(store, 9, renders=0)] == ["paid"] * 2
    assert len(await taken(store, 9, renders=2)) == 2
    assert len(await taken(store, 9, renders=9, home="b")) == 3, "the rest is for others, at once"


@pytest.mark.parametrize("limit", [2, 3, 8])
async def test_looks_and_submits_do_not_wait_for_one_another_or_for_renders(store: Store, limit: int) -> None:
    for task in await queue(store, "ann", 8, render=False):
        await going_on(store, task, NOON + 10)
    looks = {
        task.id for task in (await store.page(principal="ann", status=None, provider=None, limit=9, cursor=None)).tasks
    }
    await queue(store, "bob", 8, render=False)
    await queue(store, "cid", 50, render=True)
    steps = await taken(store, limit, renders=0)
    assert {step.task_id in looks for step in steps} == {True, False}


async def test_a_render_that_nobody_took_waits_for_no_grace_time(store: Store) -> None:
    await queue(store, "ann", 1, render=True)
    (step,) = await taken(store, 1, home="another", now=NOON)
    assert step.home == "another"


async def test_one_that_was_taken_as_it_was_made_is_left_to_its_process(store: Store) -> None:
    await created(store, step=a_render(), claimed=True, home="a")
    assert await taken(store, 9, home="b", now=NOON + SUBMIT_LEASE_MS) == []
    assert len(await taken(store, 9, home="b", now=NOON + SUBMIT_LEASE_MS + GRACE_MS)) == 1


async def test_a_render_that_was_lost_is_for_whoever_has_room(store: Store) -> None:
    (task,) = await queue(store, "ann", 1, render=True)
    await going_on(store, task, NOON)
    overdue = NOON + POLL_LEASE_MS + GRACE_MS
    (step,) = await taken(store, 9, home="no room", renders=0, now=overdue)
    assert await store.apply(moves.put_back(step, overdue, overdue, PRICE), now=overdue)
    assert len(await taken(store, 9, home="room", renders=1, now=overdue)) == 1


class TestPlaces:
    async def test_everybody_goes_on_taking_turns(self, store: Store) -> None:
        mine = await queue(store, "ann", 5, render=True)
        await queue(store, "bob", 2, render=True)
        (last,) = await queue(store, "cid", 1, render=True)
        assert await _place(store, mine[0]) == Place(3, 8)
        assert await _place(store, mine[1]) == Place(5, 8)
        assert await _place(store, mine[4]) == Place(8, 8)
        assert await _place(store, last) == Place(3, 8)

    async def test_what_is_taken_or_over_has_none(self, store: Store) -> None:
        first, second = await queue(store, "ann", 2, render=True)
        await taken(store, 1)
        assert await _place(store, first) is None
        assert await _place(store, second) == Place(1, 1)
        await store.apply(moves.cancelled(await only_step(store, second), NOON), now=NOON)
        assert await _place(store, second) is None

    async def test_submits_wait_for_their_own_account_only(self, store: Store) -> None:
        other = await created(store, account_id="another")
        mine, _ = await queue(store, "ann", 2, render=False)
        await queue(store, "ann", 2, render=True)
        assert await _place(store, mine) == Place(1, 2)
        assert await _place(store, other) == Place(1, 1)


async def _place(store: Store, task: Task) -> Place | None:
    return await store.place((await only_step(store, task)).id, now=NOON + 1000)
