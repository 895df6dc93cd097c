"""What each way to end costs a listener."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fermata_mcp.rearrange.arrangement.objective import Objective
from fermata_mcp.rearrange.job import Ending


def _objective(ending: Ending = "auto", *, soon: bool = False, tail: float = 0.0) -> Objective:
    return Objective(added=20, seconds=100, start=4, soon=soon, spacing=4, tail=tail, ending=ending)


@pytest.mark.parametrize("over", [-0.3, 0.0, 0.12])
def test_nobody_minds_a_hair_more_or_less(over: float) -> None:
    assert _objective().length_penalty(np.array(over)) == 0


def test_a_longer_pause_is_worse_until_it_is_too_long() -> None:
    penalty = _objective().length_penalty(np.array([-0.5, -1.0, -2.0, -5.0]))
    assert (np.diff(penalty) > 0).all()
    assert np.isinf(penalty[-1])


def test_only_near_silence_may_be_cut() -> None:
    over = np.array(1.0)
    assert np.isinf(_objective().length_penalty(over))
    assert 0 < _objective(tail=2.0).length_penalty(over) < 0.1


def test_a_loop_may_be_longer_or_shorter() -> None:
    longer = replace(_objective("loop"), added=200.0, seconds=100.0)
    penalty = longer.length_penalty(np.array([-2.5, -1.0, 0.0, 1.0, 2.5]))
    assert penalty[1] == penalty[3] > penalty[2] == 0
    assert np.isinf(penalty[[0, 4]]).all()


def test_a_loop_within_the_track_is_as_long_as_its_bars() -> None:
    within = replace(_objective("loop"), added=60.0, seconds=100.0)
    penalty = within.length_penalty(np.array([-22.0, -10.0, 0.0, 10.0, 22.0]))
    assert penalty[1] == penalty[3] > penalty[2] == 0
    assert np.isinf(penalty[[0, 4]]).all()


def test_who_shortens_wants_the_ending() -> None:
    longer = _objective()
    shorter = replace(longer, added=-10.0)
    assert shorter.shortens
    assert shorter.fade_penalty > longer.fade_penalty


def test_where_it_can_be_exact_silence_is_worse() -> None:
    plain = replace(_objective(), tail=0.0)
    pauses = np.array([-0.2, -0.45, -1.0])
    assert plain.length_penalty(pauses)[2] < np.inf
    exact = replace(plain, exact=True).length_penalty(pauses)
    assert exact[0] == 0 < exact[1] < exact[2] == np.inf


def test_waiting_counts_only_where_it_should_be_soon() -> None:
    leave = np.array([4.0, 8.0])
    assert _objective(soon=True).waiting_penalty(leave).tolist() == pytest.approx([0.0, 0.12])
    assert not _objective().waiting_penalty(leave).any()
