"""Sounds with a known structure, and how to save and load them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import soundfile

from fermata_mcp.rearrange.job import Job, Result
from fermata_mcp.rearrange.lengthen import lengthen

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Sound: TypeAlias = NDArray[Any]

RATE = 22050
_CHORDS = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))


def clicks(seconds: float, period: float, rate: int = RATE) -> Sound:
    """[samples] short bursts of falling pitch every `period` seconds, over faint noise."""
    sound = noise(seconds, rate) * 0.01
    time = np.arange(int(0.03 * rate)) / rate
    burst = np.sin(2 * np.pi * 900 * time) * np.exp(-time * 150)
    for at in np.arange(0, seconds, period):
        start = round(float(at) * rate)
        part = burst[: len(sound) - start]
        sound[start : start + len(part)] += 0.7 * part
    return sound


def chord(index: int, seconds: float, rate: int = RATE) -> Sound:
    """[samples] one of four chords, plucked."""
    time = np.arange(round(seconds * rate)) / rate
    pitches = [440 * 2 ** ((note - 69) / 12) for note in _CHORDS[index % 4]]
    tone = np.sum([np.sin(2 * np.pi * pitch * time) for pitch in pitches], axis=0)
    return 0.25 * tone * np.exp(-2.5 * time) * np.minimum(1, time * 400)


def chord_loop(bars: int, bar: float = 2.0, rate: int = RATE) -> Sound:
    """[samples] four chords over and over, half a second each when a bar lasts two, with clicks on the beat."""
    beat = bar / 4
    music = np.concatenate([chord(i, beat, rate) for i in range(4 * bars)])
    return music + 0.3 * clicks(len(music) / rate, beat, rate)[: len(music)]


def form(sections: str, seconds: float = 4.0, rate: int = RATE) -> Sound:
    """[samples] one section of its own melody and rhythm for each letter; equal letters sound equal."""
    return np.concatenate([_section(letter, seconds, rate) for letter in sections])


def _section(letter: str, seconds: float, rate: int) -> Sound:
    rng = np.random.default_rng(ord(letter))
    beat = seconds / 8
    notes = [chord(int(rng.integers(4)), beat, rate) * (0.6 + 0.8 * rng.random()) for _ in range(8)]
    lead = 220 * 2 ** (rng.integers(0, 24) / 12)
    section = np.concatenate(notes)
    return section + 0.1 * np.sin(2 * np.pi * lead * np.arange(len(section)) / rate)


def noise(seconds: float, rate: int = RATE) -> Sound:
    """[samples] white noise at -20 dB."""
    return 0.1 * np.random.default_rng(7).standard_normal(int(seconds * rate))


def stereo(left: Sound, right: Sound | None = None) -> Sound:
    return np.stack([left, left * 0.8 if right is None else right], 1)


def save(path: Path, sound: Sound, rate: int = RATE, subtype: str | None = None) -> Path:
    """Write in blocks, because long ogg writes crash libsndfile."""
    data = sound if sound.ndim == 2 else sound[:, None]
    with soundfile.SoundFile(str(path), "w", rate, data.shape[1], subtype=subtype) as file:
        for start in range(0, len(data), 65536):
            file.write(data[start : start + 65536])
    return path


def load(path: Path, kind: Any = "float64") -> Sound:
    """[samples, channels]."""
    return np.asarray(soundfile.read(str(path), dtype=kind, always_2d=True)[0])


def extend(source: Path, target: Path, length: float, **job: Any) -> Result:
    return lengthen(Job(source, target, length, **job), lambda _share, _message: None)


def untouched_frames(result: Result) -> int:
    """Frames before the first crossfade, at least."""
    first = result.seams[0]
    return int((first.at - first.crossfade_ms / 1000) * result.facts.sample_rate) - 1
