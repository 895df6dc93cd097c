"""Work that takes longer than anything did, and clocks that jump: paid work is never given up for lost."""

from __future__ import annotations

from typing import Any

import pytest

from fermata_mcp.domain.errors import Cancelled, ProviderUnavailable, RateLimited
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.pace import Paces
from fermata_mcp.engine.service import Service
from fermata_mcp.engine.steps.poll import FEWEST_POLLS
from fermata_mcp.providers.base import Provider, Snapshot
from fermata_mcp.store.base import POLL_LEASE_MS
from support.asked import begin
from support.engines import House, eventually, finished, is_step, no_report
from support.remote import Remote
from support.rows import PAID, PRICE

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_pump")]
FAST: dict[str, Any] = {"time_scale": 0.0001}


async def given_up(service: Service, house: House, remote: Remote) -> Task:
    """A task that nobody asks for any more, although the provider has it."""
    remote.finishes = False
    task = (await begin(service, house.request())).task
    await eventually(lambda: is_step(service, task, "waiting"))
    house.time.skip(PAID.pace.give_up + 1)
    await eventually(lambda: is_step(service, task, "expired"))
    return await service.get(task.id)


async def test_it_stays_running_and_nobody_asks_for_it(house: House, remote: Remote) -> None:
    async with house.engine(**FAST) as service:
        task = await given_up(service, house, remote)
        assert (task.status, task.held, task.error) == ("running", PRICE, None)
        assert "get_task asks again" in task.message
        asked = remote.looks.total()
        assert asked >= FEWEST_POLLS
        house.time.skip(3600)
        assert remote.looks.total() == asked


async def test_get_task_asks_again_and_late_truth_wins(house: House, remote: Remote) -> None:
    async with house.engine(**FAST) as service:
        task = await given_up(service, house, remote)
        remote.finishes = True
        task = await service.wait(task.id, 5, no_report)
    assert (task.status, task.charged, task.held, remote.sent) == ("succeeded", PRICE, 0, 1)


async def test_the_identical_call_joins_it_and_asks_again(house: House, remote: Remote) -> None:
    async with house.engine(**FAST) as service:
        task = await given_up(service, house, remote)
        again = await begin(service, house.request())
        assert (again.task.id, again.replayed) == (task.id, "request")
        remote.finishes = True
        assert (await service.wait(task.id, 5, no_report)).status == "succeeded"
    assert remote.sent == 1


async def test_a_provider_that_cannot_be_reached_is_asked_again_later(house: House, remote: Remote) -> None:
    async with house.engine(**FAST) as service:
        remote.readings.extend([ProviderUnavailable("away.")] * (FEWEST_POLLS + 1))
        task = (await begin(service, house.request())).task
        await eventually(lambda: is_step(service, task, "waiting"))
        house.time.skip(PAID.pace.give_up + 1)
        await eventually(lambda: is_step(service, task, "expired"))
        assert (await service.wait(task.id, 5, no_report)).status == "succeeded"


async def test_a_jump_of_the_clock_alone_gives_nothing_up(house: House, remote: Remote) -> None:
    async with house.engine(time_scale=1) as service:
        remote.readings.append(Snapshot("running", 0.5, "half way"))
        task = (await begin(service, house.request())).task
        await eventually(lambda: is_step(service, task, "waiting"))
        house.time.skip(PAID.pace.give_up + 1)
        await eventually(lambda: _looked(remote))
        assert await is_step(service, task, "waiting")
        house.time.skip(60)
        assert (await finished(service, task)).status == "succeeded"


async def _looked(remote: Remote) -> bool:
    return remote.looks.total() > 0


async def test_a_look_that_begins_when_its_claim_ends_is_left_to_another(
    house: House, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was held up must not look beside the one that has taken the step over by then."""
    turn, looked_before = Paces.turn, list[int]()

    async def held_up(paces: Paces, provider: Provider, *, urgent: bool, now: int) -> int:
        if not urgent:
            looked_before.append(remote.looks.total())
            house.time.skip(POLL_LEASE_MS / 1000 - 1 if len(looked_before) == 1 else 0)
        return await turn(paces, provider, urgent=urgent, now=now)

    monkeypatch.setattr(Paces, "turn", held_up)
    async with house.engine(**FAST) as service:
        task = (await begin(service, house.request())).task
        await eventually(lambda: _is_asked(looked_before, 1))
        house.time.skip(2)
        assert (await finished(service, task)).status == "succeeded"
    assert looked_before[:2] == [0, 0]


async def _is_asked(times: list[int], count: int) -> bool:
    return len(times) >= count


@pytest.mark.parametrize(("asked", "waits"), [(40.0, 40), (1.0, 5), (9999.0, 300), (None, 5)])
async def test_a_provider_that_wants_to_be_left_alone_is(
    house: House, remote: Remote, asked: float | None, waits: float
) -> None:
    trouble = RateLimited("too many looks.")
    trouble.retry_after = asked
    remote.readings.append(trouble)
    async with house.engine(time_scale=1) as service:
        task = (await begin(service, house.request())).task
        await eventually(lambda: is_step(service, task, "waiting"))
        house.time.skip(25)
        await eventually(lambda: _looked(remote))
        await eventually(lambda: _has_failed_once(service, task))
        step = (await service.get(task.id)).steps[0]
        assert step.due_at is not None
        assert (step.due_at - step.updated_at) / 1000 == pytest.approx(waits, abs=0.5)


async def _has_failed_once(service: Service, task: Task) -> bool:
    return (await service.get(task.id)).steps[0].error_streak == 1


async def test_it_can_be_cancelled(house: House, remote: Remote) -> None:
    async with house.engine(**FAST) as service:
        task = await given_up(service, house, remote)
        assert (await service.cancel(task.id)).status == "cancelled"
        await eventually(lambda: is_step(service, task, "failed"))
        task = await service.get(task.id)
        assert (task.status, task.held, remote.sent) == ("cancelled", 0, 1)


async def test_paid_work_that_was_stopped_there_stays_on_the_books(house: House, remote: Remote) -> None:
    remote.readings.append(Snapshot("failed", error=Cancelled("the work was stopped.")))
    async with house.engine() as service:
        task = await finished(service, (await begin(service, house.request())).task)
        spent = await service.credits("paid")
    assert task.status == "cancelled"
    assert spent.spent["credits"].spent_today == PRICE / 1000
