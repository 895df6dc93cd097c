"""How different two places are, and what a listener makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.rearrange.transitions.distance import FrameDistance, acceptance, either_side
from support.audio_signals import form, save
from support.jumps import analysed

if TYPE_CHECKING:
    from pathlib import Path


def test_a_mismatch_a_step_of_level_and_a_stumbling_pulse_are_accepted_by_fewer() -> None:
    mismatch, none = np.array([0.0, 0.3, 0.5, 0.9]), np.zeros(4)
    usual = acceptance(mismatch, none, none)
    assert usual[0] == 1
    assert (np.diff(usual) < 0).all()
    assert (acceptance(mismatch, np.full(4, 6.0), none) < usual).all()
    assert (acceptance(mismatch, none, np.full(4, 0.05)) < usual / 2).all()
    assert (acceptance(mismatch, none, np.full(4, 0.01)) == usual).all()


def test_the_same_sound_is_near_and_another_is_far(tmp_path: Path) -> None:
    analysis = analysed(save(tmp_path / "a.wav", form("ABAB")))
    section = round(4 * analysis.fps)
    frames = np.arange(20, section - 20)
    distance = FrameDistance(analysis)
    same, other = distance.between(frames, frames + 2 * section), distance.between(frames, frames + section)
    assert distance.between(frames, frames).tolist() == [0] * len(frames)
    assert np.median(same) < 0.2 < 0.6 < np.median(other)


def test_one_side_that_agrees_counts_most() -> None:
    before, after = np.array([0.0, 0.5, 1.0]), np.array([1.0, 0.5, 0.0])
    assert either_side(before, after).tolist() == pytest.approx([0.3, 0.5, 0.3])
