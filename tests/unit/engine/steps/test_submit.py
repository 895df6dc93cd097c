"""One submit of an extension, and every answer it can get."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import pytest

from fermata_mcp.domain.change import Change
from fermata_mcp.domain.errors import (
    Cancelled,
    ContentRejected,
    GenerationFailed,
    InsufficientCredits,
    ProviderUnavailable,
    RateLimited,
    StoreUnavailable,
)
from fermata_mcp.domain.spec import Pace
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from fermata_mcp.providers.base import Accepted, NotSent, Refused, Snapshot, Unclear
from fermata_mcp.store.base import GRACE_MS, SUBMIT_LEASE_MS
from fermata_mcp.surface.results.task_view import task_view
from support.asked import begin
from support.engines import House, eventually, finished, is_step, no_report
from support.remote import Remote
from support.rows import PRICE

pytestmark = pytest.mark.anyio
OVER = (SUBMIT_LEASE_MS + GRACE_MS) / 1000 + 1


async def run(house: House, remote: Remote, **request: Any) -> Task:
    """The end of one extension."""
    async with house.engine() as service:
        return await finished(service, (await begin(service, house.request(**request))).task)


def _inside(provider: Any) -> Any:
    """The provider itself, which somebody watches."""
    return provider._inside


class TestAnswers:
    async def test_accepted_work_is_looked_at_until_it_is_done_and_then_charged(
        self, house: House, remote: Remote
    ) -> None:
        remote.readings.extend([Snapshot("running", 0.3, "first third"), Snapshot("running", None, "somewhere")])
        task = await run(house, remote)
        assert (task.status, task.held, task.charged, task.fraction) == ("succeeded", 0, PRICE, 1)
        assert remote.sent == 1
        assert remote.looks == {"remote-1": 3}
        assert task.audio is not None
        assert task.audio.file == remote.works[0].save_as

    async def test_free_repeatable_work_writes_nothing_into_the_ledger(self, house: House, remote: Remote) -> None:
        task = await run(house, remote, provider="again")
        assert (task.status, task.held, task.charged) == ("succeeded", 0, 0)
        assert await house.store().spent(principal=task.principal, since=0, unit="credits") == {}

    @pytest.mark.parametrize("error", [ContentRejected("no such words."), InsufficientCredits("nothing left.")])
    async def test_a_refusal_ends_the_task_and_costs_nothing(self, house: House, remote: Remote, error: Any) -> None:
        remote.answers.append(Refused(error))
        task = await run(house, remote)
        assert task.error is not None
        assert (task.status, task.error.code, task.error.message) == ("failed", error.code, error.message)
        assert (task.held, task.charged, remote.sent) == (0, 0, 1)

    async def test_a_refusal_that_says_later_is_sent_again_later(self, house: House, remote: Remote) -> None:
        remote.answers.extend([Refused(RateLimited("slow down."), 5.0), Refused(RateLimited("slow down."), 0.0)])
        task = await run(house, remote)
        assert (task.status, task.held, task.charged) == ("succeeded", 0, PRICE)
        assert sorted(remote.posts.values()) == [1, 1, 1]

    async def test_whole_seconds_are_seconds_too(self, house: House, remote: Remote) -> None:
        remote.answers.append(Refused(RateLimited("slow down."), 1))
        assert (await run(house, remote)).status == "succeeded"

    async def test_later_means_not_before(self, house: House, remote: Remote) -> None:
        remote.answers.append(Refused(RateLimited("slow down."), 60.0))
        async with house.engine(time_scale=1) as service:
            task = (await begin(service, house.request())).task
            await remote.until_submitted()
            await eventually(lambda: is_status(service, task, "queued"))
            await anyio.sleep(0.1)
            assert remote.sent == 1
            assert (await service.get(task.id)).held == 0
            house.time.skip(61)
            await eventually(lambda: is_status(service, task, "running"))
        assert remote.sent == 2

    async def test_an_absurd_wait_is_not_mistaken_for_a_clock_set_back(self, house: House, remote: Remote) -> None:
        """Rows due further ahead than an hour count as due at once; a provider must not get us to hammer it."""
        remote.answers.extend([Refused(RateLimited("tomorrow."), 86_400.0)] * 5)
        async with house.engine(time_scale=1) as service:
            await begin(service, house.request())
            await remote.until_submitted()
            await anyio.sleep(0.2)
        assert remote.sent == 1

    async def test_what_was_never_sent_is_sent_again(self, house: House, remote: Remote) -> None:
        remote.answers.extend([NotSent(ProviderUnavailable("no route."))] * 3)
        task = await run(house, remote)
        assert (task.status, task.held, task.charged, remote.sent) == ("succeeded", 0, PRICE, 4)

    @pytest.mark.parametrize("answer", [Unclear("the connection broke"), RuntimeError("bug in the adapter")])
    async def test_what_is_unclear_is_never_sent_again(self, house: House, remote: Remote, answer: Any) -> None:
        remote.answers.append(answer)
        async with house.engine() as service:
            task = (await begin(service, house.request())).task
            await remote.until_submitted()
            house.time.skip(OVER)
            task = await finished(service, task)
            house.time.skip(OVER)
            await anyio.sleep(0.1)
            task = await service.get(task.id)
        assert (task.status, task.steps[-1].state, task.held) == ("unknown", "needs_user", PRICE)
        assert task.error is not None
        assert task.error.code == "outcome_unknown"
        assert remote.sent == 1

    async def test_the_evidence_is_told(self, house: House, remote: Remote) -> None:
        remote.answers.append(Unclear("the connection broke after the body was sent"))
        async with house.engine() as service:
            task = (await begin(service, house.request())).task
            await eventually(lambda: is_step(service, task, "needs_user"))
            task = await service.get(task.id)
        assert task.error is not None
        assert task.error.message.count("the connection broke after the body was sent") == 1
        assert task.error.message.count("may have been charged") == 1

    async def test_an_id_the_provider_gave_before_is_no_reason_to_hang(self, house: House, remote: Remote) -> None:
        remote.answers.extend([Accepted("the same"), Accepted("the same")])
        store = house.store()
        async with house.engine(store) as service:
            await finished(service, (await begin(service, house.request())).task)
            second = (await begin(service, house.request(take=2))).task
            second = await service.wait(second.id, 1.5, no_report)
            store.dead = True
        assert second.status in ("unknown", "failed")

    @pytest.mark.parametrize("first", [NotSent(ProviderUnavailable("away.")), Refused(RateLimited("later."), 0.0)])
    async def test_every_attempt_is_sent_once_and_recorded(self, house: House, remote: Remote, first: Any) -> None:
        remote.answers.append(first)
        task = await run(house, remote)
        attempts = await house.store().attempts(task.steps[0].id)
        assert [(a.number, a.state) for a in attempts] == [(1, "void"), (2, "accepted")]
        assert remote.posts == {a.id: 1 for a in attempts}


class TestLooking:
    async def test_trouble_while_looking_is_invisible(self, house: House, remote: Remote) -> None:
        remote.readings.extend([ProviderUnavailable("503."), RateLimited("429."), ProviderUnavailable("503.")])
        task = await run(house, remote)
        assert (task.status, remote.sent, remote.looks.total()) == ("succeeded", 1, 4)

    @pytest.mark.parametrize(("refunds", "spent"), [(False, PRICE), (True, 0)])
    async def test_work_that_failed_at_the_provider_costs_nothing_only_where_that_is_documented(
        self, house: House, remote: Remote, refunds: bool, spent: int
    ) -> None:
        remote.readings.append(Snapshot("failed", error=GenerationFailed("the model failed.")))
        async with house.engine() as service:
            provider: Any = service._registry.get("paid")  # pyright: ignore[reportPrivateUsage]
            _inside(provider).spec = replace(provider.spec, refunds=refunds)
            task = await finished(service, (await begin(service, house.request())).task)
            assert (await service.credits("paid")).spent["credits"].spent_today == spent / 1000
        assert task.error is not None
        assert (task.status, task.error.code, task.held) == ("failed", "generation_failed", 0)

    async def test_paid_work_that_was_lost_is_never_done_again(self, house: House, remote: Remote) -> None:
        remote.readings.append(Snapshot("lost"))
        task = await run(house, remote)
        assert (task.status, remote.sent) == ("failed", 1)

    async def test_free_work_that_was_lost_is_simply_done_again(self, house: House, remote: Remote) -> None:
        remote.readings.append(Snapshot("lost"))
        task = await run(house, remote, provider="again")
        assert (task.status, remote.sent) == ("succeeded", 2)

    async def test_work_that_was_stopped_elsewhere_is_cancelled(self, house: House, remote: Remote) -> None:
        remote.readings.append(Snapshot("failed", error=Cancelled("stopped.")))
        assert (await run(house, remote)).status == "cancelled"

    @pytest.mark.parametrize(
        "reading", [RuntimeError("bug in the adapter"), Snapshot("succeeded")], ids=["bug", "empty"]
    )
    async def test_an_odd_reading_of_paid_work_leaves_no_money_unexplained(
        self, house: House, remote: Remote, reading: Any
    ) -> None:
        """Paid work was taken on: whatever becomes of the task, its hold may not stay open for ever."""
        remote.readings.append(reading)
        task = await run(house, remote)
        assert not (task.finished and task.held)

    async def test_the_pace_is_learned_also_where_no_slow_time_is_declared(self, house: House, remote: Remote) -> None:
        """From the third finished task on; an accepted id must not be lost over it."""
        async with house.engine() as service:
            provider: Any = service._registry.get("paid")  # pyright: ignore[reportPrivateUsage]
            _inside(provider).spec = replace(provider.spec, pace=Pace(first=20, interval=15, give_up=10**9))
            for take in range(1, 5):
                started = await begin(service, house.request(take=take))
                assert (await finished(service, started.task, 2)).status == "succeeded"


class TestRecording:
    async def test_two_troubles_at_once_do_not_end_the_engine(self, house: House, remote: Remote) -> None:
        """A bug in an adapter, and a full disk while that is being recorded."""
        store = house.store()
        remote.readings.append(RuntimeError("a bug"))
        async with house.engine(store, time_scale=0.01) as service:
            first = (await begin(service, house.request())).task
            await eventually(lambda: is_remote(service, first, "remote-1"))
            store.full_for = 1
            await eventually(lambda: was_looked_at(remote))
            second = (await begin(service, house.request(take=2))).task
            assert (await finished(service, second)).status == "succeeded"

    async def test_a_full_disk_after_the_answer_does_not_lose_it(self, house: House, remote: Remote) -> None:
        store = house.store()
        store.full_for = 3
        async with house.engine(store) as service:
            task = await finished(service, (await begin(service, house.request())).task)
        assert (task.status, task.charged, remote.sent) == ("succeeded", PRICE, 1)

    async def test_a_clock_that_is_set_back_while_the_disk_is_full_puts_nothing_off(
        self, house: House, remote: Remote
    ) -> None:
        """The answer comes, its record finds no room, and by the next try it is an hour earlier."""
        store, steady = house.store(), house.time.monotonic
        house.time.monotonic = lambda: steady() - house.time.skipped

        async def set_back_and_full(change: Change) -> None:
            store.before_apply = set_back_and_full
            if change.step.get("state") == "waiting":
                store.before_apply = None
                house.time.skip(-3600)
                raise StoreUnavailable("the disk is full; nothing was recorded.")

        store.before_apply = set_back_and_full
        async with house.engine(store) as service:
            task = await finished(service, (await begin(service, house.request())).task)
        assert (task.status, task.charged, remote.sent) == ("succeeded", PRICE, 1)

    async def test_a_machine_that_slept_before_sending_does_not_send_late(self, house: House, remote: Remote) -> None:
        """Between the intent and the request the laptop was shut for as long as the lease lasts."""
        store = house.store()

        async def sleep_through(_: object) -> None:
            house.time.skip(SUBMIT_LEASE_MS / 1000)

        store.before_apply = sleep_through
        async with house.engine(store) as service:
            task = await finished(service, (await begin(service, house.request())).task)
        attempts = await house.store().attempts(task.steps[0].id)
        assert [a.state for a in attempts] == ["void", "accepted"]
        assert remote.posts == {attempts[1].id: 1}
        assert (task.held, task.charged) == (0, PRICE)

    async def test_a_lease_that_ran_out_during_the_request_still_takes_its_answer(
        self, house: House, remote: Remote
    ) -> None:
        async def answer_very_late() -> Accepted:
            house.time.skip(OVER)
            await anyio.sleep(0.15)
            return Accepted("late")

        remote.answers.append(answer_very_late)
        remote.finishes = False
        async with house.engine() as service:
            task = (await begin(service, house.request())).task
            await eventually(lambda: is_remote(service, task, "late"))
            remote.finishes = True
            await eventually(lambda: is_status(service, task, "succeeded"))
            task = await service.get(task.id)
        assert (task.charged, task.error, remote.sent) == (PRICE, None, 1)

    async def test_a_provider_that_does_not_tell_its_price_has_no_known_charge(
        self, house: House, remote: Remote
    ) -> None:
        async with house.engine() as service:
            provider: Any = service._registry.get("paid")  # pyright: ignore[reportPrivateUsage]
            _inside(provider).spec = replace(provider.spec, price=replace(provider.spec.price, low=5))
            task = await finished(service, (await begin(service, house.request())).task)
            view = task_view(task, task.updated_at, service.spec(task.provider))
        assert view.credits.quoted == 10
        assert view.credits.charged is None


async def is_status(service: Service, task: Task, status: str) -> bool:
    return (await service.get(task.id)).status == status


async def is_remote(service: Service, task: Task, remote_id: str) -> bool:
    return (await service.get(task.id)).steps[-1].remote_id == remote_id


async def was_looked_at(remote: Remote) -> bool:
    return bool(remote.looks)
