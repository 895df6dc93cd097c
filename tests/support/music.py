"""Small audio files."""

from __future__ import annotations

import wave
from pathlib import Path

RATE = 8000


def silence(path: Path, seconds: float = 4.0) -> Path:
    """A mono 16-bit wav file at `path`."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(bytes(2 * round(seconds * RATE)))
    return path
