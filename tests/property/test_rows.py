"""Whatever the rows of a task hold, no other task is touched by it, and nothing that is shown breaks what shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fermata_mcp.domain.task import Clip, Task
from fermata_mcp.engine.steps import moves
from fermata_mcp.store.base import GRACE_MS, POLL_LEASE_MS, SUBMIT_LEASE_MS, Unreadable
from fermata_mcp.store.rows import TASK_COLUMNS
from fermata_mcp.store.sqlite.store import SqliteStore
from fermata_mcp.surface.results.history import task_list
from fermata_mcp.surface.results.task_view import task_view
from support.damage import Bytes, damage
from support.rows import DAY_MS, ME, NOON, PAID, PRICE, a_step, a_task, claimed, created, only_step, stored

STEP = "provider account_id seq state work home fence due_at remote_id attempt_id submitted_at polls error_streak clips"
COLUMNS = [
    *(("task", column) for column in TASK_COLUMNS if column not in ("id", "principal")),
    *(("step", column) for column in [*STEP.split(), "error", "created_at", "updated_at"]),
    *(("attempt", column) for column in ("number", "state", "remote_id", "error", "intent_at", "ended_at")),
    ("clip", "position"),
    ("idempotency", "request_hash"),
]
TEXTS = [
    "",
    "{",
    "{}",
    "[]",
    "null",
    "1",
    '"x"',
    '{"a": 1e999}',
    "[NaN]",
    '["\\ud800"]',
    "queued",
    "paused",
    "[" * 3000,
]
ODD = st.one_of(
    st.none(),
    st.sampled_from([0, -1, 1, 2**31, 2**53, 2**63 - 1, -(2**63), 253_402_300_800_000]),
    st.sampled_from([0.5, -1.0, 1e300, float("inf")]),
    st.sampled_from(TEXTS),
    st.text(max_size=5).filter(lambda text: text.isascii()),
    st.binary(max_size=8),
    st.binary(max_size=8).map(Bytes),
    st.fixed_dictionaries({"save_as": st.sampled_from(["/x", 1]), "action": st.text(max_size=3)}).map(json.dumps),
)
HARM = st.lists(st.tuples(st.sampled_from(COLUMNS), ODD), min_size=1, max_size=3)


async def every_kind_of_row(store: SqliteStore) -> tuple[Task, Task]:
    """Two paid tasks on their way, with a key and a clip each."""
    tasks: list[Task] = []
    for key in "ab":
        task = await created(store, idempotency_key=key)
        step = await claimed(store, of=task)
        assert await store.apply(moves.begin(step, f"att_{key}", PAID, PRICE, (), NOON), now=NOON)
        due = NOON + SUBMIT_LEASE_MS
        assert await store.apply(moves.accepted(await only_step(store, task), key, due, NOON), now=NOON)
        clips = (Clip(provider_clip_id=f"clip_{key}"),)
        kept = moves.poll_again(await only_step(store, task), due)
        assert await store.apply(replace(kept, step={**kept.step, "clips": clips}), now=NOON)
        tasks.append(await stored(store, task))
    return tasks[0], tasks[1]


async def lives(store: SqliteStore, bad: Task, good: Task) -> None:
    later = NOON + SUBMIT_LEASE_MS + GRACE_MS
    mine: list[str] = []
    for look in range(3):
        steps = await store.claim(home="b", now=later + look * POLL_LEASE_MS, limit=2)
        mine += [step.task_id for step in steps if step.task_id == good.id]
        for step in steps:
            await told(store, step.task_id)
    assert len(mine) == 3, "the other's turn did not come"
    assert (await stored(store, good)).steps[0].fence == good.steps[0].fence + 3
    await told(store, bad.id)
    await shown(store, bad, good)
    await repeated(store, bad, good)
    assert await store.find_clip("paid", "clip_b", principal=ME) == (good.id, 0)
    assert sum((await store.spent(principal=ME, since=0, unit="credits")).values()) >= PRICE
    assert [one.id for one in await store.attempts(good.steps[0].id)] == ["att_b"]
    await store.durations("paid", None)
    await store.release("b", now=later)


async def told(store: SqliteStore, task_id: str) -> None:
    """What is told of a task can be shown, or is an error with its name."""
    try:
        task = await store.get(task_id)
    except Unreadable as error:
        named = error.task_id
    else:
        assert task is not None
        named = task.id
        task_view(task, NOON, PAID).model_dump_json()
    assert named == task_id


async def shown(store: SqliteStore, bad: Task, good: Task) -> None:
    found: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        page = await store.page(principal=ME, status=None, provider=None, limit=1, cursor=cursor)
        json.dumps(task_list(page).model_dump(mode="json"), allow_nan=False).encode()
        found += [*(task.id for task in page.tasks), *page.unreadable]
        if (cursor := page.next_cursor) is None:
            break
    assert good.id in found
    assert len(found) == len(set(found)), "the pages go round"


async def repeated(store: SqliteStore, bad: Task, good: Task) -> None:
    same = a_task(request_hash=good.request_hash, idempotency_key="b")
    assert (await store.create(same, a_step(), home="a", now=NOON)).task.id == good.id
    step = await only_step(store, good)
    done = moves.finished(step, (), moves.ended("succeeded", NOON), PRICE)
    assert await store.apply(done, now=NOON + DAY_MS)


async def harmed(harm: list[tuple[tuple[str, str], Any]]) -> None:
    store = SqliteStore(Path(":memory:"))
    bad, good = await every_kind_of_row(store)
    for (table, column), value in harm:
        await damage(store, table, column, value, of=bad.id)
    await lives(store, bad, good)
    await store.close()


@given(HARM)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_rows_that_hold_anything_harm_no_other(harm: list[tuple[tuple[str, str], Any]]) -> None:
    anyio.run(harmed, harm)
