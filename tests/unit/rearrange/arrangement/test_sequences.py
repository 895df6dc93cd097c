"""Paths are chosen as a listener would: by their worst join, their ending and what is heard too often."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.media.audio import probe
from fermata_mcp.rearrange.arrangement.objective import Wanted
from fermata_mcp.rearrange.arrangement.search import choose_path
from fermata_mcp.rearrange.cache import Cache
from fermata_mcp.rearrange.features.analysis import Analysis, analyse
from fermata_mcp.rearrange.samples import open_samples
from fermata_mcp.rearrange.transitions.alignment import off_pulse
from fermata_mcp.rearrange.transitions.distance import accepted
from fermata_mcp.rearrange.transitions.jumps import Jumps
from support.audio_signals import RATE, clicks, extend, form, load, noise, save
from support.places import GROOVE

if TYPE_CHECKING:
    from fermata_mcp.rearrange.arrangement.search import Path as Chosen
    from fermata_mcp.rearrange.job import Ending

_FRAMES_PER_SECOND = 100


def _jumps(*jumps: tuple[float, float, float]) -> Jumps:
    """From (second left, seconds back, share of listeners who accept it)."""
    leave, lag, share = (np.array(column, float) for column in zip(*jumps, strict=True))
    frames = np.round(leave * _FRAMES_PER_SECOND).astype(np.int64)
    return Jumps(frames, lag * _FRAMES_PER_SECOND * 10, 1 - share, share, _FRAMES_PER_SECOND * 10.0, 10)


def _analysed(source: Path) -> Analysis:
    def ignored(_share: float) -> None:
        pass

    with closing(open_samples(source, probe(source), source.parent, ignored)) as samples:
        return analyse(samples, 0, samples.frames, Cache(None, source), ignored)


def _chosen(jumps: Jumps, added: float, ending: Ending = "auto") -> Chosen:
    wanted = Wanted(added=added, seconds=100, start=4, soon=False, spacing=4, tail=0, ending=ending)
    path = choose_path(jumps, wanted, lambda _share: None)
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


def test_the_whole_track_is_used_before_its_smoothest_passage_is_worn_out() -> None:
    """One perfect jump of 5 s is cheap eighty times, and tiring."""
    path = _chosen(_jumps((30, 5, 1.0), (95, 85, 0.93), (90, 60, 0.93), (60, 40, 0.93)), 400)
    assert path.jumps.count(0) <= 4


def test_like_jumps_do_not_follow_one_another() -> None:
    path = _chosen(_jumps((60, 40, 1.0), (80, 50, 1.0)), 180, "keep")
    assert sorted(path.jumps) == [0, 0, 1, 1]
    assert path.jumps in {(1, 0, 1, 0), (0, 1, 0, 1)}


def test_a_passage_that_nothing_leads_back_to_is_not_repeated_on_and_on() -> None:
    """However smoothly it joins: the other jumps all enter after it, so all its rounds would come in a row."""
    path = _chosen(_jumps((24, 12, 1.0), (60, 30, 0.9), (90, 60, 0.97), (95, 70, 0.97), (97, 66, 0.97)), 3000)
    assert path.jumps.count(0) <= 8


def test_a_short_loop_goes_round_rather_than_by_poor_joins(tmp_path: Path) -> None:
    """Nothing can be new for five minutes in nine seconds."""
    groove = GROOVE
    result = extend(groove, tmp_path / "b.wav", 300)
    assert min(seam.confidence for seam in result.seams) > 0.9


def test_a_mismatch_a_step_of_level_and_a_stumbling_pulse_are_accepted_by_fewer() -> None:
    mismatch, none = np.array([0.0, 0.3, 0.5, 0.9]), np.zeros(4)
    usual = accepted(mismatch, none, none)
    assert usual[0] == 1
    assert (np.diff(usual) < 0).all()
    assert (accepted(mismatch, np.full(4, 6.0), none) < usual).all()
    assert (accepted(mismatch, none, np.full(4, 0.05)) < usual / 2).all()
    assert (accepted(mismatch, none, np.full(4, 0.01)) == usual).all()


@pytest.mark.parametrize(("off", "found"), [(0.0, 0.0), (0.05, 0.05), (0.2, 0.2), (0.4, 0.0)])
def test_a_jump_off_the_pulse_is_noticed(tmp_path: Path, off: float, found: float) -> None:
    """A click every 0.4 s: going back a whole number of them is in time."""
    analysis = _analysed(save(tmp_path / "a.wav", clicks(30, 0.4)))
    leave, lag = np.array([int(20 * analysis.fps)]), np.array([(8 + off) * analysis.rate])
    assert off_pulse(analysis, leave, lag)[0] == pytest.approx(found, abs=0.004)


def test_what_has_no_pulse_cannot_be_off_it(tmp_path: Path) -> None:
    analysis = _analysed(save(tmp_path / "a.wav", noise(30)))
    leave, lag = np.array([int(20 * analysis.fps)]), np.array([8.1 * analysis.rate])
    assert off_pulse(analysis, leave, lag)[0] == 0


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
