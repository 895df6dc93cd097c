"""The short version of `tests/chaos/kills.py`: a process that is killed at any point pays once and loses nothing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chaos import points
from chaos.kills import BARRED, Recorded, control, needless, record, run, short, unreached, unwatched, vanished

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="a loaded process can be forked safely only on Linux"),
    pytest.mark.slow,
]
JOBS = 2


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    """Every scenario, lived once unharmed."""
    return record(JOBS)


def test_unharmed_lives_leave_what_they_must(recorded: Recorded) -> None:
    assert recorded.problems == []


def test_every_point_of_the_product_is_passed(recorded: Recorded) -> None:
    """A new await needs a scenario in `tests/chaos` that passes it, or an exception with its reason."""
    assert unreached(recorded) == []


def test_every_room_with_awaits_is_watched_or_excepted() -> None:
    assert unwatched() == []
    assert points.rooms() >= {*points.FOLDERS, *points.NOT_WATCHED}


def test_exceptions_are_still_there_and_needed_and_say_why(recorded: Recorded) -> None:
    assert vanished() == []
    assert needless(recorded) == []
    assert all(BARRED.values())


def test_killed_at_any_point_it_pays_once_and_loses_nothing(recorded: Recorded) -> None:
    kills = short(recorded)
    report = run(kills, JOBS)
    assert report.problems == []
    assert (report.lost, report.doubles) == (0, 0)
    # A point that only some runs pass may be missed; more would mean that nothing is being tested.
    assert report.kills >= 0.95 * len(kills)
    assert report.told > 0.8 * report.kills
    assert 0 < report.unknown < report.kills / 2


def test_the_planted_bug_is_caught(recorded: Recorded) -> None:
    """Were cut-off requests sent again, the comparison would see money spent twice."""
    report = run(control(recorded), JOBS, bug=True)
    assert report.doubles > 0
    assert any("double charges" in problem for problem in report.problems)
    assert any("nobody can know what became of it" in problem for problem in report.problems)


# --- the points themselves --------------------------------------------------------------------------------------------

SOURCE = """
class Work:
    async def whole(self, door, items):
        async with door as name, door:
            async for item in items:
                await seen(item)
        return [await seen(one) async for one in items] + [name]

def plain():
    async def inner():
        return await seen(1)
    return inner
"""


def test_points_are_named_by_their_place_and_not_by_their_line() -> None:
    found = points.points_of(SOURCE, "a.py")
    assert found == points.points_of("\n\n" + SOURCE, "a.py")
    assert [one.removesuffix(" before") for one in found if one.endswith("before")] == [
        "a.py:Work.whole:1 enter", "a.py:Work.whole:1 exit", "a.py:Work.whole:2 enter", "a.py:Work.whole:2 exit",
        "a.py:Work.whole:3 next", "a.py:Work.whole:4 await", "a.py:Work.whole:5 await", "a.py:Work.whole:6 next",
        "a.py:plain.inner:1 await",
    ]  # fmt: skip


def test_a_new_await_without_a_scenario_is_noticed(recorded: Recorded) -> None:
    reached = next(iter(recorded.passed["extend"]))
    fewer = Recorded(
        {name: {k: v for k, v in passed.items() if k != reached} for name, passed in recorded.passed.items()}
    )
    assert unreached(fewer) == [reached]


def test_announcing_changes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rewritten module does what it did, and passes its points in order, each before and after."""
    passed: list[str] = []
    monkeypatch.setattr(points.GATE, "announce", passed.append)
    assert asyncio.run(_whole(points.rewritten(SOURCE.encode(), "a.py", "a.py"), points.ANNOUNCERS)) == [0, 1, "in"]
    assert asyncio.run(_whole(compile(SOURCE, "a.py", "exec"), {})) == [0, 1, "in"]
    assert passed[:6] == [
        "a.py:Work.whole:1 enter before", "a.py:Work.whole:1 enter after", "a.py:Work.whole:2 enter before",
        "a.py:Work.whole:2 enter after", "a.py:Work.whole:3 next before", "a.py:Work.whole:3 next after",
    ]  # fmt: skip
    assert passed.count("a.py:Work.whole:4 await before") == passed.count("a.py:Work.whole:4 await after") == 2
    assert "a.py:Work.whole:2 exit after" in passed


class Door:
    async def __aenter__(self) -> str:
        return "in"

    async def __aexit__(self, *_: object) -> None: ...


class Items:
    def __aiter__(self) -> Any:
        async def two() -> Any:
            yield 0
            yield 1

        return two()


async def _whole(code: Any, announcers: dict[str, Any]) -> list[Any]:
    async def seen(item: Any) -> Any:
        await asyncio.sleep(0)
        return item

    module: dict[str, Any] = {"seen": seen, **announcers}
    exec(code, module)
    whole: Callable[..., Awaitable[list[Any]]] = module["Work"]().whole
    return await whole(Door(), Items())
