"""What a provider shows of its money is booked, and what nobody knows is said to be unknown."""

from __future__ import annotations

import pytest

from emulators.paid import named
from fermata_mcp.domain.credits import MILLI
from fermata_mcp.engine.service import Service
from fermata_mcp.surface.results.task_text import task_text
from fermata_mcp.surface.results.task_view import TaskView, task_view
from support.engines import House, finished
from support.shop import Shop, quick, trading

KIE = named("kie")
SUNOAPI = named("sunoapi")
pytestmark = pytest.mark.anyio


async def told(service: Service, task_id: str) -> tuple[TaskView, str]:
    task = await service.get(task_id)
    spec = service.spec(task.provider)
    view = task_view(task, task.updated_at, spec)
    return view, task_text(view)


async def test_a_failed_task_says_what_it_may_have_cost(house: House) -> None:
    emulator = quick(SUNOAPI)
    emulator.outcome = "GENERATE_AUDIO_FAILED"
    async with trading(house, "sunoapi", emulator, uploads=True) as (service, _):
        task = await finished(service, await Shop(SUNOAPI, house, service, emulator).start())
        view, text = await told(service, task.id)
    assert (task.status, task.disputed, view.credits.charged) == ("failed", 12 * MILLI, None)
    assert any("may have been charged up to 12 credits" in said for said in view.warnings)
    assert "may have been charged up to 12 credits" in text


async def test_a_balance_that_shows_a_refund_settles_the_dispute(house: House) -> None:
    emulator = quick(SUNOAPI)
    async with trading(house, "sunoapi", emulator, uploads=True) as (service, _):
        await service.credits("sunoapi")
        emulator.outcome = "GENERATE_AUDIO_FAILED"
        task = await finished(service, await Shop(SUNOAPI, house, service, emulator).start())
        await service.credits("sunoapi")
        assert (await service.get(task.id)).disputed == 12 * MILLI, "the balance shows that it was charged"
        emulator.ledger.refund("late", 12)
        spent = (await service.credits("sunoapi")).spent["credits"]
        view, text = await told(service, task.id)
    assert (view.credits.charged, view.credits.refunded, spent.spent_today) == (12, 12, 0)
    assert "of which the provider refunds 12" in text
    assert not any("may have been charged" in said for said in view.warnings)


async def test_a_balance_that_never_fell_settles_it_too(house: House) -> None:
    emulator = quick(SUNOAPI)
    emulator.outcome, emulator.ledger.balance = "GENERATE_AUDIO_FAILED", 100.0
    async with trading(house, "sunoapi", emulator, uploads=True) as (service, _):
        await service.credits("sunoapi")
        task = await finished(service, await Shop(SUNOAPI, house, service, emulator).start())
        emulator.ledger.balance = 100.0
        await service.credits("sunoapi")
        assert (await service.get(task.id)).disputed == 0


async def test_a_cost_of_nothing_is_a_refund(house: House) -> None:
    emulator = quick(KIE)
    emulator.outcome = "GENERATE_AUDIO_FAILED"
    async with trading(house, "kie", emulator, uploads=True) as (service, _):
        task = await finished(service, await Shop(KIE, house, service, emulator).start())
        view, _text = await told(service, task.id)
    assert (task.status, task.disputed) == ("failed", 0)
    assert (view.credits.charged, view.credits.refunded) == (12, 12)


async def test_what_the_provider_says_it_took_is_what_it_cost(house: House) -> None:
    emulator = quick(KIE)
    emulator.price = 15.0
    async with trading(house, "kie", emulator, uploads=True) as (service, _):
        task = await finished(service, await Shop(KIE, house, service, emulator).start())
        spent = (await service.credits("kie")).spent["credits"].spent_today
    assert (task.status, task.charged, spent) == ("succeeded", 15 * MILLI, 15)
    assert any("charged 15 credits" in said and "not the 12" in said for said in task.warnings)
