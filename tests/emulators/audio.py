"""Real audio of an exact length, made when somebody downloads it.

A sound is a recipe: pieces of origins. The same second of the same origin is the same samples in every recipe, so a
lengthened track begins with exactly what it was made from.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 22050
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Piece:
    """Frames `start` to `stop` of an origin."""

    origin: str
    start: int
    stop: int


Recipe = tuple[Piece, ...]


def frames(seconds: float) -> int:
    return round(seconds * RATE)


def origin(name: str, seconds: float) -> Recipe:
    """The first seconds of the endless sound called `name`."""
    return (Piece(name, 0, frames(seconds)),)


def length(recipe: Recipe) -> float:
    """Seconds."""
    return sum(piece.stop - piece.start for piece in recipe) / RATE


def until(recipe: Recipe, seconds: float) -> Recipe:
    """The beginning of a recipe."""
    left, kept = frames(seconds), list[Piece]()
    for piece in recipe:
        taken = min(left, piece.stop - piece.start)
        if taken > 0:
            kept.append(Piece(piece.origin, piece.start, piece.start + taken))
        left -= taken
    return tuple(kept)


class Studio:
    """Origins that were uploaded, besides the endless ones that exist by their name."""

    def __init__(self) -> None:
        self._uploaded: dict[str, Samples] = {}

    def keep(self, name: str, data: bytes) -> Recipe:
        """Take an audio file in. Raises soundfile.LibsndfileError where it is none."""
        read: Any = soundfile.read  # pyright: ignore[reportUnknownMemberType]
        samples, rate = read(io.BytesIO(data), dtype="float32", always_2d=True)
        self._uploaded[name] = brought(samples, rate)
        return (Piece(name, 0, len(self._uploaded[name])),)

    def samples(self, recipe: Recipe) -> Samples:
        parts = [self._origin(piece.origin, piece.stop)[piece.start : piece.stop] for piece in recipe]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def render(self, recipe: Recipe, extension: str) -> bytes:
        """The bytes of a file of that kind (mp3, wav, flac)."""
        return encoded(self.samples(recipe).tobytes(), extension)

    def _origin(self, name: str, stop: int) -> Samples:
        return self._uploaded[name] if name in self._uploaded else _endless(name, stop)


def brought(samples: Any, rate: int) -> Samples:
    """[frames, channels] of that rate as one channel at `RATE`."""
    mono: Samples = samples.mean(axis=1, dtype=np.float32)
    places = np.arange(round(len(mono) * RATE / rate)) * (rate / RATE)
    return np.asarray(np.interp(places, np.arange(len(mono)), mono), np.float32)


@lru_cache(maxsize=16)
def encoded(samples: bytes, extension: str) -> bytes:
    out = io.BytesIO()
    write: Any = soundfile.write  # pyright: ignore[reportUnknownMemberType]
    subtype = {} if extension == "mp3" else {"subtype": "PCM_16"}
    write(out, np.frombuffer(samples, np.float32), RATE, format=extension.upper(), **subtype)
    return out.getvalue()


@lru_cache(maxsize=16)
def _endless(name: str, stop: int) -> Samples:
    """A melody of its own for each name, half a second a note, over a little noise."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    note = RATE // 2
    notes = [_note(seed, index) for index in range(stop // note + 1)]
    noise = np.random.default_rng(seed).standard_normal(stop) * 0.01
    return (np.concatenate(notes)[:stop] + noise).astype(np.float32)


def _note(seed: int, index: int) -> Samples:
    """A chord that swells and fades, on a step of the scale that the name and the place choose."""
    chance = np.random.default_rng([seed & 0xFFFFFFFF, seed >> 32, index])
    time = np.arange(RATE // 2) / RATE
    swell = np.sin(np.pi * time * 2) * chance.uniform(0.4, 1.0)
    root = 110 * 2 ** (chance.integers(0, 30) / 12)
    phases = chance.uniform(0, 2 * np.pi, 3)
    tones = [
        np.sin(2 * np.pi * root * 2 ** (step / 12) * time + at) for step, at in zip((0, 4, 7), phases, strict=True)
    ]
    return (0.15 * swell * sum(tones)).astype(np.float32)
