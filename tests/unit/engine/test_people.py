"""What a person decides: to wait, to stop waiting, to cancel, to settle an unknown outcome."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from fermata_mcp.domain.change import Change
from fermata_mcp.domain.errors import InvalidRequest, NotFound, RateLimited
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from fermata_mcp.engine.steps import moves
from fermata_mcp.providers.base import Accepted, Refused, Submitted, Unclear
from support.asked import begin
from support.engines import PATIENCE, House, MortalStore, eventually, finished, is_step, no_report
from support.remote import Remote
from support.rows import PRICE

pytestmark = pytest.mark.anyio


async def unknown(service: Service, house: House, remote: Remote, **request: Any) -> Task:
    """A task whose paid answer was lost, as a person finds it."""
    remote.answers.append(Unclear("the connection broke"))
    task = (await begin(service, house.request(**request))).task
    await eventually(lambda: is_step(service, task, "needs_user"))
    return await service.get(task.id)


class TestSettlingAnUnknownOutcome:
    async def test_giving_up_ends_it_and_leaves_the_money_disputed(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            task = await service.resolve((await unknown(service, house, remote)).id, "give_up")
            spent = await service.credits("paid")
        assert task.error is not None
        assert (task.status, task.error.code, task.held, task.charged) == ("failed", "outcome_unknown", 0, 0)
        assert spent.spent["credits"].spent_today == PRICE / 1000
        assert remote.sent == 1

    async def test_only_the_word_resubmit_sends_again(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            task = await unknown(service, house, remote)
            await service.resolve(task.id, "resubmit")
            task = await finished(service, task) if (await service.get(task.id)).status != "unknown" else task
            await eventually(lambda: is_step(service, task, "succeeded"))
            task = await service.get(task.id)
            attempts = await house.store().attempts(task.steps[0].id)
        assert (task.status, task.charged, remote.sent) == ("succeeded", PRICE, 2)
        assert [a.state for a in attempts] == ["void", "accepted"]

    async def test_the_word_counts_once(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            task = await unknown(service, house, remote)
            await service.resolve(task.id, "resubmit")
            await eventually(lambda: is_step(service, task, "succeeded"))
            with pytest.raises(InvalidRequest, match="not unknown"):
                await service.resolve(task.id, "resubmit")
        assert remote.sent == 2

    async def test_an_answer_that_came_in_the_meantime_wins_over_the_word(self, house: House, remote: Remote) -> None:
        """The person saw `unknown`; before the word is recorded, the lost answer arrives. Nothing may be sent again."""
        store = house.store()
        remote.finishes = False

        async def answer_arrives(change: Change) -> None:
            step = (await service.get(task.id)).steps[-1]
            now = house.time.now()
            assert await MortalStore.apply(store, moves.accepted(step, "found", now + 10_000, now), now=now)

        async with house.engine(store) as service:
            task = await unknown(service, house, remote)
            store.before_apply = answer_arrives
            await service.resolve(task.id, "resubmit")
            await anyio.sleep(0.1)
            step = (await service.get(task.id)).steps[-1]
        assert (step.state, step.remote_id) == ("waiting", "found")
        assert remote.sent == 1

    async def test_checking_again_sends_nothing(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            task = await unknown(service, house, remote)
            assert (await service.resolve(task.id, "check")).status == "unknown"
            await anyio.sleep(0.1)
            assert (await service.get(task.id)).steps[-1].state in ("unknown", "needs_user")
        assert remote.sent == 1

    async def test_waiting_for_it_is_pointless_and_returns_at_once(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            task = await unknown(service, house, remote)
            with anyio.fail_after(PATIENCE):
                assert (await service.wait(task.id, 10**6, no_report)).status == "unknown"

    async def test_calling_again_returns_it_and_sends_nothing(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            task = await unknown(service, house, remote)
            again = await begin(service, house.request())
        assert (again.task.id, again.replayed, remote.sent) == (task.id, "request", 1)

    @pytest.mark.parametrize("action", ["check", "resubmit", "give_up"])
    async def test_what_is_not_unknown_cannot_be_resolved(self, house: House, remote: Remote, action: Any) -> None:
        async with house.engine() as service:
            task = await finished(service, (await begin(service, house.request())).task)
            with pytest.raises(InvalidRequest, match="succeeded"):
                await service.resolve(task.id, action)
            with pytest.raises(NotFound):
                await service.resolve("tsk_nothing", action)


async def running(service: Service, house: House, remote: Remote, **request: Any) -> Task:
    """A task that the provider has taken on and does not finish."""
    remote.finishes = False
    task = (await begin(service, house.request(**request))).task
    await eventually(lambda: is_step(service, task, "waiting"))
    return task


class TestCancelling:
    async def test_work_not_yet_sent_is_never_sent(self, house: House, remote: Remote) -> None:
        remote.answers.append(Refused(RateLimited("later."), 600.0))
        async with house.engine(time_scale=1) as service:
            task = (await begin(service, house.request())).task
            await remote.until_submitted()
            await eventually(lambda: is_step(service, task, "queued"))
            task = await service.cancel(task.id)
            house.time.skip(601)
            await anyio.sleep(0.1)
        assert (task.status, task.held, task.charged, remote.sent) == ("cancelled", 0, 0, 1)

    async def test_free_work_is_stopped_at_once(self, house: House, remote: Remote) -> None:
        remote.can_stop = True
        async with house.engine() as service:
            task = await service.cancel((await running(service, house, remote, provider="again")).id)
        assert (task.status, task.held, remote.stopped) == ("cancelled", 0, ["remote-1"])

    async def test_paid_work_that_was_taken_on_says_so_honestly(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            task = await service.cancel((await running(service, house, remote)).id)
        assert task.status == "cancelled"
        assert any("may be charged" in warning for warning in task.warnings)

    async def test_what_it_still_delivers_is_charged_and_kept(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            task = await service.cancel((await running(service, house, remote)).id)
            remote.finishes = True
            await eventually(lambda: is_step(service, task, "succeeded"))
            task = await service.get(task.id)
        assert (task.status, task.held, task.charged) == ("cancelled", 0, PRICE)
        assert task.audio is not None

    async def test_paid_work_that_could_be_stopped_leaves_no_money_unexplained(
        self, house: House, remote: Remote
    ) -> None:
        remote.can_stop = True
        async with house.engine() as service:
            task = await service.cancel((await running(service, house, remote)).id)
            await eventually(lambda: is_step(service, task, "cancelled"))
            assert (await service.get(task.id)).held == 0

    async def test_a_cancel_while_the_request_is_on_its_way_stays_a_cancel(self, house: House, remote: Remote) -> None:
        gate = anyio.Event()

        async def slow() -> Submitted:
            await gate.wait()
            return Accepted("slow")

        remote.answers.append(slow)
        remote.finishes = False
        async with house.engine() as service:
            task = (await begin(service, house.request())).task
            await remote.until_submitted()
            assert (await service.cancel(task.id)).status == "cancelled"
            gate.set()
            await eventually(lambda: is_step(service, task, "waiting"))
            assert (await service.get(task.id)).status == "cancelled"

    async def test_a_cancel_just_before_the_answer_is_recorded_stays_a_cancel(
        self, house: House, remote: Remote
    ) -> None:
        store = house.store()
        gate = anyio.Event()
        remote.finishes = False

        async def slow() -> Submitted:
            await gate.wait()
            store.before_apply = cancel
            return Accepted("slow")

        async def cancel(_: Change) -> None:
            step = (await service.get(task.id)).steps[-1]
            now = house.time.now()
            assert await MortalStore.apply(store, moves.no_further(step, await service.get(task.id), now), now=now)

        remote.answers.append(slow)
        async with house.engine(store, time_scale=1) as service:  # no look before the task is read
            task = (await begin(service, house.request())).task
            await remote.until_submitted()
            gate.set()
            await eventually(lambda: is_step(service, task, "waiting"))
            task = await service.get(task.id)
        assert (task.status, task.message) == ("cancelled", "cancelled")

    async def test_a_wish_is_not_lost_when_the_work_moves_on_meanwhile(self, house: House, remote: Remote) -> None:
        """The step was queued when it was read; by the time the wish is recorded its request is on its way."""
        store = house.store()
        remote.finishes = False
        remote.answers.append(Refused(RateLimited("later."), 30.0))

        async def it_begins(_: Change) -> None:
            house.time.skip(31)
            await eventually(lambda: is_step(service, task, "waiting"))

        async with house.engine(store, time_scale=1) as service:
            task = (await begin(service, house.request())).task
            await remote.until_submitted()
            await eventually(lambda: is_step(service, task, "queued"))
            store.before_apply = it_begins
            await service.cancel(task.id)
            task = await service.get(task.id)
        assert task.status == "cancelled"
        assert task.steps[-1].state == "waiting", "paid work that was taken on is not thrown away"

    async def test_a_finished_task_is_left_as_it_is(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            task = await finished(service, (await begin(service, house.request())).task)
            assert await service.cancel(task.id) == task
            with pytest.raises(NotFound):
                await service.cancel("tsk_nothing")

    async def test_an_unknown_outcome_stays_unknown(self, house: House, remote: Remote) -> None:
        """Otherwise the identical call would start anew, and the program itself would pay a second time."""
        async with house.engine() as service:
            task = await service.cancel((await unknown(service, house, remote)).id)
            assert task.status == "unknown"
            assert (await begin(service, house.request())).replayed == "request"
        assert remote.sent == 1

    async def test_after_cancelling_the_same_call_starts_anew(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            task = await running(service, house, remote, idempotency_key="k")
            await service.cancel(task.id)
            again = await begin(service, house.request(idempotency_key="k"))
        assert (again.task.id != task.id, again.replayed) == (True, None)


class TestWaiting:
    async def test_a_wait_ends_on_time_and_the_work_goes_on(self, house: House, remote: Remote) -> None:
        remote.finishes = False
        async with house.engine() as service:
            task = (await begin(service, house.request())).task
            assert (await service.wait(task.id, 0.1, no_report)).status in ("queued", "running")
            remote.finishes = True
            assert (await finished(service, task)).status == "succeeded"
        assert remote.sent == 1

    async def test_a_wait_of_zero_answers_now(self, house: House, remote: Remote) -> None:
        remote.finishes = False
        async with house.engine() as service:
            task = (await begin(service, house.request())).task
            with anyio.fail_after(PATIENCE):
                await service.wait(task.id, 0, no_report)

    async def test_a_cancelled_wait_does_not_cancel_the_request_on_its_way(self, house: House, remote: Remote) -> None:
        gate = anyio.Event()

        async def slow() -> Submitted:
            await gate.wait()
            return Accepted("slow")

        remote.answers.append(slow)
        async with house.engine() as service:
            task = (await begin(service, house.request())).task
            async with anyio.create_task_group() as group:
                group.start_soon(service.wait, task.id, 60, no_report)
                await remote.until_submitted()
                group.cancel_scope.cancel()
            gate.set()
            task = await finished(service, task)
        assert (task.status, task.steps[-1].remote_id, remote.sent) == ("succeeded", "slow", 1)

    async def test_a_waiter_hears_at_once_and_of_every_change(self, house: House, remote: Remote) -> None:
        heard: list[str] = []

        async def report(task: Task) -> None:
            heard.append(task.message)

        async with house.engine() as service:
            task = (await begin(service, house.request())).task
            assert (await service.wait(task.id, 10**6, report)).status == "succeeded"
        assert heard[0] == "waiting to start"

    async def test_many_waiters_are_all_woken(self, house: House, remote: Remote) -> None:
        ends: list[str] = []

        async def wait() -> None:
            ends.append((await service.wait(task.id, 10**6, no_report)).status)

        async with house.engine() as service:
            task = (await begin(service, house.request())).task
            async with anyio.create_task_group() as group:
                for _ in range(10):
                    group.start_soon(wait)
        assert ends == ["succeeded"] * 10

    async def test_when_the_program_leaves_every_wait_ends_with_an_answer(self, house: House, remote: Remote) -> None:
        remote.finishes = False
        async with house.engine() as service:
            task = (await begin(service, house.request())).task
            async with anyio.create_task_group() as group:
                group.start_soon(leave_soon, service)
                with anyio.fail_after(PATIENCE):
                    assert (await service.wait(task.id, 10**6, no_report)).status in ("queued", "running")

    async def test_what_does_not_exist_cannot_be_waited_for(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            with pytest.raises(NotFound):
                await service.wait("tsk_nothing", 60, no_report)


async def leave_soon(service: Service) -> None:
    await anyio.sleep(0.05)
    service.changes.drain()
