"""The true length of MP3 files that do not tell it.

A variable-rate file without a Xing, Info or VBRI frame has no length in its header, and decoders guess it from the
first frames. Walking over the frames' headers gives it exactly; a Xing frame put in front tells the decoder.
Layout: ISO/IEC 11172-3 and 13818-3, and the Xing header as LAME documents it.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version
_KBPS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_LARGEST_FRAME = 1441  # bytes
_TOLD_BY = (b"Xing", b"Info", b"VBRI")


@dataclass(frozen=True)
class Untold:
    """An MP3 file whose length is not in its header: where its first frame starts, and what all hold together."""

    start: int
    frames: int
    samples: int


@dataclass(frozen=True)
class _Frame:
    size: int
    samples: int
    side: int  # bytes between the frame's header and where a Xing header would stand


def untold_length(path: Path) -> Untold | None:
    """Count the frames of an MP3 file; None if its header tells the length, or if it is no plain MP3."""
    start, first_bytes = _beginning(path)
    first = _frame(first_bytes, 0)
    if first is None or any(mark in first_bytes[: first.size] for mark in _TOLD_BY):
        return None
    data, at, frames = path.read_bytes(), start, 0
    while (at := _synced(data, at)) >= 0:
        frame = _frame(data, at)
        assert frame is not None
        at, frames = at + frame.size, frames + 1
    return Untold(start, frames, frames * first.samples) if frames > 1 else None


def is_cut_short(path: Path) -> bool:
    """Whether the file has fewer bytes than its Xing or Info header says; without one nothing is promised."""
    start, data = _beginning(path)
    first = _frame(data, 0)
    if first is None:
        return False
    head = data[4 + first.side :][:16]
    flags = int.from_bytes(head[4:8], "big")
    if head[:4] not in _TOLD_BY[:2] or not flags & 2:
        return False
    # The number of frames stands before that of bytes, if both do.
    told = int.from_bytes(head[12:16] if flags & 1 else head[8:12], "big")
    return path.stat().st_size - start < told


def with_length(path: Path, untold: Untold) -> io.BytesIO:
    """The file with a Xing frame in front that tells its length."""
    data = path.read_bytes()[untold.start :]
    first = _frame(data, 0)
    assert first is not None
    told = b"Xing" + struct.pack(">II", 1, untold.frames)
    head = bytearray(data[:4])
    head[1] |= 1  # no checksum
    size = first.size
    while first.side + 4 + len(told) > size:  # too small a frame for the header: a higher rate makes it bigger
        head[2] += 0x10
        bigger = _frame(bytes(head), 0)
        assert bigger is not None
        size = bigger.size
    frame = bytes(head) + bytes(first.side) + told
    return io.BytesIO(frame.ljust(size, b"\0") + data)


def _beginning(path: Path) -> tuple[int, bytes]:
    """Where the first frame should start, and the bytes from there that hold it whole."""
    with path.open("rb") as file:
        start = _after_id3(file.read(10))
        file.seek(start)
        return start, file.read(_LARGEST_FRAME)


def _after_id3(data: bytes) -> int:
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size


def _synced(data: bytes, at: int) -> int:
    """Where from `at` on the next whole frame starts, -1 if nowhere; what lies between is skipped as decoders do."""
    skipped = False
    while at >= 0:
        frame = _frame(data, at)
        end = at + frame.size if frame is not None else len(data) + 1
        if end == len(data) or (end < len(data) and not (skipped and _frame(data, end) is None)):
            return at
        skipped = True
        at = data.find(b"\xff", at + 1)
    return -1


def _frame(data: bytes, at: int) -> _Frame | None:
    """The layer III frame whose header stands at `at`, or None."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE6 != 0xE2:
        return None
    version, rate_index, rate_code = data[at + 1] >> 3 & 3, data[at + 2] >> 2 & 3, data[at + 2] >> 4
    if version == 1 or rate_index == 3 or rate_code in (0, 15):
        return None
    first = version == 3
    kbps = (_KBPS_1 if first else _KBPS_2)[rate_code]
    size = (144000 if first else 72000) * kbps // _RATES[version][rate_index] + (data[at + 2] >> 1 & 1)
    mono = data[at + 3] >> 6 == 3
    side = (17 if mono else 32) if first else (9 if mono else 17)
    return _Frame(size, 1152 if first else 576, side)
