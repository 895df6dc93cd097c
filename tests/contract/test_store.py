"""What every store promises, whatever database is under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from fermata_mcp.domain.access.token import Token, hash_of
from fermata_mcp.domain.change import Cap, Change, NewStep, TaskPatch
from fermata_mcp.domain.credits import UNITS, BalanceReading, Entry, EntryKind, Quote
from fermata_mcp.domain.errors import InvalidRequest, OverBudget, StoreUnavailable
from fermata_mcp.domain.spec import Rate
from fermata_mcp.domain.task import (
    STEP_MOVES,
    Audio,
    Clip,
    Failure,
    Seam,
    SourceFacts,
    Step,
    StepState,
    Task,
    TaskStatus,
    Work,
)
from fermata_mcp.engine.steps import moves
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.store.base import (
    CLOCK_SLACK_MS,
    GRACE_MS,
    POLL_LEASE_MS,
    REPLAY_WINDOW_MS,
    SECRET_BYTES,
    SUBMIT_LEASE_MS,
    AlreadyKnown,
    KeyReused,
    NameTaken,
    Store,
)
from fermata_mcp.store.news import MOST_NEWS
from fermata_mcp.store.sqlite.store import SqliteStore
from support.rows import DAY_MS, ME, NOON, PAID, PRICE, a_step, a_task, claimed, created, only_step, per_day, stored
from support.stores import Connect, connections

pytestmark = pytest.mark.anyio
PATIENCE = 60.0
IN_DOLLARS = Quote(PRICE, PRICE, unit="usd")
IMPOSSIBLE = (StoreUnavailable, AlreadyKnown)
FINISHED: list[TaskStatus] = ["succeeded", "partial"]
ENDED_BADLY: list[TaskStatus] = ["failed", "cancelled"]
GOING_ON: list[TaskStatus] = ["queued", "running", "unknown"]


async def begun(store: Store, *, now: int = NOON, hold: int = PRICE, attempt: str = "", **fields: Any) -> Task:
    """A task whose paid request is on its way."""
    task = await created(store, now=now, **fields)
    step = await claimed(store, now=now, of=task)
    assert await store.apply(moves.begin(step, attempt or f"att_{task.id}", PAID, hold, (), now), now=now)
    return task


async def in_status(store: Store, status: TaskStatus, *, now: int = NOON, **fields: Any) -> Task:
    """A task that has been put into `status`."""
    task = await created(store, now=now, **fields)
    step = await only_step(store, task)
    patch: TaskPatch = {"status": status} if status in GOING_ON else moves.ended(status, now)
    assert await store.apply(Change(step.id, frozenset({"queued"}), None, {}, task=patch), now=now)
    return await stored(store, task)


def again(task: Task, **fields: Any) -> Task:
    """The same request made once more."""
    return a_task(request_hash=task.request_hash, idempotency_key=task.idempotency_key, **fields)


async def repeated(store: Store, task: Task, *, now: int = NOON, **fields: Any) -> tuple[str, str | None]:
    """Whose task a repetition gets, and why."""
    found = await store.create(again(task, **fields), a_step(), home="b", now=now)
    return ("same" if found.task.id == task.id else "new"), found.replayed


class TestKeeping:
    async def test_a_task_comes_back_as_it_was_given(self, store: Store) -> None:
        given = a_task(
            source=SourceFacts(ref="/m/é 🎵.wav", duration_seconds=1.5, file="/m/é 🎵.wav", identity="x|1"),
            request={"prompt": "line\nline", "options": {"a": [1, None, "ü"]}, "take": 2},
            warnings=("one", "two"),
            idempotency_key="k",
        )
        work = Work(save_as="/out/é.wav", fields={"title": "é"}, options={"deep": {"x": [1]}}, continue_at=0.1 + 0.2)
        made = (await store.create(given, NewStep("stp_1", 0, work), home="a", now=NOON)).task
        assert replace(made, steps=()) == given
        (step,) = made.steps
        assert (step.work, step.state, step.home, step.due_at, step.fence) == (work, "queued", "a", NOON, 0)

    async def test_everything_that_is_learned_later_comes_back_too(self, store: Store) -> None:
        task = await begun(store)
        seams = (Seam.model_validate({"at": 1, "from": 2, "to": 3, "blend_ms": 40, "confidence": 0.5}),)
        clips = (Clip(file="/a.wav", seams=seams), Clip(url="https://x/b", whole_track=False, continue_at=2.5))
        step = await only_step(store, task)
        await store.apply(moves.accepted(step, "r1", NOON, NOON), now=NOON)
        audio, failure = Audio(file="/a.wav", whole_track=True), Failure(code="internal", message="é", hint="x.")
        patch = moves.ended("succeeded", NOON + 1, audio=audio) | {"error": failure, "warnings": ("w",)}
        assert await store.apply(moves.finished(step, clips, patch, PRICE), now=NOON + 1)
        found = await stored(store, task)
        assert (found.clips, found.audio, found.error, found.warnings) == (clips, audio, failure, ("w",))
        assert (found.status, found.fraction, found.finished_at, found.updated_at) == (
            "succeeded",
            1,
            NOON + 1,
            NOON + 1,
        )

    async def test_nobody_sees_the_tasks_of_another(self, store: Store) -> None:
        task = await created(store)
        assert await store.get(task.id, principal="other") is None
        assert await store.get(task.id, principal=ME) is not None
        assert await store.get(task.id) is not None
        assert (await store.page(principal="other", status=None, provider=None, limit=5, cursor=None)).tasks == ()
        assert await store.ids_like("", principal="other", limit=5) == []

    async def test_what_was_never_there_is_not_found(self, store: Store) -> None:
        assert await store.get("tsk_1") is None
        assert await store.attempts("stp_1") == []
        assert await store.spent(principal=ME, since=0, unit="credits") == {}

    async def test_opening_and_closing_again_loses_nothing(self, store: Store) -> None:
        task = await created(store)
        await store.close()
        await store.close()
        await store.open()
        await store.open()
        assert await stored(store, task) == task

    async def test_another_connection_sees_it_at_once(self, connect: Connect) -> None:
        async with connections(connect, 2) as (one, other):
            task = await created(one)
            assert await stored(other, task) == task

    async def test_several_tasks_are_read_by_one_look(self, store: Store) -> None:
        tasks = [await begun(store), await created(store), await in_status(store, "cancelled")]
        found = await store.get_all([task.id for task in tasks] + ["tsk_none", "\0"])
        assert found == {task.id: await stored(store, task) for task in tasks}
        assert await store.get_all([]) == {}

    async def test_looks_that_come_together_are_each_written_or_not(self, store: Store) -> None:
        tasks = [await begun(store) for _ in range(5)]
        steps = [await only_step(store, task) for task in tasks]
        for step in steps:
            assert await store.apply(moves.accepted(step, f"remote-{step.id}", NOON, NOON), now=NOON)
        steps = [await only_step(store, task) for task in tasks]
        steps[2] = replace(steps[2], fence=steps[2].fence + 1)
        done = dict[str, bool]()

        async def look(step: Step, task: Task) -> None:
            news = moves.still_running(step, task, Snapshot("running", 0.5, "half"), NOON + 10)
            done[step.id] = await store.apply(news, now=NOON)

        async with anyio.create_task_group() as group:
            for step, task in zip(steps, tasks, strict=True):
                group.start_soon(look, step, task)
        assert [done[step.id] for step in steps] == [True, True, False, True, True]
        assert [(await stored(store, task)).fraction for task in tasks] == [0.5, 0.5, None, 0.5, 0.5]


class TestRepeating:
    @pytest.mark.parametrize("status", [*GOING_ON, *FINISHED])
    async def test_the_same_key_gets_the_same_task(self, store: Store, status: TaskStatus) -> None:
        task = await in_status(store, status, idempotency_key="k")
        assert await repeated(store, task, now=NOON + 10 * DAY_MS) == ("same", "key")

    @pytest.mark.parametrize("status", ENDED_BADLY)
    async def test_a_task_that_ended_badly_frees_its_key(self, store: Store, status: TaskStatus) -> None:
        task = await in_status(store, status, idempotency_key="k")
        assert await repeated(store, task) == ("new", None)
        assert (await stored(store, task)).status == status

    async def test_a_freed_key_belongs_to_the_new_task(self, store: Store) -> None:
        task = await in_status(store, "failed", idempotency_key="k")
        second = (await store.create(again(task), a_step(), home="a", now=NOON)).task
        assert await repeated(store, second) == ("same", "key")

    async def test_a_key_is_one_persons_own(self, store: Store) -> None:
        task = await created(store, idempotency_key="k")
        assert await repeated(store, task, principal="other") == ("new", None)

    async def test_a_key_for_another_request_is_refused_and_nothing_is_stored(self, store: Store) -> None:
        await created(store, idempotency_key="k")
        with pytest.raises(KeyReused):
            await store.create(a_task(idempotency_key="k"), a_step(), home="a", now=NOON)
        assert len(await store.ids_like("", principal=ME, limit=9)) == 1

    @pytest.mark.parametrize(("first", "second"), [("a", "a"), ("a.wav", "a"), ("a", "a.wav")])
    @pytest.mark.parametrize("status", [*GOING_ON, *FINISHED])
    async def test_a_name_that_another_task_saves_under_is_refused(
        self, store: Store, status: TaskStatus, first: str, second: str
    ) -> None:
        """Also one that was free when it was asked for: whoever is confirmed first has it."""
        asked = {"source": "/music/a.wav", "save_as": "a"}
        task = a_task(request=asked)
        await store.create(task, a_step(save_as=f"/out/{first}"), home="a", now=NOON)
        step = await claimed(store, of=task)
        patch: TaskPatch = {"status": status}
        if status in FINISHED:
            patch["finished_at"] = NOON + 1
        await store.apply(Change(step.id, frozenset({step.state}), step.fence, {}, task=patch), now=NOON)
        with pytest.raises(NameTaken, match=task.id):
            await store.create(a_task(request=asked), a_step(save_as=f"/out/{second}"), home="a", now=NOON)
        await store.create(a_task(request=asked), a_step(save_as="/out/ab"), home="a", now=NOON)

    async def test_a_name_of_our_own_making_needs_no_look(self, store: Store) -> None:
        for _ in range(2):
            await store.create(a_task(), a_step(save_as="/out/a (extended abc123)"), home="a", now=NOON)

    async def test_a_key_that_was_answered_with_an_earlier_task_goes_on_meaning_it(self, store: Store) -> None:
        """Otherwise the same key, tried again later, would start and pay for a second task."""
        task = await in_status(store, "succeeded")
        keyed = replace(task, idempotency_key="k")
        assert await repeated(store, keyed) == ("same", "request")
        assert (await repeated(store, keyed, now=NOON + 10 * REPLAY_WINDOW_MS))[0] == "same"

    @pytest.mark.parametrize("status", GOING_ON)
    async def test_an_identical_request_joins_work_that_goes_on(self, store: Store, status: TaskStatus) -> None:
        task = await in_status(store, status)
        assert await repeated(store, task, now=NOON + 10 * DAY_MS) == ("same", "request")

    @pytest.mark.parametrize("status", FINISHED)
    @pytest.mark.parametrize(
        ("later", "whose"), [(0, "same"), (REPLAY_WINDOW_MS - 1, "same"), (REPLAY_WINDOW_MS, "new")]
    )
    async def test_for_ten_minutes_after_success_it_gets_the_result(
        self, store: Store, status: TaskStatus, later: int, whose: str
    ) -> None:
        task = await in_status(store, status)
        assert (await repeated(store, task, now=NOON + later))[0] == whose

    async def test_a_result_that_is_gone_need_not_be_replayed(self, store: Store) -> None:
        task = await in_status(store, "succeeded")
        made = await store.create(again(task), a_step(), home="a", now=NOON, replay_finished=False)
        assert made.replayed is None

    @pytest.mark.parametrize("status", GOING_ON)
    async def test_work_that_goes_on_is_joined_even_then(self, store: Store, status: TaskStatus) -> None:
        task = await in_status(store, status)
        found = await store.create(again(task), a_step(), home="a", now=NOON, replay_finished=False)
        assert found.task.id == task.id

    @pytest.mark.parametrize("status", ENDED_BADLY)
    async def test_after_a_failure_the_identical_request_starts_anew(self, store: Store, status: TaskStatus) -> None:
        assert await repeated(store, await in_status(store, status)) == ("new", None)

    @pytest.mark.parametrize("key", [None, "k"])
    async def test_many_at_once_start_one_task(self, connect: Connect, key: str | None) -> None:
        made: list[str] = []
        task = a_task(idempotency_key=key)

        async def call(store: Store) -> None:
            made.append((await store.create(again(task), a_step(), home="a", now=NOON)).task.id)

        async with connections(connect, 4) as stores, anyio.create_task_group() as group:
            for store in stores * 5:
                group.start_soon(call, store)
        assert len(made) == 20
        assert len(set(made)) == 1


class TestClaiming:
    async def test_a_claim_hides_the_step_until_its_lease_is_out(self, store: Store) -> None:
        await created(store)
        step = await claimed(store)
        assert step.fence == 1
        assert step.due_at == NOON + SUBMIT_LEASE_MS
        assert await store.claim(home="a", now=NOON + SUBMIT_LEASE_MS - 1, limit=9) == []
        assert (await claimed(store, now=NOON + SUBMIT_LEASE_MS)).fence == 2

    async def test_a_look_has_a_shorter_lease(self, store: Store) -> None:
        task = await begun(store)
        await store.apply(moves.accepted(await only_step(store, task), "r", NOON, NOON), now=NOON)
        assert (await claimed(store)).due_at == NOON + POLL_LEASE_MS

    async def test_others_leave_it_to_its_home_for_the_grace_time(self, store: Store) -> None:
        await created(store, home="a")
        assert await store.claim(home="b", now=NOON + GRACE_MS - 1, limit=9) == []
        step = await claimed(store, home="b", now=NOON + GRACE_MS)
        assert step.home == "b"

    async def test_who_takes_it_is_its_home_from_then_on(self, store: Store) -> None:
        await created(store, home="a")
        step = await claimed(store, home="b", now=NOON + GRACE_MS)
        assert step.due_at is not None
        assert await store.claim(home="a", now=step.due_at, limit=9) == []
        assert await claimed(store, home="b", now=step.due_at)

    async def test_a_submit_that_was_cut_off_comes_back_as_unknown(self, store: Store) -> None:
        task = await begun(store)
        later = NOON + SUBMIT_LEASE_MS + GRACE_MS
        assert await store.claim(home="b", now=later - 1, limit=9) == []
        step = await claimed(store, home="b", now=later)
        assert step.state == "unknown"
        assert (await only_step(store, task)).state == "unknown"
        assert (await store.attempts(step.id))[-1].state == "intent"

    async def test_the_longest_overdue_comes_first_and_no_more_than_asked_for(self, store: Store) -> None:
        tasks = [await created(store, now=NOON - wait) for wait in (1, 3, 2)]
        first, second = await store.claim(home="a", now=NOON, limit=2)
        assert {first.task_id, second.task_id} == {tasks[1].id, tasks[2].id}
        assert await store.claim(home="a", now=NOON, limit=0) == []

    async def test_a_process_may_take_only_what_it_is_about(self, store: Store) -> None:
        mine, other = await created(store), await created(store)
        assert await store.claim(home="a", now=NOON, limit=9, tasks=()) == []
        [step] = await store.claim(home="a", now=NOON, limit=9, tasks={mine.id, "tsk_unknown"})
        assert step.task_id == mine.id
        [step] = await store.claim(home="a", now=NOON, limit=9)
        assert step.task_id == other.id

    async def test_a_step_that_is_over_is_never_due(self, store: Store) -> None:
        task = await created(store)
        await store.apply(moves.cancelled(await only_step(store, task), NOON), now=NOON)
        assert await store.claim(home="a", now=NOON + DAY_MS, limit=9) == []

    async def test_racing_processes_never_get_the_same_step(self, connect: Connect) -> None:
        got: list[str] = []

        async def take(store: Store, home: str) -> None:
            while steps := await store.claim(home=home, now=NOON + GRACE_MS, limit=3):
                got.extend(step.id for step in steps)

        async with connections(connect, 4) as stores:
            for _ in range(30):
                await created(stores[0])
            async with anyio.create_task_group() as group:
                for number, store in enumerate(stores):
                    group.start_soon(take, store, f"home-{number}")
        assert len(got) == 30
        assert len(set(got)) == 30


AFTER_A_NOTICE_MS = 3_000
JUMPS = [AFTER_A_NOTICE_MS, POLL_LEASE_MS, SUBMIT_LEASE_MS, 30 * 60_000, 50 * 60_000, 3_600_001, DAY_MS, 400 * DAY_MS]


async def waiting_for(store: Store, what: str) -> tuple[Task, int]:
    """A task at noon, and how many milliseconds it still has to wait for its own process."""
    if what == "its first claim":
        return await created(store), 0
    if what == "the end of a claim":
        task = await created(store)
        await claimed(store, of=task)
        return task, SUBMIT_LEASE_MS
    task = await begun(store)
    if what == "the answer to its request":
        return task, SUBMIT_LEASE_MS
    await store.apply(moves.accepted(await only_step(store, task), "r", NOON + 25_000, NOON), now=NOON)
    if what == "the next look":
        return task, 25_000
    await claimed(store, now=NOON + 25_000, of=task)
    await store.apply(moves.no_further(await only_step(store, task), task, NOON), now=NOON + 25_000)
    return task, POLL_LEASE_MS


WAITS = ["its first claim", "the end of a claim", "the answer to its request", "the next look", "the end of a look"]


class TestClock:
    """Times are told by a clock that anybody may set."""

    @pytest.mark.parametrize("what", WAITS)
    @pytest.mark.parametrize("back", JUMPS)
    async def test_set_back_every_wait_is_as_long_as_it_was(self, store: Store, what: str, back: int) -> None:
        task, wait = await waiting_for(store, what)
        now = NOON - back
        if wait:
            assert await store.claim(home="a", now=now, limit=9) == []
            assert await store.claim(home="a", now=now + wait - 1, limit=9) == []
        assert await claimed(store, home="a", now=now + wait, of=task)

    @pytest.mark.parametrize("back", JUMPS)
    async def test_set_back_other_processes_wait_no_longer_either(self, store: Store, back: int) -> None:
        await begun(store)
        assert await store.claim(home="b", now=NOON - back, limit=9) == []
        assert await store.claim(home="b", now=NOON - back + SUBMIT_LEASE_MS + GRACE_MS - 1, limit=9) == []
        assert (await claimed(store, home="b", now=NOON - back + SUBMIT_LEASE_MS + GRACE_MS)).state == "unknown"

    @pytest.mark.parametrize("back", JUMPS)
    async def test_set_back_a_change_that_leaves_the_wait_leaves_its_length(self, store: Store, back: int) -> None:
        """A cancel writes the row by the new clock before anybody has looked at it."""
        task = await begun(store)
        now = NOON - back
        assert await store.apply(moves.no_further(await only_step(store, task), task, now), now=now)
        assert await store.claim(home="a", now=now + SUBMIT_LEASE_MS - 1, limit=9) == []
        assert (await claimed(store, now=now + SUBMIT_LEASE_MS)).state == "unknown"

    async def test_a_little_disorder_is_no_set_back_clock(self, store: Store) -> None:
        """Processes read the clock before they wait for each other."""
        await begun(store)
        before = (await store.page(principal=ME, status=None, provider=None, limit=1, cursor=None)).tasks
        assert await store.claim(home="b", now=NOON - CLOCK_SLACK_MS, limit=9) == []
        assert (await only_step(store, before[0])).due_at == NOON + SUBMIT_LEASE_MS

    async def test_set_forward_and_back_again_nothing_is_left_behind(self, store: Store) -> None:
        task = await created(store)
        await claimed(store, now=NOON + 9 * DAY_MS, of=task)
        assert await store.claim(home="a", now=NOON, limit=9) == []
        assert await claimed(store, now=NOON + SUBMIT_LEASE_MS, of=task)

    @pytest.mark.parametrize("back", JUMPS)
    async def test_set_back_an_account_waits_no_longer_than_its_rate_asks_for(self, store: Store, back: int) -> None:
        rate = Rate(requests=10, seconds=10)
        while await store.take_turn("account", rate, urgent=True, now=NOON) == 0:
            pass
        now = NOON - back
        wait = await store.take_turn("account", rate, urgent=True, now=now)
        assert 0 < wait <= 1001
        assert await store.take_turn("account", rate, urgent=True, now=now + wait) == 0
        assert await store.take_turn("account", rate, urgent=True, now=now + wait) > 0, "the rate is kept all the same"

    @pytest.mark.parametrize("back", JUMPS)
    async def test_set_back_what_was_spent_counts_today_and_only_today(self, store: Store, back: int) -> None:
        await begun(store)
        now = NOON - back
        second = await created(store, now=now)
        step = await claimed(store, now=now, of=second)
        with pytest.raises(OverBudget):
            await store.apply(moves.begin(step, "att_2", PAID, PRICE, per_day(PRICE), now), now=now)
        await store.apply(moves.begin(step, "att_2", PAID, PRICE, per_day(2 * PRICE), now), now=now)
        tomorrow = now - now % DAY_MS + DAY_MS
        third = await created(store, now=tomorrow)
        step = await claimed(store, now=tomorrow, of=third)
        assert await store.apply(moves.begin(step, "att_3", PAID, PRICE, per_day(PRICE), tomorrow), now=tomorrow)

    async def test_set_back_an_identical_request_is_still_the_same(self, store: Store) -> None:
        """Somebody may have tried again after a second; a result that is shown once more costs nothing."""
        task = await in_status(store, "succeeded")
        assert await repeated(store, task, now=NOON - DAY_MS) == ("same", "request")

    async def test_set_back_no_balance_is_compared_with_one_of_later(self, store: Store) -> None:
        await store.see_balance("account", 100 * PRICE, "credits", now=NOON)
        assert await store.see_balance("account", 90 * PRICE, "credits", now=NOON - DAY_MS) is None
        seen = await store.see_balance("account", 90 * PRICE, "credits", now=NOON - DAY_MS + 1)
        assert seen is not None
        assert seen.at == NOON - DAY_MS

    @pytest.mark.parametrize("jump", [-DAY_MS, 2 * DAY_MS])
    async def test_how_long_work_took_is_not_learned_from_a_jump(self, store: Store, jump: int) -> None:
        task = await begun(store)
        await store.apply(moves.accepted(await only_step(store, task), "r", NOON, NOON), now=NOON)
        done = moves.finished(await only_step(store, task), (), {"status": "succeeded"}, PRICE)
        assert await store.apply(done, now=NOON + jump)
        assert await store.durations("paid", None) == []


class TestHandingOver:
    async def test_running_work_is_due_for_anybody_at_once(self, store: Store) -> None:
        task = await begun(store)
        await store.apply(moves.accepted(await only_step(store, task), "r", NOON + 60_000, NOON), now=NOON)
        await store.release("a", now=NOON + 1)
        assert (await claimed(store, home="b", now=NOON + 1)).state == "waiting"

    async def test_work_not_begun_is_due_for_anybody_when_it_was_due(self, store: Store) -> None:
        await created(store)
        await store.release("a", now=NOON)
        assert (await claimed(store, home="b", now=NOON)).state == "queued"

    async def test_work_that_was_taken_but_not_yet_sent_is_due_at_once_where_it_was_interrupted(
        self, store: Store
    ) -> None:
        task = await created(store)
        step = await claimed(store)
        await store.release("a", now=NOON + 1, interrupted=(step.id,))
        assert (await claimed(store, home="b", now=NOON + 1, of=task)).state == "queued"

    async def test_a_request_that_was_interrupted_on_its_way_is_never_hurried(self, store: Store) -> None:
        task = await begun(store)
        await store.release("a", now=NOON, interrupted=((await only_step(store, task)).id,))
        assert await store.claim(home="b", now=NOON + SUBMIT_LEASE_MS - 1, limit=9) == []

    async def test_a_request_on_its_way_keeps_its_lease(self, store: Store) -> None:
        await begun(store)
        await store.release("a", now=NOON)
        assert await store.claim(home="b", now=NOON + SUBMIT_LEASE_MS - 1, limit=9) == []
        assert (await claimed(store, home="b", now=NOON + SUBMIT_LEASE_MS)).state == "unknown"

    async def test_work_put_back_for_later_is_not_hurried(self, store: Store) -> None:
        task = await begun(store)
        await store.apply(moves.put_back(await only_step(store, task), NOON + 60_000, NOON, PRICE), now=NOON)
        await store.release("a", now=NOON)
        assert await store.claim(home="b", now=NOON + 59_999, limit=9) == []

    async def test_the_work_of_others_stays_theirs(self, store: Store) -> None:
        task = await created(store, home="a")
        await store.release("b", now=NOON)
        assert (await only_step(store, task)).home == "a"

    async def test_waiting_work_can_be_hastened_but_never_delayed(self, store: Store) -> None:
        task = await begun(store)
        step = await only_step(store, task)
        await store.apply(moves.accepted(step, "r", NOON + 60_000, NOON), now=NOON)
        await store.make_due(step.id, now=NOON + 1)
        assert (await only_step(store, task)).due_at == NOON + 1
        await store.make_due(step.id, now=NOON + 99)
        assert (await only_step(store, task)).due_at == NOON + 1

    async def test_only_waiting_work_can_be_hastened(self, store: Store) -> None:
        task = await begun(store)
        before = await only_step(store, task)
        await store.make_due(before.id, now=NOON)
        assert await only_step(store, task) == before


class TestGuards:
    async def test_a_step_that_is_not_there_is_left_alone(self, store: Store) -> None:
        assert not await store.apply(Change("stp_1", frozenset({"queued"}), None, {}), now=NOON)

    async def test_the_wrong_state_changes_nothing_at_all(self, store: Store) -> None:
        task = await created(store)
        step = await only_step(store, task)
        assert not await store.apply(moves.accepted(step, "r", NOON, NOON), now=NOON + 5)
        assert await stored(store, task) == task

    async def test_a_stale_claim_decides_nothing(self, store: Store) -> None:
        task = await created(store)
        stale = await claimed(store)
        await claimed(store, now=NOON + SUBMIT_LEASE_MS)
        before = await stored(store, task)
        assert not await store.apply(moves.begin(stale, "att_1", PAID, PRICE, (), NOON), now=NOON)
        assert await stored(store, task) == before
        assert await store.attempts(stale.id) == []

    async def test_a_learned_fact_counts_whoever_holds_the_claim(self, store: Store) -> None:
        task = await begun(store)
        stale = await only_step(store, task)
        await claimed(store, home="b", now=NOON + SUBMIT_LEASE_MS + GRACE_MS)
        assert await store.apply(moves.accepted(stale, "r", NOON, NOON), now=NOON)
        assert (await only_step(store, task)).remote_id == "r"

    @pytest.mark.parametrize("state", sorted(set(STEP_MOVES) - STEP_MOVES["queued"] - {"queued"}))
    async def test_an_illegal_move_is_a_bug_and_raises(self, store: Store, state: StepState) -> None:
        task = await created(store)
        step = await only_step(store, task)
        change = Change(step.id, frozenset({"queued"}), None, {"state": state, "due_at": NOON}, task={"message": "x"})
        with pytest.raises(AssertionError, match="illegal move"):
            await store.apply(change, now=NOON)
        assert await stored(store, task) == task
        assert await store.apply(moves.cancelled(step, NOON), now=NOON), "nothing was left open"

    async def test_a_second_live_submit_cannot_be_recorded(self, store: Store) -> None:
        task = await begun(store)
        step = await only_step(store, task)
        second = Change(
            step.id, frozenset({"submitting"}), None, {}, new_attempt="att_2", entries=(Entry("hold", PRICE),),
            task={"message": "x"},
        )  # fmt: skip
        with pytest.raises(IMPOSSIBLE):
            await store.apply(second, now=NOON)
        assert len(await store.attempts(step.id)) == 1
        assert (await stored(store, task)).held == PRICE
        assert (await stored(store, task)).message != "x"

    async def test_after_the_first_is_void_a_second_can(self, store: Store) -> None:
        task = await begun(store)
        await store.apply(moves.put_back(await only_step(store, task), NOON, NOON, PRICE), now=NOON)
        step = await claimed(store)
        assert await store.apply(moves.begin(step, "att_2", PAID, PRICE, (), NOON), now=NOON)
        assert [(a.number, a.state) for a in await store.attempts(step.id)] == [(1, "void"), (2, "intent")]

    @pytest.mark.parametrize("state", ["queued", "submitting", "waiting", "unknown"])
    async def test_active_work_cannot_be_left_without_a_due_time(self, store: Store, state: StepState) -> None:
        task = await created(store) if state == "queued" else await begun(store)
        step = await only_step(store, task)
        with pytest.raises(IMPOSSIBLE):
            await store.apply(
                Change(step.id, frozenset({step.state}), None, {"state": state, "due_at": None}), now=NOON
            )
        assert await only_step(store, task) == step

    async def test_a_further_step_is_added_once(self, store: Store) -> None:
        task = await begun(store)
        step = await only_step(store, task)
        await store.apply(moves.accepted(step, "r", NOON, NOON), now=NOON)
        done = moves.finished(step, (), {"message": "next"}, PRICE)
        assert await store.apply(replace(done, next_step=a_step(1)), now=NOON)
        assert not await store.apply(replace(done, next_step=a_step(1)), now=NOON)
        assert [s.seq for s in (await stored(store, task)).steps] == [0, 1]
        assert (await claimed(store)).seq == 1


class TestMoney:
    async def test_a_hold_is_settled_by_release_and_charge(self, store: Store) -> None:
        task = await begun(store)
        assert (await stored(store, task)).held == PRICE
        assert await store.spent(principal=ME, since=NOON, unit="credits") == {"paid": PRICE}
        step = await only_step(store, task)
        await store.apply(moves.accepted(step, "r", NOON, NOON), now=NOON)
        await store.apply(moves.finished(step, (), {}, PRICE), now=NOON)
        found = await stored(store, task)
        assert (found.held, found.charged, found.refunded) == (0, PRICE, 0)
        assert await store.spent(principal=ME, since=NOON, unit="credits") == {"paid": PRICE}

    @pytest.mark.parametrize(
        ("kinds", "spent"),
        [
            (["hold"], 1),
            (["hold", "release"], 0),
            (["hold", "release", "charge"], 1),
            (["hold", "release", "charge", "refund"], 0),
            (["hold", "release", "disputed"], 1),
            (["hold", "release", "charge", "adjust"], 2),
        ],
    )
    async def test_sums(self, store: Store, kinds: list[EntryKind], spent: int) -> None:
        task = await begun(store, hold=0)
        step = await only_step(store, task)
        for kind in kinds:
            change = Change(step.id, frozenset({"submitting"}), None, {}, entries=(Entry(kind, PRICE),))
            assert await store.apply(change, now=NOON)
        assert await store.spent(principal=ME, since=NOON, unit="credits") == {"paid": spent * PRICE}
        found = await stored(store, task)
        assert found.held == (PRICE if kinds == ["hold"] else 0)
        assert found.refunded == (PRICE if "refund" in kinds else 0)

    @pytest.mark.parametrize("kind", ["hold", "charge", "release", "refund"])
    async def test_nothing_is_entered_twice_for_one_attempt(self, store: Store, kind: EntryKind) -> None:
        task = await begun(store, hold=0)
        step = await only_step(store, task)
        change = Change(step.id, frozenset({"submitting"}), None, {}, entries=(Entry(kind, 1),))
        assert await store.apply(change, now=NOON)
        with pytest.raises(IMPOSSIBLE):
            await store.apply(change, now=NOON)

    async def test_a_negative_amount_is_impossible(self, store: Store) -> None:
        task = await begun(store, hold=0)
        step = await only_step(store, task)
        with pytest.raises(IMPOSSIBLE):
            await store.apply(
                Change(step.id, frozenset({"submitting"}), None, {}, entries=(Entry("hold", -1),)), now=NOON
            )

    async def test_it_is_counted_by_person_provider_and_time(self, store: Store) -> None:
        await begun(store, now=NOON - DAY_MS, attempt="att_1")
        await begun(store, provider="other", attempt="att_2")
        await begun(store, principal="somebody", attempt="att_3")
        assert await store.spent(principal=ME, since=NOON, unit="credits") == {"other": PRICE}
        assert await store.spent(principal=ME, since=0, unit="credits") == {"paid": PRICE, "other": PRICE}

    async def test_the_cap_of_a_day_is_kept_to_the_last_credit(self, store: Store) -> None:
        cap = 2 * PRICE
        for number in range(2):
            await created(store)
            step = await claimed(store)
            assert await store.apply(moves.begin(step, f"att_{number}", PAID, PRICE, per_day(cap), NOON), now=NOON)
        task = await created(store)
        step = await claimed(store)
        before = await stored(store, task)
        with pytest.raises(OverBudget, match="today"):
            await store.apply(moves.begin(step, "att_9", PAID, PRICE, per_day(cap), NOON), now=NOON)
        assert await stored(store, task) == before
        assert await store.attempts(step.id) == []

    async def test_credits_and_dollars_are_booked_and_capped_apart(self, store: Store) -> None:
        """A line of the ledger has the unit of its task, and a cap counts the lines of its own."""
        task = await begun(store, quote=IN_DOLLARS)
        await begun(store)
        for unit in UNITS:
            assert await store.spent(principal=ME, since=NOON, unit=unit) == {"paid": PRICE}
        step = await only_step(store, task)
        await store.apply(moves.refused(step, InvalidRequest("no."), NOON, PRICE), now=NOON)
        assert await store.spent(principal=ME, since=NOON, unit="usd") == {"paid": 0}
        told = await stored(store, task)
        assert (told.quote.unit, told.held, told.charged) == ("usd", 0, 0)
        caps = (Cap("day", PRICE, unit="usd"),)
        step = await claimed(store, of=await created(store, quote=IN_DOLLARS))
        assert await store.apply(moves.begin(step, "att_usd", PAID, PRICE, caps, NOON), now=NOON)
        step = await claimed(store, of=await created(store, quote=IN_DOLLARS))
        with pytest.raises(OverBudget, match="dollars"):
            await store.apply(moves.begin(step, "att_more", PAID, PRICE, caps, NOON), now=NOON)

    async def test_a_balance_is_compared_with_one_of_its_own_unit(self, store: Store) -> None:
        await store.see_balance("account", 100, "credits", now=NOON)
        assert await store.see_balance("account", 100, "usd", now=NOON) is None
        task = await begun(store, now=NOON + 1, quote=IN_DOLLARS)
        assert await store.see_balance("account", 50, "usd", now=NOON + 2) == BalanceReading(NOON, 100, 0, PRICE)
        await store.apply(moves.unclear(await only_step(store, task), "lost", NOON), now=NOON)
        await store.apply(moves.given_up(await only_step(store, task), NOON, PRICE), now=NOON)
        disputed = await store.disputes("account", "usd")
        assert [one.amount for one in disputed] == [PRICE]
        assert await store.disputes("account", "credits") == []
        await store.book_refunds(disputed, "it came back", now=NOON)
        assert await store.spent(principal=ME, since=0, unit="usd") == {"paid": 0}

    async def test_tomorrow_is_another_day(self, store: Store) -> None:
        await begun(store)
        task = await created(store, now=NOON + DAY_MS)
        step = await claimed(store, now=NOON + DAY_MS, of=task)
        assert await store.apply(
            moves.begin(step, "att_2", PAID, PRICE, per_day(PRICE), NOON + DAY_MS), now=NOON + DAY_MS
        )

    async def test_what_was_held_yesterday_does_not_pay_for_today(self, store: Store) -> None:
        """A hold that is released after midnight must not let today's cap be overrun."""
        task = await begun(store, now=NOON - DAY_MS)
        await store.apply(moves.put_back(await only_step(store, task), NOON + 60_000, NOON, PRICE), now=NOON)
        assert sum((await store.spent(principal=ME, since=NOON - NOON % DAY_MS, unit="credits")).values()) >= 0
        today = await created(store)
        step = await claimed(store, of=today)
        with pytest.raises(OverBudget):
            await store.apply(moves.begin(step, "att_2", PAID, 2 * PRICE, per_day(PRICE), NOON), now=NOON)

    async def test_free_work_is_not_stopped_by_a_cap_that_was_lowered(self, store: Store) -> None:
        await begun(store)
        await created(store)
        step = await claimed(store)
        assert await store.apply(moves.begin(step, "att_free", PAID, 0, per_day(PRICE // 2), NOON), now=NOON)

    async def test_racing_processes_never_overrun_the_cap(self, connect: Connect) -> None:
        cap, refused = 7 * PRICE, 0

        async def submit(store: Store, step: Step) -> None:
            nonlocal refused
            try:
                await store.apply(moves.begin(step, f"att_{step.id}", PAID, PRICE, per_day(cap), NOON), now=NOON)
            except OverBudget:
                refused += 1

        async with connections(connect, 4) as stores:
            for _ in range(20):
                await created(stores[0])
            steps = await stores[0].claim(home="a", now=NOON, limit=20)
            async with anyio.create_task_group() as group:
                for number, step in enumerate(steps):
                    group.start_soon(submit, stores[number % 4], step)
            assert await stores[0].spent(principal=ME, since=0, unit="credits") == {"paid": cap}
        assert refused == 13


class TestHistory:
    async def everything(
        self, store: Store, limit: int, status: TaskStatus | None = None, provider: str | None = None
    ) -> list[str]:
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = await store.page(principal=ME, status=status, provider=provider, limit=limit, cursor=cursor)
            found += [task.id for task in page.tasks]
            cursor = page.next_cursor
            if cursor is None:
                return found

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
    async def test_pages_show_everything_once_newest_first(self, store: Store, limit: int) -> None:
        times = [5, 3, 3, 9, 3, 1, 9]
        tasks = [await created(store, now=NOON + at) for at in times]
        found = await self.everything(store, limit)
        assert found == [t.id for t in sorted(tasks, key=lambda t: (t.created_at, t.id), reverse=True)]

    async def test_what_is_added_meanwhile_shifts_nothing(self, store: Store) -> None:
        old = {(await created(store, now=NOON + n)).id for n in range(6)}
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = await store.page(principal=ME, status=None, provider=None, limit=2, cursor=cursor)
            found += [task.id for task in page.tasks]
            await created(store, now=NOON + 100)
            if (cursor := page.next_cursor) is None:
                break
        assert len(found) == len(set(found))
        assert set(found) == old

    async def test_status_and_provider_choose(self, store: Store) -> None:
        failed = await in_status(store, "failed")
        other = await created(store, provider="other")
        assert await self.everything(store, 1, status="failed") == [failed.id]
        assert await self.everything(store, 1, provider="other") == [other.id]
        assert await self.everything(store, 1, status="succeeded") == []

    @pytest.mark.parametrize("cursor", ["", "x", "1", ".tsk_1", "-1.tsk_1", "9" * 40 + ".x", "²³.x", "1e9.x", "\ud800"])
    async def test_a_cursor_of_somebody_elses_making_is_refused(self, store: Store, cursor: str) -> None:
        with pytest.raises(InvalidRequest, match="cursor"):
            await store.page(principal=ME, status=None, provider=None, limit=5, cursor=cursor)

    async def test_ids_are_found_by_how_they_start(self, store: Store) -> None:
        await created(store, id="tsk_aa1")
        await created(store, id="tsk_aa2", now=NOON + 1)
        await created(store, id="tsk_b_1")
        assert await store.ids_like("tsk_aa", principal=ME, limit=9) == ["tsk_aa2", "tsk_aa1"]
        assert (
            await store.ids_like("tsk__", principal=ME, limit=9)
            == await store.ids_like("tsk_%", principal=ME, limit=9)
            == []
        )
        assert await store.ids_like("tsk_", principal=ME, limit=1) == ["tsk_aa2"]


class TestRemembering:
    async def finished(self, store: Store, *clips: Clip, seconds: int = 0, **fields: Any) -> Task:
        """A task whose submit was made at noon and that was done some seconds later."""
        task = await begun(store, **fields)
        step = await only_step(store, task)
        await store.apply(moves.accepted(step, f"remote of {task.id}", NOON, NOON), now=NOON)
        change = moves.finished(step, clips, {"status": "succeeded"}, PRICE)
        assert await store.apply(change, now=NOON + 1000 * seconds)
        return task

    async def test_a_providers_clip_leads_to_the_task_that_made_it(self, store: Store) -> None:
        task = await self.finished(store, Clip(provider_clip_id="c1"), Clip(url="x"), Clip(provider_clip_id="c3"))
        assert await store.find_clip("paid", "c1", principal=ME) == (task.id, 0)
        assert await store.find_clip("paid", "c3", principal=ME) == (task.id, 2)

    @pytest.mark.parametrize(
        ("provider", "clip", "who"), [("other", "c1", ME), ("paid", "c2", ME), ("paid", "c1", "x")]
    )
    async def test_nothing_else_does(self, store: Store, provider: str, clip: str, who: str) -> None:
        await self.finished(store, Clip(provider_clip_id="c1"))
        assert await store.find_clip(provider, clip, principal=who) is None

    async def test_whose_an_id_is_is_known_of_clips_and_of_works(self, store: Store) -> None:
        mine = await self.finished(store, Clip(provider_clip_id="c1"))
        theirs = await self.finished(store, Clip(provider_clip_id="c2"), principal="x", account_id="account")
        asked = ["c1", "c2", f"remote of {mine.id}", f"remote of {theirs.id}", "c9", "\x00", "\ud800", "'; --"]
        accounts = [mine.account_id]
        assert await store.whose(asked, providers=["paid", "other"], accounts=accounts) == {
            ("c1", ME), ("c2", "x"), (f"remote of {mine.id}", ME), (f"remote of {theirs.id}", "x"),
        }  # fmt: skip
        assert await store.whose(asked, providers=["other"], accounts=["another"]) == set()

    async def test_how_long_work_took_is_learned_newest_first(self, store: Store) -> None:
        for seconds in (60, 70, 80):
            await self.finished(store, seconds=seconds)
        await begun(store)
        assert await store.durations("paid", None) == [80, 70, 60]
        assert await store.durations("paid", "v4") == []
        assert await store.durations("other", None) == []

    async def test_only_the_last_64_count(self, store: Store) -> None:
        for seconds in range(70):
            await self.finished(store, seconds=seconds)
        assert await store.durations("paid", None) == list(range(69, 5, -1))


class TestTakingTurns:
    RATE = Rate(requests=10, seconds=10)

    async def taken(self, store: Store, *, urgent: bool, now: int = NOON) -> int:
        """How many requests may be made at one moment."""
        count = 0
        while await store.take_turn("account", self.RATE, urgent=urgent, now=now) == 0:
            count += 1
        return count

    async def test_a_burst_is_at_most_the_rate_and_a_fifth_of_it_is_kept_for_submits(self, store: Store) -> None:
        assert await self.taken(store, urgent=False) == 8
        assert await self.taken(store, urgent=True) == 2
        assert await self.taken(store, urgent=True) == 0

    async def test_the_wait_it_tells_is_long_enough(self, store: Store) -> None:
        await self.taken(store, urgent=True)
        wait = await store.take_turn("account", self.RATE, urgent=True, now=NOON)
        assert 0 < wait <= 1001
        assert await store.take_turn("account", self.RATE, urgent=True, now=NOON + wait) == 0

    async def test_accounts_do_not_wait_for_each_other(self, store: Store) -> None:
        await self.taken(store, urgent=True)
        assert await store.take_turn("another account", self.RATE, urgent=True, now=NOON) == 0

    async def test_over_time_the_rate_is_kept(self, store: Store) -> None:
        counts = [await self.taken(store, urgent=True, now=NOON + second * 1000) for second in range(30)]
        assert counts[0] == 10
        assert set(counts[1:]) == {1}

    async def test_racing_processes_share_one_rate(self, connect: Connect) -> None:
        counts: list[int] = []

        async def take(store: Store) -> None:
            counts.append(await self.taken(store, urgent=True))

        async with connections(connect, 4) as stores, anyio.create_task_group() as group:
            for store in stores:
                group.start_soon(take, store)
        assert sum(counts) == 10


class TestNoticing:
    async def test_writes_of_others_are_news_and_own_ones_are_not_of_ours(self, connect: Connect) -> None:
        async with connections(connect, 2) as (one, other):
            await one.elsewhere()
            mine = await created(one)
            theirs = await created(other)
            with anyio.fail_after(PATIENCE):
                written = await one.elsewhere()
            assert written.tasks is None or written.tasks == {theirs.id}
            assert mine.id not in (written.tasks or ())

    async def test_the_first_time_all_that_was_written_before_is_news(self, connect: Connect) -> None:
        async with connections(connect, 2) as (one, other):
            await created(other)
            with anyio.fail_after(PATIENCE):
                assert (await one.elsewhere()).tasks is None

    async def test_what_waiters_are_shown_is_news_each_time(self, connect: Connect) -> None:
        async with connections(connect, 2) as (one, other):
            task = await begun(other)
            await one.elsewhere()
            for message in ("half", "whole"):
                change = Change((await only_step(other, task)).id, frozenset({"submitting"}), None, {})
                assert await other.apply(replace(change, task={"message": message}), now=NOON)
                with anyio.fail_after(PATIENCE):
                    written = await one.elsewhere()
                assert written.tasks is None or written.tasks == {task.id}


class TestCancellation:
    @pytest.mark.parametrize("after", [0, 0.0005, 0.002, 0.01])
    async def test_a_cut_call_has_happened_or_not_and_leaves_nothing_open(self, connect: Connect, after: float) -> None:
        tasks = [a_task() for _ in range(40)]
        async with connections(connect, 2) as (one, other):
            with anyio.move_on_after(after):
                async with anyio.create_task_group() as group:
                    for task in tasks:
                        group.start_soon(lambda t=task: one.create(t, a_step(), home="a", now=NOON))
            with anyio.fail_after(180):
                await created(other)
                await created(one)
            for task in tasks:
                found = await other.get(task.id)
                assert found is None or len(found.steps) == 1

    async def test_an_error_of_ours_leaves_nothing_open(self, connect: Connect) -> None:
        async with connections(connect, 2) as (one, other):
            await created(one, idempotency_key="k")
            with pytest.raises(KeyReused):
                await one.create(a_task(idempotency_key="k"), a_step(), home="a", now=NOON)
            with anyio.fail_after(180):
                await created(other)
                await created(one)


LONG_AGO = NOON - 100 * DAY_MS


class TestTheSharedSecret:
    async def test_every_program_is_told_the_same(self, connect: Connect, anyio_backend: str) -> None:
        told: list[bytes] = []
        async with connections(connect, 4) as stores, anyio.create_task_group() as group:

            async def ask(store: Store) -> None:
                told.append(await store.shared_secret())

            for store in stores:
                group.start_soon(ask, store)
        async with connections(connect, 1) as (later,):
            told.append(await later.shared_secret())
        assert len(set(told)) == 1
        assert len(told[0]) == SECRET_BYTES

    async def test_no_two_stores_have_the_same(self, tmp_path: Path, connect: Connect, anyio_backend: str) -> None:
        other = SqliteStore(tmp_path / "other" / "fermata.db")
        async with connections(connect, 1) as (one,), connections(lambda: other, 1):
            assert await one.shared_secret() != await other.shared_secret()


class TestRemoving:
    """What a person has removed is gone; what runs, is open, disputed or still counted is left."""

    async def removable(self, store: Store, *, before: int = NOON, since: int = NOON - DAY_MS) -> tuple[list[str], int]:
        return await store.removable(principal=ME, before=before, counted_since=since)

    async def paid(
        self, store: Store, *, now: int = LONG_AGO, kinds: Sequence[EntryKind] = ("release", "charge")
    ) -> Task:
        """A finished task whose attempt has these entries after its hold."""
        task = await begun(store, now=now)
        step = await only_step(store, task)
        assert await store.apply(moves.accepted(step, f"r_{task.id}", now, now), now=now)
        entries = tuple(Entry(kind, PRICE) for kind in kinds)
        done = Change(
            step.id, frozenset({"waiting"}), None, {"state": "succeeded", "due_at": None}, entries=entries,
            task=moves.ended("succeeded", now),
        )  # fmt: skip
        assert await store.apply(done, now=now)
        return await stored(store, task)

    async def gone(self, store: Store, task: Task) -> bool:
        told, _ = await self.removable(store)
        went = await store.remove([task.id], principal=ME, before=NOON, counted_since=NOON - DAY_MS)
        assert (task.id in told) == (went == [task.id]), "it goes exactly if it is told that it can"
        assert (await store.get(task.id) is None) == (went == [task.id])
        return bool(went)

    @pytest.mark.parametrize("status", [*FINISHED, *ENDED_BADLY, *GOING_ON])
    async def test_only_what_is_over_goes(self, store: Store, status: TaskStatus) -> None:
        task = await in_status(store, status, now=LONG_AGO)
        step = await only_step(store, task)
        patch: TaskPatch = {} if status in GOING_ON else moves.ended(status, LONG_AGO)
        if status not in GOING_ON:
            closed = Change(step.id, frozenset({"queued"}), None, {"state": "cancelled", "due_at": None}, task=patch)
            assert await store.apply(closed, now=LONG_AGO)
        assert await self.gone(store, task) == (status not in GOING_ON)

    async def test_what_is_still_fetched_stays(self, store: Store) -> None:
        assert not await self.gone(store, await in_status(store, "succeeded", now=LONG_AGO))

    @pytest.mark.parametrize(
        ("kinds", "goes"),
        [
            (("release", "charge"), True),
            (("release",), True),
            (("release", "charge", "refund"), True),
            (("release", "disputed", "refund"), True),
            (("release", "disputed"), False),
            ((), False),
        ],
    )
    async def test_money_that_is_open_or_disputed_keeps_its_task(
        self, store: Store, kinds: tuple[EntryKind, ...], goes: bool
    ) -> None:
        task = await self.paid(store, kinds=kinds)
        assert await self.gone(store, task) == goes
        assert await store.spent(principal=ME, since=0, unit="credits") == ({} if goes else {"paid": PRICE})

    async def test_what_is_counted_stays(self, store: Store) -> None:
        """Sums of the day, the week and the month are as they were."""
        old, today = await self.paid(store), await self.paid(store, now=NOON - DAY_MS // 2)
        before = await store.spent(principal=ME, since=NOON - DAY_MS, unit="credits")
        assert await self.removable(store) == ([old.id], 1)
        assert await store.remove([old.id, today.id], principal=ME, before=NOON, counted_since=NOON - DAY_MS) == [
            old.id
        ]
        assert await store.spent(principal=ME, since=NOON - DAY_MS, unit="credits") == before == {"paid": PRICE}

    async def test_what_a_balance_is_compared_with_stays(self, store: Store) -> None:
        await store.see_balance("account", 100_000, "credits", now=LONG_AGO - DAY_MS)
        task = await self.paid(store)
        assert not await self.gone(store, task)
        await store.see_balance("account", 90_000, "credits", now=LONG_AGO + DAY_MS)
        assert await self.gone(store, task)
        before = await store.see_balance("account", 90_000, "credits", now=NOON)
        assert before is not None
        assert before.unexplained(90_000) == 0

    async def test_too_young_or_another_persons(self, store: Store) -> None:
        task = await self.paid(store)
        assert await self.removable(store, before=LONG_AGO) == ([], 0)
        assert await store.removable(principal="other", before=NOON, counted_since=NOON) == ([], 0)
        assert await store.remove([task.id], principal="other", before=NOON, counted_since=NOON) == []

    async def test_nothing_of_it_is_left(self, store: Store) -> None:
        task = await self.paid(store)
        assert await self.gone(store, task)
        assert await store.ids_like("tsk_", principal=ME, limit=9) == []
        assert (await store.page(principal=ME, status=None, provider=None, limit=9, cursor=None)).tasks == ()
        assert await store.claim(home="b", now=NOON + DAY_MS, limit=9) == []
        assert not await store.apply(Change(task.steps[0].id, frozenset({"succeeded"}), None, {}), now=NOON)

    async def test_its_key_is_free_again(self, store: Store) -> None:
        task = await in_status(store, "cancelled", now=LONG_AGO, idempotency_key="k", request_hash="one")
        step = await only_step(store, task)
        await store.apply(
            Change(step.id, frozenset({"queued"}), None, {"state": "cancelled", "due_at": None}), now=NOON
        )
        assert await self.gone(store, task)
        assert (await created(store, idempotency_key="k", request_hash="two")).request_hash == "two"


# --- what providers post, and how much there is -----------------------------------------------------------------------


async def told(store: Store) -> tuple[Task, Step]:
    """A task whose request was taken on, and its step, which nobody looks at for a long time."""
    task = await begun(store)
    step = await only_step(store, task)
    assert await store.apply(moves.accepted(step, f"r-{task.id}", NOON + DAY_MS, NOON), now=NOON)
    return task, await only_step(store, task)


async def test_a_post_makes_its_step_due_once(store: Store) -> None:
    task, step = await told(store)
    assert step.attempt_id is not None
    assert await store.hear(step.attempt_id, "end", "r", now=NOON + 5)
    heard = await only_step(store, task)
    assert (heard.due_at, heard.fence) == (NOON + 5, step.fence + 1), "a look that began before it came is not written"
    assert not await store.hear(step.attempt_id, "end", "r", now=NOON + 9)
    assert await store.hear(step.attempt_id, "first", None, now=NOON + 9)
    assert await store.ids_told(step.attempt_id) == ["r"]
    assert not await store.hear("att_nobodys", "end", "r", now=NOON)


async def test_of_an_attempt_so_many_posts_are_heard(store: Store) -> None:
    _, step = await told(store)
    heard = [await store.hear(str(step.attempt_id), f"{n}", f"r{n}", now=NOON + n) for n in range(MOST_NEWS + 2)]
    assert heard == [True] * MOST_NEWS + [False] * 2
    last = MOST_NEWS - 1
    assert await store.ids_told(str(step.attempt_id)) == [f"r{last}", f"r{last - 1}", f"r{last - 2}"]


async def test_posts_are_about_the_newest_attempt_of_a_step(store: Store) -> None:
    task, step = await told(store)
    assert await store.step_of(str(step.attempt_id)) == step
    again = moves.put_back(step, NOON, NOON, 0)
    assert await store.apply(again, now=NOON)
    claim = await claimed(store, of=task)
    assert await store.apply(moves.begin(claim, "att_second", PAID, 0, (), NOON), now=NOON)
    assert await store.step_of(str(step.attempt_id)) is None
    assert not await store.hear(str(step.attempt_id), "end", "r", now=NOON)
    assert (await store.step_of("att_second")) == await only_step(store, task)


async def test_whether_a_providers_posts_come(store: Store) -> None:
    _, step = await told(store)
    attempt = str(step.attempt_id)
    assert not await store.news_came("paid", since=0)
    await store.hear(attempt, "end", None, now=NOON)
    assert await store.news_came("paid", since=NOON)
    assert not await store.news_came("paid", since=NOON + 1)
    await store.news_missed("paid", attempt, now=NOON + 1)
    assert await store.news_came("paid", since=NOON), "it was told of just before"
    await store.news_missed("paid", "att_untold", now=NOON + 2)
    assert not await store.news_came("paid", since=NOON)
    await store.hear(attempt, "later", None, now=NOON + 3)
    assert await store.news_came("paid", since=NOON)


async def test_what_was_posted_goes_with_its_task(store: Store) -> None:
    task, step = await told(store)
    await store.hear(str(step.attempt_id), "end", "r", now=NOON)
    await store.keep_trace(task.id, "00-aa-bb-01")
    await store.keep_trace(task.id, "00-cc-dd-01")
    assert await store.trace_of(task.id) == "00-aa-bb-01"
    step = await only_step(store, task)
    assert await store.apply(moves.failed(step, InvalidRequest("no."), NOON, (Entry("release", PRICE),)), now=NOON)
    gone = await store.remove([task.id], principal=ME, before=NOON + DAY_MS, counted_since=NOON + DAY_MS)
    assert gone == [task.id]
    assert (await store.ids_told(str(step.attempt_id)), await store.trace_of(task.id)) == ([], None)


async def test_tasks_are_counted_by_status(store: Store) -> None:
    await store.check()
    for status in (*GOING_ON, *FINISHED, *ENDED_BADLY, "failed"):
        await in_status(store, status, now=NOON)
    assert dict(await store.count_open()) == {"queued": 1, "running": 1, "unknown": 1}
    assert dict(await store.count_finished()) == {"succeeded": 1, "partial": 1, "failed": 2, "cancelled": 1}


async def test_how_long_the_longest_has_waited_to_be_begun(store: Store) -> None:
    assert await store.queued_since(now=NOON) is None
    await created(store, now=NOON - 500)
    await created(store, now=NOON - 900)
    assert await store.queued_since(now=NOON) == NOON - 900


async def test_after_a_step_back_in_time_nothing_is_sent_that_may_have_been(store: Store) -> None:
    going_on, step = await told(store)
    await created(store, provider="paid")
    free = await created(store, provider="local")
    held = await store.hold_unsent("the database went back to noon", free=["local"], now=NOON)
    assert len(held) == 1
    assert [one.task_id for one in await store.claim(home="a", now=NOON, limit=9)] == [free.id]
    waiting = await store.get(held[0])
    assert waiting is not None
    assert (waiting.status, waiting.needs_person) == ("unknown", True)
    assert waiting.error is not None
    assert "went back to noon" in waiting.error.message
    second = NewStep("stp_second", 1, a_step().work)
    assert await store.apply(moves.finished(step, (), {"status": "running"}, PRICE, second), now=NOON)
    assert (await stored(store, going_on)).status == "unknown"
    assert await store.claim(home="a", now=NOON + GRACE_MS, limit=9) == []
    later = NOON + GRACE_MS
    assert await store.apply(moves.resubmit(waiting.steps[0], later, 0), now=later)
    assert held[0] in [one.task_id for one in await store.claim(home="a", now=later, limit=9)]


async def test_who_has_tasks(store: Store) -> None:
    assert await store.principals() == []
    for name in ("bob", "ann", "bob"):
        await created(store, principal=name)
    assert await store.principals() == ["ann", "bob"]
    assert await store.damage() is None


class TestTokens:
    def token(self, name: str = "anna", **more: Any) -> Token:
        return replace(Token(name, hash_of(f"token of {name}"), ("read", "spend"), 5000, None, NOON), **more)

    async def test_a_token_is_found_by_its_hash_alone(self, store: Store) -> None:
        assert await store.tokens() == []
        assert await store.add_token(self.token("bert"))
        assert await store.add_token(self.token())
        assert await store.token_of_hash(hash_of("token of anna")) == self.token()
        assert await store.token_of_hash("token of anna") is await store.token_of_hash("") is None
        assert [one.name for one in await store.tokens()] == ["anna", "bert"]

    async def test_a_name_has_one_token_at_a_time(self, store: Store) -> None:
        assert await store.add_token(self.token())
        assert not await store.add_token(self.token(hash="another"))
        assert await store.revoke_token("anna")
        assert not await store.revoke_token("anna")
        assert await store.token_of_hash(self.token().hash) is None
        assert await store.tokens() == []
        assert await store.add_token(self.token(hash="another", day_cap=1, month_cap=2))
        assert await store.caps_of("anna", "credits") == (1, 2)

    async def test_caps_hold_on_for_what_was_begun(self, store: Store) -> None:
        assert await store.caps_of("anna", "credits") == (None, None)
        await store.add_token(self.token())
        await store.revoke_token("anna")
        assert await store.caps_of("anna", "credits") == (5000, None)

    async def test_caps_in_dollars_stand_beside_those_in_credits(self, store: Store) -> None:
        await store.add_token(self.token(day_cap_usd=20_000, month_cap_usd=7))
        assert [await store.caps_of("anna", unit) for unit in UNITS] == [(5000, None), (20_000, 7)]
        assert [token.month_cap_usd for token in await store.tokens()] == [7]


class TestCaps:
    """Each principal's, and those of all together, are kept in the transaction that records the intent."""

    @pytest.mark.parametrize(
        ("cap", "before", "allowed"),
        [
            (Cap("day", PRICE), ("anna", 0), False),
            (Cap("day", PRICE, "anna"), ("anna", 0), False),
            (Cap("day", PRICE, "anna"), ("bert", 0), True),
            (Cap("day", PRICE, "anna"), ("anna", DAY_MS), True),
            (Cap("month", PRICE, "anna"), ("anna", DAY_MS), False),
            (Cap("month", 2 * PRICE, "anna"), ("anna", DAY_MS), True),
            (Cap("month", PRICE, "anna"), ("anna", 40 * DAY_MS), True),
        ],
    )
    async def test_each_counts_whose_and_when_it_says(
        self, store: Store, cap: Cap, before: tuple[str, int], allowed: bool
    ) -> None:
        whose, ago = before
        now = NOON + 3 * DAY_MS + (40 * DAY_MS if ago > 30 * DAY_MS else 0)
        await begun(store, now=now - ago, principal=whose)
        task = await created(store, now=now, principal="anna", request_hash="another")
        step = await claimed(store, now=now, of=task)
        change = moves.begin(step, "att_next", PAID, PRICE, (Cap("day", 9 * PRICE), cap), now)
        if allowed:
            assert await store.apply(change, now=now)
            return
        with pytest.raises(OverBudget, match="your share" if cap.principal else "are used up"):
            await store.apply(change, now=now)
        assert await store.attempts(step.id) == [], "nothing was recorded"
