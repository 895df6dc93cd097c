"""Renders are begun as far as there is room, and whoever waits hears which turn it is."""

from __future__ import annotations

import pytest

from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from fermata_mcp.engine.turns import in_words
from fermata_mcp.store.base import Place
from support.asked import extend
from support.engines import House, eventually, finished, no_report

pytestmark = pytest.mark.anyio


async def begin_renders(service: Service, house: House, count: int) -> list[Task]:
    asked = [extend(source=str(house.track), provider="local", add_seconds=4 + number) for number in range(count)]
    proposals = [await service.prepare(request) for request in asked]
    return [(await service.start(proposal)).task for proposal in proposals]


async def test_no_more_than_there_is_room_for(house: House) -> None:
    async with house.engine(renders_at_once=1) as service:
        tasks = await begin_renders(service, house, 4)
        told = [await service.get(task.id) for task in tasks]
        assert [task.status for task in told].count("queued") >= 3
        assert told[-1].message in ("3rd of 3 waiting", "4th of 4 waiting")
        running = most = 0

        async def all_over() -> bool:
            nonlocal running, most
            now = [(await service.get(task.id)).status for task in tasks]
            running = now.count("running")
            most = max(most, running)
            return set(now) == {"succeeded"}

        await eventually(all_over)
        assert most == 1


async def test_where_there_is_no_room_others_do_it(house: House) -> None:
    async with house.engine(renders_at_once=0) as here:
        (task,) = await begin_renders(here, house, 1)
        assert (await here.wait(task.id, 0.2, no_report)).status == "queued"
        async with house.engine(renders_at_once=1):
            assert (await finished(here, task)).status == "succeeded"


async def test_a_waiter_hears_that_its_turn_comes_nearer(house: House) -> None:
    heard = list[str]()

    async def report(task: Task) -> None:
        heard.append(task.message)

    async with house.engine(renders_at_once=1) as service:
        *_, last = await begin_renders(service, house, 3)
        assert (await service.wait(last.id, 1000, report)).status == "succeeded"
    assert any(message.endswith(" waiting") for message in heard)


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (22, "22nd"),
        (111, "111th"),
    ],
)
def test_turns_are_said_as_people_say_them(turn: int, words: str) -> None:
    assert in_words(Place(turn, 200)) == f"{words} of 200 waiting"
