"""How many bits a second a compressed file really spends, counted in its frames and pages: headers only promise.

Tags and covers are not counted, and neither is what a header says.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fermata_mcp.media.formats import mp3, ogg

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Spent:
    """What the frames of a file come to.

    Attributes:
        kbps: Kilobits a second, on average over the stretch that was asked for.
        steady: Whether every frame spends the same.
    """

    kbps: float
    steady: bool = False


def spent(path: Path, seconds: float = float("inf")) -> Spent | None:
    """What the first `seconds` of an MP3 or Ogg file spend; None for other kinds, and for what cannot be read."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _counted(data, seconds)
    except (OSError, ValueError):
        return None


def _counted(data: mmap.mmap, seconds: float) -> Spent | None:
    for room in (ogg, mp3):
        if found := room.measured(data, len(data), seconds):
            size, lasting, steady = found
            return Spent(size * 8 / lasting / 1000, steady)
    return None
