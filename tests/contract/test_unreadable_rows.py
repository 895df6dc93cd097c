"""One row that cannot be read is one row that cannot be read: it is set aside and named, and the rest lives."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from fermata_mcp.domain.task import Clip, Task
from fermata_mcp.engine.steps import moves
from fermata_mcp.store.base import GRACE_MS, LONGEST_WAIT_MS, SUBMIT_LEASE_MS, Unreadable
from fermata_mcp.store.sqlite.store import SqliteStore
from support.damage import Bytes, damage
from support.rows import ME, NOON, PAID, PRICE, a_step, a_task, claimed, created, only_step, stored

pytestmark = pytest.mark.anyio
NO_TEXT = Bytes(b"\xffA\x80")
# Of a step: broken JSON, what a newer version may write, nothing where something must be, and impossible values.
STEPS: list[tuple[str, Any]] = [
    ("work", "{"),
    ("work", ""),
    ("work", "[]"),
    ("work", "{}"),
    ("work", None),
    ("work", b"\x00\x01"),
    ("work", NO_TEXT),
    ("work", '{"action": "remix", "save_as": "/x"}'),
    ("work", '{"save_as": "/x", "continue_at": 1e999}'),
    ("work", "[" * 100_000),
    ("clips", "{}"),
    ("clips", '[{"duration_seconds": NaN}]'),
    ("clips", '["\\ud800"]'),
    ("error", '{"code": 1}'),
    ("error", "no"),
    ("state", "paused"),
    ("state", None),
    ("provider", NO_TEXT),
    ("remote_id", b"\xff"),
    ("created_at", 9 * 10**17),
    ("submitted_at", -1),
    ("polls", "many"),
    ("fence", None),
]
TASKS: list[tuple[str, Any]] = [
    ("request", "{"),
    ("request", "[]"),
    ("request", None),
    ("request", NO_TEXT),
    ("source", "{}"),
    ("source", '{"ref": "x", "duration_seconds": 1e999}'),
    ("status", "paused"),
    ("kind", "remix"),
    ("kind", None),
    ("warnings", "[1]"),
    ("warnings", '"text"'),
    ("audio", "[]"),
    ("error", '{"code": "x"}'),
    ("fraction", float("inf")),
    ("message", None),
    ("message", NO_TEXT),
    ("quote_low", None),
    ("created_at", -5),
    ("updated_at", 9 * 10**17),
    ("finished_at", "tomorrow"),
]


def named(rows: list[tuple[str, Any]]) -> Any:
    return pytest.mark.parametrize(("column", "value"), rows, ids=[f"{name}={value!r:.24}" for name, value in rows])


@pytest.fixture
async def store(tmp_path: Path, anyio_backend: str) -> AsyncGenerator[SqliteStore]:
    one = SqliteStore(tmp_path / "fermata.db")
    await one.open()
    yield one
    await one.close()


async def paid_for(store: SqliteStore, **fields: Any) -> Task:
    """A task whose paid work is due for a look."""
    task = await created(store, **fields)
    step = await claimed(store, of=task)
    assert await store.apply(moves.begin(step, f"att_{task.id}", PAID, PRICE, (), NOON), now=NOON)
    assert await store.apply(moves.accepted(await only_step(store, task), task.id, NOON, NOON), now=NOON)
    return await stored(store, task)


async def books(store: SqliteStore) -> list[Any]:
    """All that is written of money."""
    tables = ("SELECT * FROM ledger", "SELECT * FROM attempt")
    return await store._run(lambda c: [c.execute(all_of_it).fetchall() for all_of_it in tables])  # pyright: ignore[reportPrivateUsage]


@named(STEPS)
async def test_a_step_is_set_aside_and_the_others_are_claimed(
    store: SqliteStore, column: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = await paid_for(store), await paid_for(store)
    before = await books(store)
    await damage(store, "step", column, value, of=bad.id)
    for second in range(3):
        await store.claim(home="b", now=NOON + GRACE_MS + second, limit=1)
    later = NOON + 2 * SUBMIT_LEASE_MS
    assert [step.task_id for step in await store.claim(home="b", now=later, limit=9)] == [good.id]
    assert [step.task_id for step in await store.claim(home="b", now=later + SUBMIT_LEASE_MS, limit=9)] == [good.id]
    assert await books(store) == before
    with pytest.raises(Unreadable, match=bad.id):
        await store.get(bad.id)
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [bad.id in record.getMessage() for record in errors] == [True]
    assert await store.get(good.id)
    assert len(await store.attempts(bad.steps[0].id)) == 1


@named(TASKS)
async def test_a_task_is_told_and_the_others_are_shown(store: SqliteStore, column: str, value: Any) -> None:
    tasks = [await paid_for(store) for _ in range(5)]
    bad, others = tasks[2], {task.id for task in [*tasks[:2], *tasks[3:]]}
    before = await books(store)
    await damage(store, "task", column, value, of=bad.id)
    for limit in (1, 2, 9):
        shown, unreadable = await history(store, limit)
        assert sorted(shown) == sorted(others)
        assert unreadable == [bad.id]
    with pytest.raises(Unreadable, match=bad.id) as told:
        await store.get(bad.id, principal=ME)
    assert told.value.code == "store_unavailable"
    assert bad.id in await store.ids_like("tsk_", principal=ME, limit=9)
    assert await books(store) == before


async def history(store: SqliteStore, limit: int) -> tuple[list[str], list[str]]:
    shown, unreadable = list[str](), list[str]()
    cursor: str | None = None
    while True:
        page = await store.page(principal=ME, status=None, provider=None, limit=limit, cursor=cursor)
        shown += [task.id for task in page.tasks]
        unreadable += page.unreadable
        assert len(shown) + len(unreadable) < 99, "the pages go round"
        if (cursor := page.next_cursor) is None:
            return shown, unreadable


@named(TASKS)
async def test_the_steps_of_such_a_task_are_set_aside_once_somebody_has_tried(
    store: SqliteStore, column: str, value: Any
) -> None:
    bad, good = await paid_for(store), await paid_for(store)
    await damage(store, "task", column, value, of=bad.id)
    first, later = NOON + SUBMIT_LEASE_MS, NOON + 2 * SUBMIT_LEASE_MS
    assert len(await store.claim(home="b", now=first, limit=9)) == 2
    with pytest.raises(Unreadable):
        await store.get(bad.id)
    assert [step.task_id for step in await store.claim(home="b", now=later, limit=9)] == [good.id]


async def test_however_many_there_are_the_others_get_their_turn_at_once(store: SqliteStore) -> None:
    for number in range(150):
        task = await created(store, now=NOON - 1000 + number)
        await damage(store, "step", "work", "{", of=task.id)
    good = await created(store)
    assert [step.task_id for step in await store.claim(home="a", now=NOON, limit=1)] == [good.id]


async def test_a_newer_program_tries_again_at_once(store: SqliteStore, tmp_path: Path) -> None:
    task = await created(store)
    await damage(store, "step", "work", '{"save_as": "/x", "action": "remix"}', of=task.id)
    assert await store.claim(home="a", now=NOON, limit=9) == []
    assert await store.claim(home="a", now=NOON + LONGEST_WAIT_MS - 1, limit=9) == []
    await damage(store, "step", "work", '{"save_as": "/x"}', of=task.id)
    newer = SqliteStore(tmp_path / "fermata.db")
    assert [step.task_id for step in await newer.claim(home="b", now=NOON + GRACE_MS, limit=9)] == [task.id]
    await newer.close()


@pytest.mark.parametrize("key", [None, "k"])
async def test_a_call_that_repeats_it_is_refused_and_never_paid_for_again(store: SqliteStore, key: str | None) -> None:
    task = await paid_for(store, idempotency_key=key)
    await damage(store, "task", "source", "{", of=task.id)
    again = a_task(request_hash=task.request_hash, idempotency_key=key)
    with pytest.raises(Unreadable, match=task.id):
        await store.create(again, a_step(), home="a", now=NOON)
    assert await store.ids_like("", principal=ME, limit=9) == [task.id]


@pytest.mark.parametrize("column", ["work", "clips"])
@pytest.mark.parametrize("value", ["{", "", '[{"own_seconds": "many"}]', '[{"own_seconds": 1e999}]'])
async def test_an_old_step_that_holds_anything_keeps_no_other_from_learning(
    store: SqliteStore, column: str, value: str
) -> None:
    """What is learned is asked for when a paid request has just been answered."""
    bad, good = await paid_for(store), await paid_for(store)
    clips = (Clip(whole_track=False, own_seconds=30.0),)
    for task in (bad, good):
        done = moves.finished(task.steps[0], clips, {"status": "succeeded"}, PRICE)
        assert await store.apply(done, now=NOON + 60_000)
    await damage(store, "step", column, value, of=bad.id)
    assert set(await store.durations("paid", None)) == {60}
    assert await store.lengths_added("paid", None) == [30]


async def test_an_attempt_that_cannot_be_read_hides_no_other(store: SqliteStore) -> None:
    task = await paid_for(store)
    await damage(store, "attempt", "state", "paused", of=task.id)
    assert await store.attempts(task.steps[0].id) == []
    assert await stored(store, task) == task
