"""What a file looks like: its waveform and its chroma, in as many columns as a picture has room for.

Decodes a file, so it is a process of its own: `python -m fermata_mcp.rearrange.portrait FILE` writes it as JSON.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.domain.errors import FermataError
from fermata_mcp.media.audio import open_audio

from .features.spectra import chroma_weights, power_spectra

if TYPE_CHECKING:
    from .samples import F32

PITCHES = ("A", "A#", "B", "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#")
_MOST_COLUMNS = 800
_FINEST_SECONDS = 0.125  # a column of chroma; pitch needs that long to be told
_PEAKS = 1600
_WINDOW, _HOP = 4096, 2048


@dataclass(frozen=True)
class Portrait:
    """A file in columns of equal length.

    Attributes:
        seconds: Its length.
        low: [peaks] the lowest sample of each, -1 to 1, over all channels.
        high: [peaks] the highest.
        chroma: [12][columns] how much of each pitch class, from A on, sounds; 1 is the most in its column.
    """

    seconds: float
    low: list[float]
    high: list[float]
    chroma: list[list[float]]


def portrait(path: Path) -> Portrait:
    """Decode the file once, a column at a time. Raises as `media.audio.open_audio` does."""
    with open_audio(path) as given:
        rate = given.samplerate
        columns = max(1, min(_MOST_COLUMNS, math.ceil(given.frames / rate / _FINEST_SECONDS)))
        edges = np.linspace(0, given.frames, columns + 1).round().astype(int)
        low, high, chroma = list[float](), list[float](), list["F32"]()
        for length in np.diff(edges):
            block = np.nan_to_num(given.read(int(length), "float32", True))
            for part in np.array_split(block, math.ceil(_PEAKS / columns)):
                low.append(float(part.min(initial=0.0)))
                high.append(float(part.max(initial=0.0)))
            chroma.append(_chroma(block.mean(1) if len(block) else np.zeros(1, np.float32), rate))
        return Portrait(
            given.frames / rate, _rounded(low), _rounded(high), [_rounded(row) for row in np.array(chroma).T]
        )


def _chroma(mono: F32, rate: int) -> F32:
    """[12] of one column."""
    found = power_spectra(mono.astype(np.float32), _WINDOW, _HOP, chroma_weights(_WINDOW, rate), roots=1).mean(0)
    return found / max(float(found.max()), 1e-3)


def _rounded(values: list[float] | F32) -> list[float]:
    return [round(float(value), 3) for value in values]


def main(words: list[str]) -> int:
    try:
        json.dump(asdict(portrait(Path(words[0]))), sys.stdout)
    except (FermataError, OSError) as error:
        sys.stderr.write(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
