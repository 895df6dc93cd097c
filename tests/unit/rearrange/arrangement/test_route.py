"""The best way through a track that takes an exact time."""

from __future__ import annotations

import numpy as np
import pytest

from fermata_mcp.rearrange.arrangement.objective import Objective
from fermata_mcp.rearrange.arrangement.route import UNIT, Route, Router
from fermata_mcp.rearrange.job import Ending
from fermata_mcp.rearrange.transitions.jumps import Jumps

RATE, HOP = 1000.0, 10


def _jumps(*places: tuple[float, float]) -> Jumps:
    """From second to second, all as good."""
    leave = np.array([round(leave * RATE / HOP) for leave, _ in places], np.int64)
    lag = np.array([(leave - enter) * RATE for leave, enter in places])
    return Jumps(leave, lag, np.zeros(len(places)), np.ones(len(places)), np.zeros(len(places)), RATE, HOP)


def _find(added: float, *places: tuple[float, float], ending: Ending = "keep", penalty: float = 0.1) -> Route | None:
    objective = Objective(added, 100.0, 4.0, False, 4.0, 0.0, ending=ending, exact=True)
    return Router(_jumps(*places), np.full(len(places), penalty), objective).find()


@pytest.mark.parametrize(
    ("added", "places", "order"),
    [
        (-40.0, [(20, 60)], (0,)),
        (-40.0, [(20, 50), (60, 70)], (0, 1)),
        (-40.0, [(60, 70), (20, 50)], (1, 0)),
        (-40.0, [(20, 60), (20, 50), (60, 70)], (0,)),
        (20.0, [(50, 30)], (0,)),
        (20.0, [(50, 20), (60, 70)], (0, 1)),
        (-10.0, [(30, 50), (70, 60)], (0, 1)),
    ],
)
def test_as_few_jumps_as_reach_the_length(
    added: float, places: list[tuple[float, float]], order: tuple[int, ...]
) -> None:
    route = _find(added, *places)
    assert route is not None
    assert route.jumps == order
    assert abs(route.over) < UNIT
    assert not route.fades


@pytest.mark.parametrize("places", [[(20, 70)], [(2, 42)], [(57, 97)], [(20, 40), (42, 62)]])
def test_what_cannot_be_played_is_no_route(places: list[tuple[float, float]]) -> None:
    """Too far, from the beginning, into the last moment, or one just after the other."""
    assert _find(-40.0, *places) is None or _find(-40.0, *places).fades  # pyright: ignore[reportOptionalMemberAccess]


def test_where_nothing_leads_to_the_end_it_fades() -> None:
    route = _find(-40.0, ending="auto")
    assert route is not None
    assert (route.jumps, route.fades) == ((), True)


def test_bad_jumps_are_worse_than_a_fade() -> None:
    bad, good = (_find(-40.0, (20, 60), ending="auto", penalty=penalty) for penalty in (0.9, 0.1))
    assert bad is not None
    assert good is not None
    assert (bad.fades, good.fades) == (True, False)


def test_a_better_length_nearby_is_known() -> None:
    objective = Objective(-38.0, 100.0, 4.0, False, 4.0, 0.0, exact=True)
    router = Router(_jumps((20, 60)), np.full(1, 0.1), objective, around=10.0)
    router.find()
    assert router.nearest_length(0.15) == pytest.approx(60.0, abs=UNIT)
    assert router.nearest_length(0.05) is None
