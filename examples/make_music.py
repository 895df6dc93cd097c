"""Makes the example track: four bars of drums, bass and chords, and a last chord that rings out.

    python examples/make_music.py [folder]

Every sound is computed here, so the track belongs to nobody else. The same files come out every time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile

RATE = 44100
BEAT = 60 / 132  # seconds
BARS = 4
CHORDS = ((57, 60, 64), (60, 64, 67), (53, 57, 60), (55, 59, 62))  # Am C F G, half a bar each, as MIDI notes
BASS = (0, 0, 12, 0)  # half-steps over the root, one per eighth
NOISE = np.random.default_rng(1)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    music = groove()
    for suffix in (".wav", ".flac", ".ogg", ".mp3"):
        write(folder / f"groove{suffix}", music)


def groove() -> np.ndarray:
    """[samples, 2] the whole track, at -1 dB."""
    music = np.zeros((int((BARS * 4 * BEAT + 1.2) * RATE), 2))
    for half in range(2 * BARS):
        half_bar(music, half * 2 * BEAT, CHORDS[half % 4], last=half == 2 * BARS - 1)
    ending(music, BARS * 4 * BEAT)
    return 0.89 * music / np.abs(music).max()


def half_bar(music: np.ndarray, start: float, chord: tuple[int, ...], last: bool) -> None:
    for eighth in range(4):
        at = start + eighth * BEAT / 2
        place(music, at, hat(), 0.22 if eighth % 2 else 0.12, pan=0.3)
        place(music, at, pluck(chord[0] - 24 + BASS[eighth], 0.22, 6), 0.5)
        if last:
            place(music, at + BEAT / 4, snare(), 0.3, pan=-0.2)
    place(music, start, kick(), 0.9)
    place(music, start + BEAT, snare(), 0.6)
    for voice, note in enumerate(chord):
        for offset, loudness in ((0.0, 0.2), (0.75, 0.14), (1.5, 0.16)):
            place(music, start + offset * BEAT, pluck(note, 0.5, 4), loudness, pan=(voice - 1) * 0.6)


def ending(music: np.ndarray, at: float) -> None:
    place(music, at, kick(), 0.9)
    for voice, note in enumerate((45, 57, 60, 64, 69)):
        place(music, at, pluck(note, 1.1, 5), 0.28, pan=(voice - 2) * 0.3)


def place(music: np.ndarray, seconds: float, sound: np.ndarray, loudness: float, pan: float = 0.0) -> None:
    """Mix a mono sound in; pan from -1 (left) to 1 (right)."""
    start = int(seconds * RATE)
    sound = sound[: len(music) - start]
    sides = np.sqrt([(1 - pan) / 2, (1 + pan) / 2])
    music[start : start + len(sound)] += loudness * sound[:, None] * sides


def pluck(note: int, seconds: float, harmonics: int) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    pitch = 440 * 2 ** ((note - 69) / 12)
    tone = sum(np.sin(2 * np.pi * pitch * k * time) * np.exp(-time * (3 + 2 * k)) / k for k in range(1, harmonics + 1))
    return tone * soft_edges(len(time))


def kick() -> np.ndarray:
    time = np.arange(int(0.25 * RATE)) / RATE
    return np.sin(2 * np.pi * (50 * time - 8 * np.exp(-time * 30) / np.pi)) * np.exp(-time * 14) * soft_edges(len(time))


def snare() -> np.ndarray:
    time = np.arange(int(0.18 * RATE)) / RATE
    body = np.sin(2 * np.pi * 190 * time) * np.exp(-time * 30)
    return (NOISE.standard_normal(len(time)) * 0.4 * np.exp(-time * 22) + body * 0.6) * soft_edges(len(time))


def hat() -> np.ndarray:
    time = np.arange(int(0.06 * RATE)) / RATE
    return np.diff(NOISE.standard_normal(len(time) + 1)) * np.exp(-time * 70) * soft_edges(len(time))


def soft_edges(size: int) -> np.ndarray:
    edge = np.ones(size)
    edge[:44] = np.linspace(0, 1, 44)
    edge[-441:] = np.linspace(1, 0, 441)
    return edge


def write(path: Path, music: np.ndarray) -> None:
    with soundfile.SoundFile(str(path), "w", RATE, music.shape[1]) as file:
        for start in range(0, len(music), 65536):
            file.write(music[start : start + 65536])


if __name__ == "__main__":
    main()
