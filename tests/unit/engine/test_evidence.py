"""What balances tell: about an unknown outcome, and about credits that no task explains."""

from __future__ import annotations

import pytest

from fermata_mcp.domain.errors import ProviderUnavailable
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from fermata_mcp.providers.base import Unclear
from support.asked import begin
from support.engines import House, eventually, finished, is_step
from support.remote import Remote
from support.rows import PRICE

pytestmark = pytest.mark.anyio
COSTS = PRICE / 1000


async def lost(service: Service, house: House, remote: Remote, left: float | ProviderUnavailable) -> Task:
    """A task whose answer was lost; afterwards the provider tells that `left` is left."""
    remote.answers.append(Unclear("the connection broke"))
    remote.money = left
    task = (await begin(service, house.request())).task
    await eventually(lambda: is_step(service, task, "needs_user"))
    return task


async def evidence(service: Service, task: Task) -> str:
    error = (await service.get(task.id)).error
    assert error is not None
    assert error.message.startswith("the answer to the paid request was lost (the connection")
    return error.message.partition("Evidence, not proof: ")[2]


async def note(service: Service) -> str | None:
    return (await service.credits("paid")).providers[0].note


class TestAnUnknownOutcome:
    @pytest.mark.parametrize(
        ("left", "says"),
        [(100 - COSTS, "as if this request was charged"), (100, "was not charged"), (77, "do not explain")],
    )
    async def test_the_balance_before_and_after_is_shown(
        self, house: House, remote: Remote, left: float, says: str
    ) -> None:
        async with house.engine() as service:
            await service.credits("paid")
            task = await lost(service, house, remote, left)
            await eventually(lambda: self._tells(service, task, says))
            assert "was 100 at 20" in await evidence(service, task)
            assert remote.sent == 1

    async def _tells(self, service: Service, task: Task, words: str) -> bool:
        return words in await evidence(service, task)

    async def test_without_an_earlier_balance_it_says_so(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            task = await lost(service, house, remote, 42)
            await eventually(lambda: self._tells(service, task, "the balance is 42 now; there is no earlier one"))

    async def test_what_other_tasks_cost_is_named(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            await service.credits("paid")
            other = (await begin(service, house.request(take=2))).task
            await finished(service, other)
            task = await lost(service, house, remote, 100 - 2 * COSTS)
            says = f"({COSTS:g} of it went to other tasks), as if this request was charged"
            await eventually(lambda: self._tells(service, task, says))

    async def test_checking_adds_the_newest_to_the_first(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            await service.credits("paid")
            task = await lost(service, house, remote, 100)
            await eventually(lambda: self._tells(service, task, "was not charged"))
            for money in (50, 40):
                remote.money = money
                await service.resolve(task.id, "check")
            told = await evidence(service, task)
            assert "was not charged" in told
            assert told.endswith("is 40 now.")
            assert told.count("Later: ") == 1
            assert (await service.get(task.id)).status == "unknown"

    async def test_a_balance_that_cannot_be_told_says_nothing(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            task = await lost(service, house, remote, ProviderUnavailable("away."))
            await service.resolve(task.id, "check")
            assert await evidence(service, task) == ""

    async def test_with_two_open_requests_nothing_is_claimed(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            await service.credits("paid")
            await lost(service, house, remote, ProviderUnavailable("away."))
            remote.answers.append(Unclear("the connection broke"))
            remote.money = 100
            second = (await begin(service, house.request(take=2))).task
            await eventually(lambda: is_step(service, second, "needs_user"))
            await eventually(lambda: self._tells(service, second, "is 100 now."))


class TestCreditsThatNobodyExplains:
    async def test_what_our_tasks_cost_is_explained(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            await service.credits("paid")
            await finished(service, (await begin(service, house.request())).task)
            remote.money = 100 - COSTS
            assert await note(service) is None

    async def test_credits_that_went_otherwise_are_named(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            await service.credits("paid")
            await finished(service, (await begin(service, house.request())).task)
            remote.money = 100 - COSTS - 7
            assert (await note(service) or "").startswith("7 credits fewer than Fermata's own tasks explain since 20")
            assert await note(service) is None, "the next comparison begins at the newest balance"

    async def test_a_top_up_is_nothing_to_worry_about(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            await service.credits("paid")
            remote.money = 1000
            assert await note(service) is None

    async def test_a_lost_request_may_have_been_charged_or_not(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            await service.credits("paid")
            await lost(service, house, remote, ProviderUnavailable("away."))
            remote.money = 100 - COSTS
            assert await note(service) is None
