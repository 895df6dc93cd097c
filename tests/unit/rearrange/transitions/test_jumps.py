"""Jumps land on the structure, and keep the pulse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from support.audio_signals import RATE, chord_loop, clicks, extend, form, load, save
from support.jumps import jumps_of

if TYPE_CHECKING:
    from pathlib import Path

    from fermata_mcp.rearrange.job import Result


def _off_pulse(result: Result, period: float) -> float:
    """Seconds by which the worst jump misses a whole number of pulses."""
    gains = np.array([seam.leave - seam.enter for seam in result.seams])
    return float(np.abs(gains - np.round(gains / period) * period).max())


@pytest.mark.parametrize("period", [0.4, 0.5, 0.613])
def test_the_pulse_of_a_click_track_is_kept(tmp_path: Path, period: float) -> None:
    source = save(tmp_path / "a.wav", clicks(20, period))
    result = extend(source, tmp_path / "b.wav", 45)
    assert result.mode == "rearranged"
    assert _off_pulse(result, period) < 0.005


def test_the_pulse_of_the_result_is_even(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", clicks(16, 0.5))
    extend(source, tmp_path / "b.wav", 40)
    after = np.abs(load(tmp_path / "b.wav")[: 30 * RATE, 0])
    loud = np.flatnonzero(after > 0.3)
    onsets = loud[np.diff(loud, prepend=-RATE) > 0.1 * RATE] / RATE
    assert np.abs(np.diff(onsets) - 0.5).max() < 0.005


def test_jumps_in_a_chord_loop_are_whole_bars(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", chord_loop(8))
    result = extend(source, tmp_path / "b.wav", 30)
    assert _off_pulse(result, 2.0) < 0.005
    assert min(seam.confidence for seam in result.seams) > 0.8
    assert not result.warnings


def test_jumps_in_a_form_join_equal_sections(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", form("ABCABCD"))
    result = extend(source, tmp_path / "b.wav", 40)
    assert result.ending == "kept"
    assert [round(seam.leave - seam.enter, 2) for seam in result.seams] == [12.0]
    assert (load(tmp_path / "b.wav")[-3 * RATE :] == load(source)[-3 * RATE :]).all()


@pytest.mark.parametrize("beat", [0.3, 0.45])
def test_half_the_pulse_is_not_the_pulse(tmp_path: Path, beat: float) -> None:
    """Every other click is weaker: a jump by an odd number of clicks would turn the bar around."""
    strong, weak = clicks(24, 2 * beat), clicks(24, beat)
    source = save(tmp_path / "a.wav", strong + 0.3 * weak)
    gains = [seam.leave - seam.enter for seam in extend(source, tmp_path / "b.wav", 50).seams]
    assert max(abs(gain - round(gain / (2 * beat)) * 2 * beat) for gain in gains) < 0.005


def test_those_within_a_part_enter_and_leave_in_it() -> None:
    jumps = jumps_of((20, 10, 1.0), (40, 10, 0.9), (40, 35, 0.8), (70, 20, 0.7)).within(8, 60)
    assert jumps.leave_seconds.tolist() == [20, 40]
    assert jumps.enter_seconds.tolist() == [10, 30]
    assert jumps.acceptance.tolist() == [1.0, 0.9]


def test_what_more_listeners_mind_is_heavier() -> None:
    penalty = jumps_of((20, 10, 1.0), (30, 10, 0.9), (40, 10, 0.66), (50, 10, 0.64)).penalty
    assert (np.diff(penalty) > 0).all()
    assert penalty[0] == 0
    assert penalty[3] - penalty[2] > 0.1, "what is simply bad"


def test_of_jumps_that_nobody_minds_the_one_that_is_more_alike_is_lighter() -> None:
    jumps = replace(
        jumps_of(*[(20 + place, 10, 1.0) for place in range(4)]), mismatch=np.array([0.05, 0.15, 0.25, 0.4])
    )
    penalty = jumps.penalty
    assert (np.diff(penalty) > 0).all()
    assert penalty[3] - penalty[2] > 5 * (penalty[1] - penalty[0])
