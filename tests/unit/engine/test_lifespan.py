"""Two engines on one file, as a desktop host starts them; one of them may die."""

from __future__ import annotations

import anyio
import pytest

from fermata_mcp.domain.task import Task
from fermata_mcp.engine import lifespan as engine
from fermata_mcp.engine.service import Service
from fermata_mcp.store.base import GRACE_MS, POLL_LEASE_MS, SUBMIT_LEASE_MS
from support.asked import begin
from support.engines import PATIENCE, House, eventually, finished, is_step
from support.remote import Remote
from support.rows import PRICE

pytestmark = pytest.mark.anyio


class TestTogether:
    async def test_nothing_is_sent_twice(self, house: House, remote: Remote) -> None:
        async with house.engine() as one, house.engine() as other:
            tasks = [
                (await begin(service, house.request(take=2 * turn + place))).task
                for turn in range(1, 5)
                for place, service in enumerate((one, other))
            ]
            for task in tasks:
                assert (await finished(other, task)).status == "succeeded"
        assert remote.sent == len(tasks)
        assert set(remote.posts.values()) == {1}

    async def test_the_same_call_to_both_is_one_task(self, house: House, remote: Remote) -> None:
        ids: set[str] = set()

        async def call(service: Service) -> None:
            ids.add((await begin(service, house.request())).task.id)

        async with house.engine() as one, house.engine() as other:
            async with anyio.create_task_group() as group:
                for service in (one, other) * 5:
                    group.start_soon(call, service)
            await finished(other, await other.get(next(iter(ids))))
        assert len(ids) == 1
        assert remote.sent == 1

    async def test_whoever_waits_at_the_other_is_woken(
        self, house: House, remote: Remote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fermata_mcp.engine.service.REPORT_SECONDS", 10**6)  # a waiter never looks by itself
        remote.finishes = False
        is_waiting = anyio.Event()

        async def waits(_: Task) -> None:
            is_waiting.set()

        async with house.engine() as one, house.engine() as other:
            task = (await begin(one, house.request())).task
            await eventually(lambda: is_step(one, task, "waiting"))
            with anyio.fail_after(PATIENCE):
                async with anyio.create_task_group() as group:
                    group.start_soon(other.wait, task.id, 10**6, waits)
                    await is_waiting.wait()
                    remote.finishes = True

    async def test_a_cancel_at_the_other_reaches_the_work(self, house: House, remote: Remote) -> None:
        remote.finishes = False
        async with house.engine() as one, house.engine() as other:
            task = (await begin(one, house.request())).task
            await eventually(lambda: is_step(one, task, "waiting"))
            await other.cancel(task.id)
            assert (await finished(one, task)).status == "cancelled"


class TestTakingOver:
    async def test_work_of_a_clean_exit_goes_on_at_once(self, house: House, remote: Remote) -> None:
        remote.finishes = False
        async with house.engine(time_scale=1) as one:
            task = (await begin(one, house.request())).task
            await eventually(lambda: is_step(one, task, "waiting"))
        remote.finishes = True
        house.time.stand_still()  # so that no claim runs out
        async with house.engine(time_scale=1) as other:
            assert (await finished(other, task)).status == "succeeded"
        assert (remote.sent, house.time.skipped) == (1, 0)

    async def test_work_of_a_dead_process_is_taken_over_after_the_grace_time(
        self, house: House, remote: Remote
    ) -> None:
        remote.finishes = False
        store = house.store()
        async with house.engine(store, time_scale=1) as one:
            task = (await begin(one, house.request())).task
            await eventually(lambda: is_step(one, task, "waiting"))
            store.dead = True
        remote.finishes = True
        async with house.engine(time_scale=1) as other:
            await anyio.sleep(0.15)
            assert (await other.get(task.id)).status == "running"
            house.time.skip((POLL_LEASE_MS + GRACE_MS) / 1000 + 1)
            assert (await finished(other, task)).status == "succeeded"
        assert remote.sent == 1

    async def test_a_paid_request_cut_off_by_death_is_unknown_within_130_seconds(
        self, house: House, remote: Remote
    ) -> None:
        remote.answers.append(remote.no_answer)
        store = house.store()
        async with house.engine(store) as one:
            task = (await begin(one, house.request())).task
            await remote.until_submitted()
            store.dead = True
            remote.hang_up.set()
        async with house.engine() as other:
            house.time.skip(SUBMIT_LEASE_MS / 1000 - 1)
            await anyio.sleep(0.1)
            assert (await other.get(task.id)).status == "running"
            house.time.skip(GRACE_MS / 1000 + 1)
            task = await finished(other, task)
        assert (task.status, task.held, remote.sent) == ("unknown", PRICE, 1)
        assert task.error is not None
        assert task.error.code == "outcome_unknown"

    async def test_free_work_cut_off_by_death_is_done_again(self, house: House, remote: Remote) -> None:
        remote.answers.append(remote.no_answer)
        store = house.store()
        async with house.engine(store) as one:
            task = (await begin(one, house.request(provider="again"))).task
            await remote.until_submitted()
            store.dead = True
            remote.hang_up.set()
        async with house.engine() as other:
            house.time.skip((SUBMIT_LEASE_MS + GRACE_MS) / 1000 + 1)
            task = await finished(other, task)
        assert (task.status, remote.sent) == ("succeeded", 2)

    async def test_a_task_that_was_acknowledged_survives_a_death_before_its_submit(
        self, house: House, remote: Remote
    ) -> None:
        store = house.store()
        store.full_for = 10**6
        async with house.engine(store) as one:
            task = (await begin(one, house.request())).task
            store.dead = True
        async with house.engine() as other:
            house.time.skip((SUBMIT_LEASE_MS + GRACE_MS) / 1000 + 1)
            task = await finished(other, task)
        assert task.status in ("succeeded", "unknown")
        assert remote.sent <= 1

    async def test_a_request_on_its_way_does_not_hold_up_leaving(self, house: House, remote: Remote) -> None:
        """A host gives a server two seconds; the answer may take forty-five."""
        remote.answers.append(remote.no_answer)
        async with house.engine() as service:
            await begin(service, house.request())
            await remote.until_submitted()
        assert not remote.hang_up.is_set(), "left, though no answer ever came"

    async def test_providers_are_closed_when_the_engine_ends(
        self, house: House, remote: Remote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine, "HEAD_START_SECONDS", 10**6)  # until then only the one that works is made
        async with house.engine() as service:
            await finished(service, (await begin(service, house.request())).task)
        assert remote.closed == 1
