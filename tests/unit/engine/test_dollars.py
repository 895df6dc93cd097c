"""What is paid in dollars, beside what is paid in credits: quoted, capped, held, booked, told; never in one sum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.errors import InvalidRequest, OverBudget
from fermata_mcp.domain.spec import Lengths
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.surface.results.task_view import task_view
from support.asked import begin, chain
from support.engines import House, finished
from support.remote import Remote
from support.rows import DOLLARS, NOON, PAID, PRICE

pytestmark = pytest.mark.anyio
# The track is 4 s long, and an extension may add 240 s more: 0.0002 dollars for each of them.
MOST = 48_800


async def done(service: Service, house: House, **request: Any) -> Task:
    asked = house.request(**({"provider": "paid-usd"} | request))
    return await finished(service, (await begin(service, asked)).task)


async def test_a_price_by_length_is_quoted_held_and_booked_in_dollars(house: House, remote: Remote) -> None:
    async with house.engine() as service:
        task = await done(service, house)
        credits = await done(service, house, provider="paid")
        told = await service.credits(None)
    assert (task.quote.high, task.quote.unit, task.charged, task.held) == (MOST, "usd", MOST, 0)
    assert (credits.quote.unit, credits.charged) == ("credits", PRICE)
    assert (told.spent["usd"].spent_today, told.spent["credits"].spent_today) == (0.0488, 10)
    view = task_view(task, NOON, DOLLARS)
    money = {"unit": "usd", "quoted": 0.0488, "expected": None, "charged": 0.0488, "refunded": 0}
    assert view.credits.model_dump() == money
    assert "$0.0488" in view.summary


async def test_what_the_provider_says_it_took_is_booked_exactly(house: House, remote: Remote) -> None:
    remote.readings.append(Snapshot("failed", cost=0.00123))
    async with house.engine() as service:
        task = await done(service, house)
    assert (task.charged, task.held) == (1_230, 0)


@pytest.mark.parametrize(
    ("provider", "given", "hint"),
    [("paid-usd", {"max_credits": 99}, "pass max_usd 0.0488"), ("paid", {"max_usd": 99}, "pass max_credits 10")],
)
async def test_a_cap_in_the_other_unit_is_refused_with_the_one_to_give(
    house: House, remote: Remote, provider: str, given: dict[str, float], hint: str
) -> None:
    async with house.engine() as service:
        with pytest.raises(InvalidRequest, match=f"says nothing of {provider}") as refused:
            await begin(service, house.request(provider=provider, **given))
        assert hint in refused.value.hint
        await service.prepare(house.request(provider=provider, max_credits=10, max_usd=0.0488))
        await service.prepare(house.request(provider="again", **given))
    assert remote.sent == 0


async def test_every_cap_holds_in_its_own_unit(house: House, remote: Remote) -> None:
    async with house.engine(max_usd_per_call=0.04, max_credits_per_call=10) as service:
        with pytest.raises(OverBudget, match=r"\$0\.0488; FERMATA_MAX_USD_PER_CALL is \$0\.04"):
            await service.prepare(house.request(provider="paid-usd"))
        await service.prepare(house.request(provider="paid"))
        with pytest.raises(OverBudget, match=r"more than max_usd 0\.04"):
            await service.prepare(house.request(provider="paid-usd", max_usd=0.04))


async def test_the_days_of_both_units_are_counted_apart(house: House, remote: Remote) -> None:
    async with house.engine(max_usd_per_day=0.05, max_credits_per_day=10) as service:
        ends = [await done(service, house, take=take) for take in (1, 2)]
        ends.append(await done(service, house, provider="paid"))
        spent = (await service.credits("paid-usd")).spent["usd"]
    assert [task.status for task in ends] == ["succeeded", "failed", "succeeded"]
    assert ends[1].error is not None
    assert "dollars are used up" in ends[1].error.message
    assert "FERMATA_MAX_USD_PER_DAY" in ends[1].error.hint
    assert (spent.spent_today, spent.cap_today, remote.sent) == (0.0488, 0.05, 2)


async def test_a_chain_stops_at_its_cap_in_dollars(house: House, remote: Remote) -> None:
    async with house.engine() as service:
        asked = chain(source=str(house.track), provider="paid-usd", target_seconds=120, max_usd=0.06)
        task = await finished(service, (await begin(service, asked)).task)
    assert (task.status, task.charged, remote.sent) == ("partial", MOST, 1)
    assert any("the cap in dollars" in said for said in task.warnings)


def test_prices_of_two_units_or_without_end_are_no_facts_of_a_provider() -> None:
    with pytest.raises(ValueError, match="two units"):
        replace(PAID, other_prices={"upload": Price(1, 1, "", "usd")})
    with pytest.raises(ValueError, match="longest_add"):
        replace(DOLLARS, lengths=Lengths(longest_source=240))
