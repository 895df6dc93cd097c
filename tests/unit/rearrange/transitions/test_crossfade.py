"""Jumps land on the structure, keep the pulse, and make no click."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.audio_signals import RATE, chord_loop, clicks, extend, form, load, noise, save

if TYPE_CHECKING:
    from pathlib import Path

    from fermata_mcp.rearrange.job import Result
    from support.audio_signals import Sound


def _off_pulse(result: Result, period: float) -> float:
    """Seconds by which the worst jump misses a whole number of pulses."""
    gains = np.array([seam.left - seam.entered for seam in result.seams])
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
    assert [round(seam.left - seam.entered, 2) for seam in result.seams] == [12.0]
    assert (load(tmp_path / "b.wav")[-3 * RATE :] == load(source)[-3 * RATE :]).all()


def test_joins_make_no_click(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", form("ABACAB"))
    result = extend(source, tmp_path / "b.wav", 60)
    assert _clicks(load(tmp_path / "b.wav")[:, 0], result) < 1.2 * _steepest(load(source)[:, 0])


def _steepest(sound: Sound) -> float:
    return float(np.abs(np.diff(sound, 2)).max())


def _clicks(sound: Sound, result: Result) -> float:
    around = [sound[int((s.at - 0.5) * RATE) : int((s.at + 0.5) * RATE)] for s in result.seams]
    return max(_steepest(part) for part in around)


def test_joins_keep_the_level(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", noise(10) + 0.2 * np.sin(np.arange(10 * RATE) * 0.05))
    result = extend(source, tmp_path / "b.wav", 25)
    after = load(tmp_path / "b.wav")[:, 0]
    usual = np.sqrt((after[: 5 * RATE] ** 2).mean())
    for seam in result.seams:
        part = after[int((seam.at - 0.05) * RATE) : int((seam.at + 0.05) * RATE)]
        assert 0.7 < np.sqrt((part**2).mean()) / usual < 1.4


@pytest.mark.parametrize("place", [0.0, 3.0, 8.123, 15.9, 16.0])
def test_everything_before_continue_at_is_untouched(tmp_path: Path, place: float) -> None:
    source = save(tmp_path / "a.wav", chord_loop(8))
    result = extend(source, tmp_path / "b.wav", 31.7, continue_at=place)
    before, after = load(source), load(tmp_path / "b.wav")
    kept = int(np.ceil(place * RATE))
    assert len(after) == round(31.7 * RATE)
    assert (before[:kept] == after[:kept]).all()
    assert result.seams[0].left >= place
    assert result.seams[0].left < max(place, 3) + 4


def test_continuing_at_the_very_end_makes_no_click(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", noise(8) + 0.3)
    extend(source, tmp_path / "b.wav", 20, continue_at=8.0)
    around = load(tmp_path / "b.wav")[8 * RATE - 200 : 8 * RATE + 200, 0]
    assert np.abs(np.diff(around)).max() < 1.5 * np.abs(np.diff(load(source)[:, 0])).max()


def test_the_same_take_is_the_same_and_another_is_not(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", form("ABABCABC"))
    lengths = [extend(source, tmp_path / f"{i}.wav", 50, take=take) for i, take in enumerate((1, 1, 2, 3))]
    paths = [tuple((seam.left, seam.entered) for seam in result.seams) for result in lengths]
    assert paths[0] == paths[1]
    assert len(set(paths)) == 3
    assert (tmp_path / "0.wav").read_bytes() == (tmp_path / "1.wav").read_bytes()


def test_long_targets_are_reached(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", form("ABACABAD", 3.0))
    result = extend(source, tmp_path / "b.wav", 600)
    assert result.facts.frames == 600 * RATE
    assert len({(seam.left, seam.entered) for seam in result.seams}) > 3


@settings(max_examples=12, deadline=None)
@given(length=st.floats(12.001, 40), sections=st.text("ABC", min_size=4, max_size=4))
def test_any_length_of_any_form_is_exact(
    tmp_path_factory: pytest.TempPathFactory, length: float, sections: str
) -> None:
    folder = tmp_path_factory.mktemp("form")
    source = save(folder / "a.wav", form(sections, 3.0))
    result = extend(source, folder / "b.wav", length)
    assert len(load(folder / "b.wav")) == round(length * RATE)
    assert all(0 <= seam.entered < seam.left <= 12.01 and 0 <= seam.confidence <= 1 for seam in result.seams)
