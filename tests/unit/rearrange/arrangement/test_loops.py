"""An intro that is heard once, and a loop that goes on for ever."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.rearrange.arrangement.repeat import intro_wrap
from fermata_mcp.rearrange.transitions.jumps import Jumps
from support.audio_signals import RATE, chord_loop, extend, form, load, save, stereo

if TYPE_CHECKING:
    from pathlib import Path


def _jumps(*places: tuple[float, float, float]) -> Jumps:
    leave, enter, acceptance = (np.array(each) for each in zip(*places, strict=True))
    none = np.zeros(len(leave))
    return Jumps(np.rint(leave * 100).astype(np.int64), (leave - enter) * 1000, none, acceptance, none, 1000.0, 10)


def test_the_longest_good_loop_is_taken() -> None:
    jumps = _jumps((50, 40, 1.0), (90, 20, 0.98), (90, 5, 0.3))
    assert intro_wrap(jumps, 100.0, None, 1) == 1
    assert intro_wrap(jumps, 100.0, 50.0, 1) == 0
    assert intro_wrap(jumps, 100.0, None, 2) == 0


def test_too_short_a_loop_is_none() -> None:
    assert intro_wrap(_jumps((50, 48, 1.0)), 100.0, None, 1) is None


def test_the_end_leads_into_the_mark(tmp_path: Path) -> None:
    """What follows the end and what leads to the mark are the same music, and nothing is faded."""
    source = save(tmp_path / "a.wav", form("ABCBCD", 4.0))
    result = extend(source, tmp_path / "b.wav", 54, ending="intro_loop")
    made, seam = load(tmp_path / "b.wav")[:, 0], result.seams[-1]
    length = round((seam.leave - seam.enter) * RATE)
    mark = len(made) - length
    assert result.ending == "loops"
    assert any(f"loop start {mark}, length {length} samples" in said for said in result.warnings)
    around = np.concatenate([made[-200:], made[mark : mark + 200]])
    assert np.abs(np.diff(around)).max() <= 1.05 * np.abs(np.diff(made)).max()
    assert (made[:mark] == load(source)[:mark, 0]).all()


@pytest.mark.parametrize("length", [6.0, 10.0])
def test_a_loop_may_be_shorter_than_its_source(tmp_path: Path, length: float) -> None:
    source = save(tmp_path / "a.wav", chord_loop(12))
    result = extend(source, tmp_path / "b.wav", length, ending="loop")
    assert result.ending == "loops"
    assert result.facts.frames / RATE == pytest.approx(length, abs=0.35 * length)
    assert result.facts.frames / RATE / 2 == pytest.approx(round(result.facts.frames / RATE / 2), abs=0.005)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs another decoder: ffmpeg")
@pytest.mark.parametrize(("suffix", "most"), [("wav", 1.05), ("flac", 1.05), ("ogg", 1.5)])
def test_another_decoder_plays_it_round_without_a_step(tmp_path: Path, suffix: str, most: float) -> None:
    source = save(tmp_path / f"a.{suffix}", stereo(chord_loop(12)))
    result = extend(source, tmp_path / f"b.{suffix}", 10, ending="loop")
    command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / f"b.{suffix}"), "-f", "f32le", "-ac", "1", "-"]
    decoded = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    once = np.frombuffer(decoded, np.float32)
    assert len(once) == result.facts.frames
    turn = np.concatenate([once[-60:], once[:60]])
    assert np.abs(np.diff(turn)).max() <= most * np.abs(np.diff(once)).max()
