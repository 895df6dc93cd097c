"""The fallback: the track again from its beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.rearrange.arrangement.repeat import repeat_crossfades
from support.audio_signals import RATE, chord, chord_loop, clicks, extend, load, noise, save
from support.jumps import analysed, samples_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("seconds", [0.6, 2.0])
def test_very_short_clips_are_repeated(tmp_path: Path, seconds: float) -> None:
    source = save(tmp_path / "a.wav", chord(0, seconds))
    result = extend(source, tmp_path / "b.wav", 7)
    assert result.mode == "repeated"
    assert result.warnings
    assert len(load(tmp_path / "b.wav")) == 7 * RATE


def test_a_clip_of_whole_beats_is_repeated_in_time(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", chord_loop(1))
    result = extend(source, tmp_path / "b.wav", 8)
    assert [round(seam.leave - seam.enter, 2) for seam in result.seams] == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(("sound", "seconds"), [(noise(8), 18), (chord_loop(1), 6)])
def test_what_cannot_be_rearranged_loops_too(tmp_path: Path, sound: np.ndarray, seconds: float) -> None:
    result = extend(save(tmp_path / "a.wav", sound), tmp_path / "b.wav", seconds, ending="loop")
    assert result.ending == "loops"
    assert result.facts.duration_seconds >= len(sound) / RATE


@pytest.mark.parametrize("period", [0.4, 0.5])
def test_a_pulse_is_repeated_in_time(tmp_path: Path, period: float) -> None:
    """Though the clip does not end on it."""
    source = save(tmp_path / "a.wav", clicks(7.7 * period, period))
    crossfade, *_ = repeat_crossfades(samples_of(source), analysed(source), 20 * RATE, None)
    pulses = crossfade.lag / RATE / period
    assert pulses == pytest.approx(round(pulses), abs=0.02)
    assert pulses > 5


def test_without_a_pulse_the_crossfade_is_long(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", noise(5))
    crossfades = repeat_crossfades(samples_of(source), analysed(source), 12 * RATE, None)
    assert {(each.enter, each.after) for each in crossfades} == {(0, RATE)}
    assert len(crossfades) == 2


def test_it_leaves_where_it_is_asked_to(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", noise(5))
    assert {each.leave for each in repeat_crossfades(samples_of(source), analysed(source), 12 * RATE, 3 * RATE)} == {
        3 * RATE
    }
