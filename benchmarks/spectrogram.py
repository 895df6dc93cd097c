"""Draws the spectrogram around a join, to look at what the judge found.

    .venv/bin/python benchmarks/spectrogram.py RESULT AT PICTURE.png [--seconds S] [--original FILE --from S --to S]

With the original, three rows: the result around AT, and the original around the places it left and entered. The middle
line of each row is the place. Time runs to the right, pitch upwards (log, 40 Hz to 16 kHz), 80 dB from black to white.
"""

from __future__ import annotations

import argparse
import struct
import zlib
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import soundfile
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

WIDTH, HEIGHT = 1200, 300  # pixels of one row
_WINDOW = 4096  # samples
_RANGE = 80.0  # dB
_LOWEST, _HIGHEST = 40.0, 16000.0  # Hz
_STOPS = np.array([[0, 0, 0], [60, 20, 110], [190, 55, 80], [250, 160, 30], [255, 255, 220]], float)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("result", type=Path)
    parser.add_argument("at", type=float, help="seconds in the result")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--seconds", type=float, default=8.0, help="shown in all")
    parser.add_argument("--original", type=Path)
    parser.add_argument("--from", type=float, dest="left", help="seconds in the original where the join leaves it")
    parser.add_argument("--to", type=float, dest="entered", help="and where it goes on")
    args = parser.parse_args()
    rows = [row(args.result, args.at, args.seconds)]
    rows += [row(args.original, place, args.seconds) for place in (args.left, args.entered) if place is not None]
    gap = np.full((6, WIDTH, 3), 255, np.uint8)
    args.picture.write_bytes(png(np.concatenate([part for one in rows for part in (one, gap)][:-1])))


def row(path: Path, at: float, seconds: float) -> Array:
    """[HEIGHT, WIDTH, 3] picture of the sound around second `at`."""
    decibels, rate = spectrogram(path, at, seconds)
    edges = np.geomspace(_LOWEST, min(_HIGHEST, rate / 2), HEIGHT)[::-1]
    bins = np.clip(np.round(edges * _WINDOW / rate).astype(int), 0, decibels.shape[1] - 1)
    shades = np.clip(1 + (decibels[:, bins].T - decibels.max()) / _RANGE, 0, 1)
    picture = coloured(shades)
    picture[::8, WIDTH // 2] = 255
    picture[:12, WIDTH // 2 - 1 : WIDTH // 2 + 2] = (80, 255, 80)
    return picture


def spectrogram(path: Path, at: float, seconds: float) -> tuple[Array, int]:
    """[WIDTH, bins] dB, and the sample rate; silence outside the file."""
    with soundfile.SoundFile(str(path)) as file:
        rate = file.samplerate
        half = round(seconds / 2 * rate) + _WINDOW // 2
        first = round(at * rate) - half
        file.seek(min(max(0, first), file.frames))
        read = file.read(max(0, first + 2 * half - max(0, first)), dtype="float32", always_2d=True)
    before = max(0, -first)
    mono: Array = np.pad(read.mean(axis=1), (before, 2 * half - before - len(read)))
    starts = np.linspace(0, len(mono) - _WINDOW, WIDTH).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(mono, _WINDOW)[starts]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)))
    return 10 * np.log10(power + 1e-9), rate


def coloured(shades: Array) -> Array:
    """[..., 3] colours of shades 0..1."""
    stops = np.linspace(0, 1, len(_STOPS))
    return np.stack([np.interp(shades, stops, _STOPS[:, i]) for i in range(3)], axis=-1).astype(np.uint8)


def png(picture: Array) -> bytes:
    """The bytes of a PNG file of [height, width, 3] 8-bit colours."""
    height, width, _ = picture.shape
    lines = b"".join(b"\0" + line.tobytes() for line in picture)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


if __name__ == "__main__":
    main()
