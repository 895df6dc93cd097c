"""Whatever is asked of whatever jumps, a sequence can be played and lasts as long as it should."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fermata_mcp.rearrange.arrangement.knapsack import UNIT
from fermata_mcp.rearrange.arrangement.objective import Objective
from fermata_mcp.rearrange.arrangement.search import find_sequence
from fermata_mcp.rearrange.transitions.jumps import Jumps
from support.jumps import jumps_of, sequence_for

if TYPE_CHECKING:
    from fermata_mcp.rearrange.arrangement.search import JumpSequence
    from fermata_mcp.rearrange.job import Ending

_searching = settings(deadline=None, max_examples=settings().max_examples // 6)  # 100, or what the long profile says
_SECONDS, _SPACING = 100.0, 4.0
_PER_SECOND = 100  # frames


@st.composite
def _jumps(draw: st.DrawFn) -> Jumps:
    """Up to 12 backward jumps in a track of 100 s, of all penalties."""
    count = draw(st.integers(1, 12))
    leave = np.array([draw(st.integers(900, 9800)) for _ in range(count)])
    lag = np.array([draw(st.integers(400, int(place) - 100)) / _PER_SECOND for place in leave])
    share = np.array([draw(st.floats(0.05, 1)) for _ in range(count)])
    return Jumps(leave, lag * 1000, 1 - share, share, 0 * share, 1000.0, 10)


def _objective(added: float, ending: Ending = "auto", continue_at: float | None = None, take: int = 1) -> Objective:
    return Objective(
        added=added,
        seconds=_SECONDS,
        start=4.0 if continue_at is None else continue_at,
        soon=continue_at is not None,
        spacing=_SPACING,
        tail=0.0,
        take=take,
        ending=ending,
    )


def _sequence(jumps: Jumps, objective: Objective) -> JumpSequence:
    sequence = find_sequence(jumps, objective, lambda _share: None)
    assume(sequence is not None)
    assert sequence is not None
    return sequence


def _plays_on(jumps: Jumps, order: tuple[int, ...]) -> bool:
    """Whether every jump is left some music after the one before was entered."""
    leave, enter = jumps.leave_seconds, jumps.enter_seconds
    return all(leave[after] - enter[before] >= _SPACING - 1e-6 for before, after in pairwise(order))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@_searching
@given(_jumps(), st.floats(5, 500), st.sampled_from(["auto", "keep", "fade"]), st.integers(1, 3))
def test_a_sequence_can_be_played_and_reaches_the_length(jumps: Jumps, added: float, ending: Ending, take: int) -> None:
    sequence = _sequence(jumps, _objective(added, ending, take=take))
    assert _plays_on(jumps, sequence.jumps)
    late = float(jumps.gain_seconds[list(sequence.jumps)].sum()) - added
    if sequence.fades:
        assert late >= -UNIT
        assert _SECONDS - late - jumps.enter_seconds[sequence.jumps[-1]] >= 10 - UNIT
    else:
        assert -2.31 <= late <= 0.13  # of silence after the end, and cut from it


@pytest.mark.slow
@pytest.mark.timeout(1800)
@_searching
@given(_jumps(), st.floats(5, 300), st.floats(5, 95))
def test_new_material_starts_after_the_place_to_continue_at(jumps: Jumps, added: float, place: float) -> None:
    sequence = _sequence(jumps, _objective(added, continue_at=place))
    assert _plays_on(jumps, sequence.jumps)
    assert jumps.leave_seconds[sequence.jumps[0]] >= place


@pytest.mark.slow
@pytest.mark.timeout(1800)
@_searching
@given(_jumps(), st.floats(5, 900))
def test_a_loop_leads_back_to_where_it_begins(jumps: Jumps, length: float) -> None:
    sequence = _sequence(jumps, _objective(length, "loop"))
    assert _plays_on(jumps, sequence.jumps + sequence.jumps)
    objective = _objective(length, "loop")
    off = abs(float(jumps.gain_seconds[list(sequence.jumps)].sum()) - length)
    assert off <= objective.most_over + UNIT * (1 + len(sequence.jumps) / 2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@_searching
@given(_jumps(), st.floats(5, 300))
def test_the_same_is_chosen_every_time(jumps: Jumps, added: float) -> None:
    assert _sequence(jumps, _objective(added, take=2)) == _sequence(jumps, _objective(added, take=2))


@pytest.mark.parametrize(("leave", "spacing"), [(2012, 4.1), (1231, 4.3), (1331, 5.3)])
def test_a_jump_of_just_the_spacing_can_follow_itself(leave: int, spacing: float) -> None:
    """Though what the place entered and the spacing add up to is rounded."""
    jumps = Jumps(np.array([leave]), np.array([spacing * 1000]), np.zeros(1), np.ones(1), np.zeros(1), 1000.0, 10)
    objective = replace(_objective(10 * spacing, "keep"), spacing=spacing)
    sequence = find_sequence(jumps, objective, lambda _share: None)
    assert sequence is not None
    assert sequence.jumps == (0,) * 10


def test_two_fair_jumps_are_better_than_one_poor_one() -> None:
    sequence = sequence_for(jumps_of((40, 20, 0.3), (50, 9, 0.9), (60, 11, 0.9)), 20)
    assert sorted(sequence.jumps) == [1, 2]


def test_two_fair_jumps_are_better_than_a_good_and_a_poor_one() -> None:
    sequence = sequence_for(jumps_of((40, 12, 1.0), (50, 8, 0.4), (60, 9, 0.85), (70, 11, 0.85)), 20, "keep")
    assert sorted(sequence.jumps) == [2, 3]


def test_the_own_ending_is_met_by_a_sum_rather_than_faded_from() -> None:
    sequence = sequence_for(jumps_of((40, 30, 1.0), (50, 9, 1.0), (60, 11, 1.0)), 20)
    assert sorted(sequence.jumps) == [1, 2]
    assert not sequence.fades


@pytest.mark.parametrize(("lag", "fades"), [(20.06, False), (19.8, False), (20.9, True), (15.0, True)])
def test_the_own_ending_is_kept_if_it_is_nearly_met(lag: float, fades: bool) -> None:
    assert sequence_for(jumps_of((40, lag, 1.0), (60, 28, 1.0)), 20).fades == fades


def test_an_exact_sequence_is_better_than_a_pause_at_the_end() -> None:
    assert sequence_for(jumps_of((40, 18.8, 1.0), (60, 20, 0.97)), 20).jumps == (1,)
