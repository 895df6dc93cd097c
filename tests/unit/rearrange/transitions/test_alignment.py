"""How far apart two alike places are, and whether the pulse goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.rearrange.transitions.alignment import (
    align_onsets,
    align_waveform,
    best_offset,
    off_pulse,
    peak_offset,
)
from support.audio_signals import clicks, noise, save
from support.jumps import analysed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("off", "noticed"), [(0.0, 0.0), (0.05, 0.05), (0.2, 0.2), (0.4, 0.0)])
def test_a_jump_off_the_pulse_is_noticed(tmp_path: Path, off: float, noticed: float) -> None:
    """A click every 0.4 s: going back a whole number of them is in time."""
    analysis = analysed(save(tmp_path / "a.wav", clicks(30, 0.4)))
    leave, lag = np.array([int(20 * analysis.fps)]), np.array([(8 + off) * analysis.rate])
    assert off_pulse(analysis, leave, lag)[0] == pytest.approx(noticed, abs=0.004)


def test_what_has_no_pulse_cannot_be_off_it(tmp_path: Path) -> None:
    analysis = analysed(save(tmp_path / "a.wav", noise(30)))
    leave, lag = np.array([int(20 * analysis.fps)]), np.array([8.1 * analysis.rate])
    assert off_pulse(analysis, leave, lag)[0] == 0


@pytest.mark.parametrize("place", [0, 1, 777, 1500])
def test_a_stretch_is_found_where_it_is(place: int) -> None:
    hay = noise(0.1).astype(np.float32)
    offset, correlation = best_offset(hay[place : place + 500], hay)
    assert (offset, correlation) == (place, pytest.approx(1, abs=1e-3))


@pytest.mark.parametrize("off", [-40, 0, 25])
def test_waveforms_are_aligned_to_the_sample(off: int) -> None:
    sound = noise(0.5).astype(np.float32)
    twice = np.concatenate([sound, sound])
    assert align_waveform(twice, len(sound) + 5000, len(sound) + off, 3000, 50)[0] == len(sound)


def test_too_little_to_compare_is_not_compared() -> None:
    assert align_waveform(noise(0.01).astype(np.float32), 150, 100, 50, 10) == (100, 0.0)


def test_onsets_are_aligned_to_a_fraction_of_a_frame(tmp_path: Path) -> None:
    analysis = analysed(save(tmp_path / "a.wav", clicks(30, 0.4)))
    leave = np.array([int(20 * analysis.fps)])
    enter = leave - int(8.03 * analysis.fps)
    assert align_onsets(analysis, leave, enter)[0] / analysis.rate == pytest.approx(8.0, abs=0.004)


def test_a_peak_lies_between_its_neighbours() -> None:
    places = np.arange(7.0)
    values = -((places - 3.3) ** 2)
    assert peak_offset(values, 3) == pytest.approx(0.3)
    assert peak_offset(values, 0) == 0
