"""Paths are chosen as a listener would: by their worst join, their ending and what is heard too often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from signals import RATE, clicks, extend, form, load, save

from fermata_mcp.providers.local.jumps import Jumps
from fermata_mcp.providers.local.moments import accepted
from fermata_mcp.providers.local.path import choose_path
from fermata_mcp.providers.local.solver import Wanted

if TYPE_CHECKING:
    from pathlib import Path

    from fermata_mcp.providers.local.solver import Ending
    from fermata_mcp.providers.local.solver import Path as Chosen

_FRAMES_PER_SECOND = 100


def _jumps(*jumps: tuple[float, float, float]) -> Jumps:
    """From (second left, seconds back, share of listeners who accept it)."""
    leave, lag, share = (np.array(column, float) for column in zip(*jumps, strict=True))
    frames = np.round(leave * _FRAMES_PER_SECOND).astype(np.int64)
    return Jumps(frames, lag * _FRAMES_PER_SECOND * 10, 1 - share, share, _FRAMES_PER_SECOND * 10.0, 10)


def _chosen(jumps: Jumps, added: float, ending: Ending = "auto") -> Chosen:
    wanted = Wanted(added=added, seconds=100, start=4, soon=False, spacing=4, tail=0, ending=ending)
    path = choose_path(jumps, wanted)
    assert path is not None
    return path


def test_two_fair_jumps_are_better_than_one_poor_one() -> None:
    path = _chosen(_jumps((40, 20, 0.3), (50, 9, 0.9), (60, 11, 0.9)), 20)
    assert sorted(path.jumps) == [1, 2]


def test_two_fair_jumps_are_better_than_a_good_and_a_poor_one() -> None:
    path = _chosen(_jumps((40, 12, 1.0), (50, 8, 0.4), (60, 9, 0.85), (70, 11, 0.85)), 20, "keep")
    assert sorted(path.jumps) == [2, 3]


def test_the_own_ending_is_met_by_a_sum_rather_than_faded_from() -> None:
    path = _chosen(_jumps((40, 30, 1.0), (50, 9, 1.0), (60, 11, 1.0)), 20)
    assert sorted(path.jumps) == [1, 2]
    assert not path.fades


@pytest.mark.parametrize(("lag", "fades"), [(20.06, False), (19.8, False), (20.9, True), (15.0, True)])
def test_the_own_ending_is_kept_if_it_is_nearly_met(lag: float, fades: bool) -> None:
    assert _chosen(_jumps((40, lag, 1.0), (60, 28, 1.0)), 20).fades == fades


def test_an_exact_path_is_better_than_a_pause_at_the_end() -> None:
    assert _chosen(_jumps((40, 18.8, 1.0), (60, 20, 0.97)), 20).jumps == (1,)


def test_what_was_heard_often_enough_makes_way_for_something_else() -> None:
    path = _chosen(_jumps((40, 10, 1.0), (80, 10, 0.97)), 60)
    assert 2 <= path.jumps.count(1) <= 4


def test_a_mismatch_or_a_step_of_level_is_accepted_by_fewer() -> None:
    mismatch = np.array([0.0, 0.3, 0.5, 0.9])
    assert accepted(mismatch, np.zeros(4))[0] == 1
    assert (np.diff(accepted(mismatch, np.zeros(4))) < 0).all()
    assert (accepted(mismatch, np.full(4, 6.0)) < accepted(mismatch, np.zeros(4))).all()


@pytest.mark.parametrize("beat", [0.3, 0.45])
def test_half_the_pulse_is_not_the_pulse(tmp_path: Path, beat: float) -> None:
    """Every other click is weaker: a jump by an odd number of clicks would turn the bar around."""
    strong, weak = clicks(24, 2 * beat), clicks(24, beat)
    source = save(tmp_path / "a.wav", strong + 0.3 * weak)
    gains = [seam.left - seam.entered for seam in extend(source, tmp_path / "b.wav", 50).seams]
    assert max(abs(gain - round(gain / (2 * beat)) * 2 * beat) for gain in gains) < 0.005


@pytest.mark.parametrize("added", [8, 12, 20])
def test_a_length_that_the_form_allows_ends_as_the_track_does(tmp_path: Path, added: float) -> None:
    """Without a fade, and with no silence after it."""
    source = save(tmp_path / "a.wav", form("ABACABCD"))
    result = extend(source, tmp_path / "b.wav", 32 + added)
    assert result.ending == "kept"
    assert (load(tmp_path / "b.wav")[-2 * RATE :] == load(source)[-2 * RATE :]).all()
