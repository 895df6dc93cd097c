"""How sure a join is, and where to branch off instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.domain.errors import NotAudio
from fermata_mcp.rearrange.joining import judge
from fermata_mcp.rearrange.joining.beat import beat_of
from fermata_mcp.rearrange.joining.passage import Passage
from support.audio_signals import RATE, chord_loop, clicks, noise, save

if TYPE_CHECKING:
    from pathlib import Path

SONG = chord_loop(20)


def _judged(folder: Path, *parts: object) -> float:
    return judge(save(folder / "a.wav", np.concatenate([np.asarray(part) for part in parts])), 20.0).confidence


def test_music_that_goes_on_is_sure_and_what_does_not_is_less(tmp_path: Path) -> None:
    before, after = SONG[: 20 * RATE], SONG[20 * RATE : 30 * RATE]
    sure = _judged(tmp_path, before, after)
    assert sure > 0.9
    assert _judged(tmp_path, before, 0.1 * after) < 0.5 * sure
    assert _judged(tmp_path, before, noise(10)) < 0.5 * sure
    assert _judged(tmp_path, before, after[round(0.11 * RATE) :]) < 0.5 * sure


def test_a_better_place_is_named_where_there_is_one(tmp_path: Path) -> None:
    """The music fades before the join, as files do at their ends."""
    before = SONG[: 20 * RATE].copy()
    before[-4 * RATE :] *= np.linspace(1, 0.01, 4 * RATE)
    found = judge(save(tmp_path / "a.wav", np.concatenate([before, SONG[20 * RATE : 30 * RATE]])), 20.0)
    assert found.confidence < 0.5
    assert found.better is not None
    assert 12 <= found.better <= 17.5


@pytest.mark.parametrize("at", [0.0, 9.9, 400.0])
def test_with_too_little_around_it_nothing_is_said(tmp_path: Path, at: float) -> None:
    with pytest.raises(NotAudio):
        judge(save(tmp_path / "a.wav", noise(10)), at)


@pytest.mark.parametrize("period", [0.37, 0.5, 0.61])
@pytest.mark.parametrize("late", [-0.12, -0.03, 0.0, 0.08])
def test_the_pulse_tells_how_late_what_follows_is(period: float, late: float) -> None:
    first = round(20 / period) * period
    before = clicks(first, period).astype(np.float32)
    passage = Passage.of(before, clicks(12, period)[round(max(0.0, late + period) * RATE) :].astype(np.float32), RATE)
    beat = beat_of(passage.analysis.onset[: passage.border], passage.analysis.fps)
    assert beat is not None
    later = beat.shift(passage.analysis.onset, passage.border, passage.border) or 0.0
    wrapped = (later / beat.fps - late + period / 2) % period - period / 2
    assert abs(wrapped) < 0.02
