"""Tempo, key and metre of made-up music are heard; of what has none, nothing is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from fermata_mcp.media.facts import MusicFacts
from fermata_mcp.media.hearing.listen import listen
from fermata_mcp.media.hearing.tonality import NAMES

HZ, SECONDS = 44_100, 24.0
# Degrees of a scale, in semitones from its keynote: I IV V I, and the same in minor.
CHORDS = {
    "major": ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)),
    "minor": ((0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7)),
}


def band(bpm: float, tonic: int, mode: str, beats: int = 4, seed: int = 1) -> Any:
    """Chords that change with each bar, over a click that is loudest on its first beat, in a little noise."""
    dice = np.random.default_rng(seed)
    time = np.arange(round(SECONDS * HZ)) / HZ
    beat = time * bpm / 60
    bar = (beat // beats).astype(int)
    sound = 0.01 * dice.standard_normal(len(time))
    for place, chord in enumerate(CHORDS[mode]):
        for note in chord:
            for octave in (0.5, 1, 2):
                hz = 220 * octave * 2 ** ((tonic + note) / 12)
                sound += (bar % 4 == place) * 0.05 / octave * np.sin(2 * np.pi * hz * time)
    strength = np.where((beat // 1) % beats == 0, 1.0, 0.45)
    sound += strength * 0.5 * np.exp(-(beat % 1) * 60 / bpm * 40) * dice.standard_normal(len(time))
    return 0.5 * sound


def heard(folder: Path, sound: Any) -> MusicFacts:
    soundfile.write(folder / "a.wav", np.clip(sound, -1, 1), HZ)
    return listen(folder / "a.wav")


@pytest.mark.parametrize(("bpm", "beats"), [(72, 4), (92, 4), (96, 3), (120, 4), (128, 4), (150, 3)])
def test_tempo_and_metre(bpm: int, beats: int, tmp_path: Path) -> None:
    found = heard(tmp_path, band(bpm, 5, "major", beats))
    assert found.bpm is not None
    assert min(abs(found.bpm - bpm * part) for part in (0.5, 1, 2)) <= 1
    assert found.beats in (str(beats), None)


@pytest.mark.parametrize("mode", CHORDS)
@pytest.mark.parametrize("tonic", range(0, 12, 2))
def test_every_key(tonic: int, mode: str, tmp_path: Path) -> None:
    assert heard(tmp_path, band(100, tonic, mode)).key == f"{NAMES[tonic]} {mode}"


@pytest.mark.parametrize("what", ["noise", "silence", "a tone", "short"])
def test_what_has_none_is_told_none(what: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(3).standard_normal(round(SECONDS * HZ))
    tone = np.sin(np.arange(len(noise)) / 20)
    sound = {"noise": 0.1 * noise, "silence": 0 * noise, "a tone": 0.3 * tone, "short": 0.1 * noise[:4000]}[what]
    found = heard(tmp_path, sound)
    assert (found.bpm, found.beats) == (None, None)
    assert found.key is None or what == "a tone"
