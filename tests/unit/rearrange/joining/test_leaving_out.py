"""Where nothing overlaps and the beat would stumble, some beats are left out, and it is told which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.rearrange.joining import join
from support.audio_signals import RATE, chord_loop, load, noise, save

if TYPE_CHECKING:
    from pathlib import Path

    from fermata_mcp.media.facts import JoinedFile
    from support.audio_signals import Sound

POINT = 18.3


def _joined(folder: Path, song: Sound, late: float) -> JoinedFile:
    """`song` up to the point, and what follows `late` seconds later."""
    first, begins = round(POINT * RATE), round((POINT + late) * RATE)
    head = save(folder / "a.wav", song[:first], RATE, "FLOAT")
    tail = save(folder / "b.wav", song[begins : begins + 10 * RATE], RATE, "FLOAT")
    return join(head, tail, (POINT, POINT, POINT), folder / "joined")


def _loop(bar: float) -> Sound:
    song = chord_loop(round(32 / bar), bar)
    return song + 0.3 * noise(len(song) / RATE + 1)[: len(song)]


@pytest.mark.parametrize(("bar", "late"), [(2.0, 0.05), (2.0, 0.19), (2.4, 0.12), (1.8, 0.16), (3.2, 0.08)])
def test_what_is_left_out_and_what_never_was_are_whole_bars(tmp_path: Path, bar: float, late: float) -> None:
    song = _loop(bar)
    made = _joined(tmp_path, song, late)
    gone = made.entered - made.left
    assert made.left_out == pytest.approx(gone, abs=1e-3)
    assert (gone + late) / bar == pytest.approx(max(1, round((gone + late) / bar)), abs=0.006 / bar)
    assert POINT - 4 <= made.left <= POINT
    assert POINT <= made.entered <= POINT + 4
    assert made.confidence > 0.7
    heard = load(made.path)[:, 0]
    assert len(heard) == pytest.approx((POINT + 10 - gone) * RATE, abs=2)
    kept = round((made.left - made.blend_ms / 1000) * RATE)
    assert np.abs(heard[:kept] - song[:kept]).max() < 1e-6


@pytest.mark.parametrize("late", [0.0, 0.01])
def test_nothing_is_left_out_where_the_beat_goes_on(tmp_path: Path, late: float) -> None:
    made = _joined(tmp_path, _loop(2.0), late)
    assert made.left_out == 0
    assert made.left == pytest.approx(POINT, abs=0.04)


def test_nothing_is_left_out_of_music_without_a_beat(tmp_path: Path) -> None:
    assert _joined(tmp_path, noise(40), 0.15).left_out == 0


def test_nothing_is_left_out_before_other_music(tmp_path: Path) -> None:
    """What has another beat does not go on wherever it is put."""
    head = save(tmp_path / "a.wav", _loop(2.0)[: round(POINT * RATE)], RATE, "FLOAT")
    tail = save(tmp_path / "b.wav", _loop(2.72)[5000 : 5000 + 10 * RATE], RATE, "FLOAT")
    assert join(head, tail, (POINT, POINT, POINT), tmp_path / "joined").left_out < 0.2
