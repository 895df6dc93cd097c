"""Whatever is asked of whatever jumps, a path can be played, and lasts as long as it should."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from fermata_mcp.rearrange.arrangement.knapsack import UNIT, Knapsack
from fermata_mcp.rearrange.arrangement.objective import Wanted
from fermata_mcp.rearrange.arrangement.search import choose_path
from fermata_mcp.rearrange.transitions.jumps import Jumps

if TYPE_CHECKING:
    from fermata_mcp.rearrange.arrangement.search import Path
    from fermata_mcp.rearrange.job import Ending

_searching = settings(deadline=None, max_examples=50)
_SECONDS, _SPACING = 100.0, 4.0
_PER_SECOND = 100  # frames


@st.composite
def _jumps(draw: st.DrawFn) -> Jumps:
    """Up to 12 backward jumps in a track of 100 s, of all prices."""
    count = draw(st.integers(1, 12))
    leave = np.array([draw(st.integers(900, 9800)) for _ in range(count)])
    lag = np.array([draw(st.integers(400, int(place) - 100)) / _PER_SECOND for place in leave])
    share = np.array([draw(st.floats(0.05, 1)) for _ in range(count)])
    return Jumps(leave, lag * 1000, 1 - share, share, 1000.0, 10)


def _wanted(added: float, ending: Ending = "auto", continue_at: float | None = None, take: int = 1) -> Wanted:
    return Wanted(
        added=added,
        seconds=_SECONDS,
        start=4.0 if continue_at is None else continue_at,
        soon=continue_at is not None,
        spacing=_SPACING,
        tail=0.0,
        take=take,
        ending=ending,
    )


def _path(jumps: Jumps, wanted: Wanted) -> Path:
    path = choose_path(jumps, wanted, lambda _share: None)
    assume(path is not None)
    assert path is not None
    return path


def _plays_on(jumps: Jumps, order: tuple[int, ...]) -> bool:
    """Whether every jump is left some music after the one before was entered."""
    leave, enter = jumps.leave_seconds, jumps.enter_seconds
    return all(leave[after] - enter[before] >= _SPACING - 1e-6 for before, after in pairwise(order))


@_searching
@given(_jumps(), st.floats(5, 500), st.sampled_from(["auto", "keep", "fade"]), st.integers(1, 3))
def test_a_path_can_be_played_and_reaches_the_length(jumps: Jumps, added: float, ending: Ending, take: int) -> None:
    path = _path(jumps, _wanted(added, ending, take=take))
    assert _plays_on(jumps, path.jumps)
    late = float(jumps.gain_seconds[list(path.jumps)].sum()) - added
    if path.fades:
        assert late >= -UNIT
        assert _SECONDS - late - jumps.enter_seconds[path.jumps[-1]] >= 10 - UNIT
    else:
        assert -2.31 <= late <= 0.13  # of silence after the end, and cut from it


@_searching
@given(_jumps(), st.floats(5, 300), st.floats(5, 95))
def test_new_material_starts_after_the_place_to_continue_at(jumps: Jumps, added: float, place: float) -> None:
    path = _path(jumps, _wanted(added, continue_at=place))
    assert _plays_on(jumps, path.jumps)
    assert jumps.leave_seconds[path.jumps[0]] >= place


@_searching
@given(_jumps(), st.floats(5, 900))
def test_a_loop_leads_back_to_where_it_begins(jumps: Jumps, length: float) -> None:
    path = _path(jumps, _wanted(length, "loop"))
    assert _plays_on(jumps, path.jumps + path.jumps)
    assert abs(float(jumps.gain_seconds[list(path.jumps)].sum()) - length) <= 2 + UNIT


@pytest.mark.parametrize(("leave", "spacing"), [(2012, 4.1), (1231, 4.3), (1331, 5.3)])
def test_a_jump_of_just_the_spacing_can_follow_itself(leave: int, spacing: float) -> None:
    """Though what the place entered and the spacing add up to is rounded."""
    jumps = Jumps(np.array([leave]), np.array([spacing * 1000]), np.zeros(1), np.ones(1), 1000.0, 10)
    wanted = replace(_wanted(10 * spacing, "keep"), spacing=spacing)
    path = choose_path(jumps, wanted, lambda _share: None)
    assert path is not None
    assert path.jumps == (0,) * 10


@_searching
@given(_jumps(), st.floats(5, 300))
def test_the_same_is_chosen_every_time(jumps: Jumps, added: float) -> None:
    assert _path(jumps, _wanted(added, take=2)) == _path(jumps, _wanted(added, take=2))


@given(
    st.lists(st.tuples(st.integers(1, 12), st.floats(0.001, 1)), min_size=1, max_size=6),
    st.integers(1, 40),
)
@example([(3, 0.5), (3, 0.25), (5, 0.3)], 8)
def test_a_knapsack_holds_the_cheapest_collections(kinds: list[tuple[int, float]], most: int) -> None:
    gain, price = np.array([units * UNIT for units, _ in kinds]), np.array([cost for _, cost in kinds])
    sack = Knapsack(gain, price, most * UNIT + UNIT / 2)
    least = [0.0] + [np.inf] * most
    for row in range(1, most + 1):
        least[row] = min((least[row - units] + cost for units, cost in kinds if units <= row), default=np.inf)
    assert sack.cost == pytest.approx(np.array(least), rel=1e-4)
    for row in np.flatnonzero(np.isfinite(sack.cost)).tolist():
        held = sack.collection(row)
        assert sum(kinds[jump][0] for jump in held) == row
        assert price[held].sum() == pytest.approx(least[row], rel=1e-4)


@given(
    st.lists(st.tuples(st.integers(1, 12), st.floats(0.001, 1), st.integers(-2, 9)), min_size=1, max_size=5),
    st.integers(1, 30),
)
def test_what_goes_beyond_the_goal_does_so_with_its_last_jump(kinds: list[tuple[int, float, int]], goal: int) -> None:
    gain, price, room = (np.array(column, float) for column in zip(*kinds, strict=True))
    sack = Knapsack(gain * UNIT, price, goal * UNIT + UNIT / 2)
    held = sack.beyond(goal, (room + 0.5) * UNIT)
    if held is None:
        return
    added = sum(kinds[jump][0] for jump in held)
    last = held[-1]
    assert added - kinds[last][0] < goal <= added <= goal + max(0, kinds[last][2])
