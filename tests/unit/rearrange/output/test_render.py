"""A timeline is played to the exact frame, and what is not faded is copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.rearrange.arrangement.timeline import Timeline, loop_timeline
from fermata_mcp.rearrange.output.render import render
from fermata_mcp.rearrange.transitions.crossfade import Crossfade
from support.audio_signals import load, save
from support.jumps import samples_of

if TYPE_CHECKING:
    from pathlib import Path

    from support.audio_signals import Sound

FRAMES = 20_000
BACK = Crossfade(15_000, 5_000, 100, 200, 1.0)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return save(tmp_path / "a.wav", 0.3 * np.random.default_rng(3).standard_normal((FRAMES, 2)))


def _played(source: Path, timeline: Timeline) -> Sound:
    return np.concatenate(list(render(samples_of(source), timeline)))


def test_outside_of_its_seams_the_source_is_copied(source: Path) -> None:
    music, whole = load(source, "int16"), _played(source, Timeline(FRAMES + 10_000, (BACK,), 0))
    assert (whole[:14_900] == music[:14_900]).all()
    assert (whole[15_200:] == music[5_200:]).all()
    assert not (whole[14_900:15_200] == music[14_900:15_200]).all()


@pytest.mark.parametrize("frames", [FRAMES, FRAMES + 1, FRAMES + 9_999, FRAMES + 70_000])
def test_the_length_is_exact(source: Path, frames: int) -> None:
    """What the music does not fill is silence."""
    whole = _played(source, Timeline(frames, (BACK,), 0))
    assert whole.shape == (frames, 2)
    assert not whole[FRAMES + 10_000 :].any()


def test_a_fade_ends_in_silence(source: Path) -> None:
    music, whole = load(source, "int16"), _played(source, Timeline(10_000, (), 4_000))
    assert (whole[:6_000] == music[:6_000]).all()
    levels = np.abs(whole[6_000:].astype(float)).reshape(4, -1).mean(1)
    assert (np.diff(levels) < 0).all()
    assert np.abs(whole[-20:]).max() < 10


def test_a_loop_turns_without_a_step(source: Path) -> None:
    whole = _played(source, loop_timeline((), BACK))
    assert len(whole) == BACK.lag
    assert (whole[:9_700] == load(source, "int16")[5_200:14_900]).all()


def test_past_the_end_there_is_something_to_fade_from(source: Path) -> None:
    whole = _played(source, Timeline(2 * FRAMES, (Crossfade(FRAMES, 0, 0, 500, 0.3),), 0))
    assert (whole[FRAMES + 500 :] == load(source, "int16")[500:]).all()
    assert whole[FRAMES : FRAMES + 500].any()
