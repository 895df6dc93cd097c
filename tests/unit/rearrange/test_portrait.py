"""What a file looks like, in columns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fermata_mcp.rearrange.portrait import PITCHES, main, portrait

RATE = 22050


def tones(path: Path, *frequencies: float, seconds: float = 4.0) -> Path:
    """A file with these tones, one after another, so many seconds each."""
    time = np.arange(round(seconds * RATE)) / RATE
    soundfile.write(path, np.concatenate([0.5 * np.sin(2 * np.pi * f * time) for f in frequencies]), RATE)
    return path


@pytest.mark.parametrize(("frequency", "pitch"), [(440.0, "A"), (261.63, "C"), (1479.98, "F#")])
def test_a_tone_is_bright_in_its_row(frequency: float, pitch: str, tmp_path: Path) -> None:
    seen = portrait(tones(tmp_path / "tone.wav", frequency))
    rows = np.array(seen.chroma)
    assert set(rows.argmax(0).tolist()) == {PITCHES.index(pitch)}


def test_columns_are_in_the_order_of_time(tmp_path: Path) -> None:
    rows = np.array(portrait(tones(tmp_path / "two.flac", 440, 261.63)).chroma)
    half = rows.shape[1] // 2
    assert set(rows[:, : half - 1].argmax(0).tolist()) == {PITCHES.index("A")}
    assert set(rows[:, half + 1 :].argmax(0).tolist()) == {PITCHES.index("C")}


def test_the_waveform_reaches_what_the_samples_reach(tmp_path: Path) -> None:
    seen = portrait(tones(tmp_path / "tone.wav", 440))
    assert seen.seconds == pytest.approx(4)
    assert (min(seen.low), max(seen.high)) == pytest.approx((-0.5, 0.5), abs=0.01)
    assert len(seen.low) == len(seen.high) >= 1000


@pytest.mark.parametrize("frames", [1, 100, 3000])
def test_the_shortest_file(frames: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", np.full(frames, 0.25), RATE)
    seen = portrait(tmp_path / "short.wav")
    assert len(seen.chroma) == 12
    assert max(seen.high) == pytest.approx(0.25)


def test_silence_is_dark(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    assert max(map(max, portrait(tmp_path / "silence.wav").chroma)) < 0.05


def test_a_long_file_has_no_more_columns_than_a_picture(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.flac", np.zeros(8000 * 600), 8000)
    assert len(portrait(tmp_path / "long.flac").chroma[0]) == 800


def test_as_a_process_would_tell_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tones(tmp_path / "tone.wav", 440))]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"seconds", "low", "high", "chroma"}
    (tmp_path / "no.wav").write_bytes(b"no")
    assert main([str(tmp_path / "no.wav")]) == 1
    assert capsys.readouterr().err.startswith("not_audio: ")
