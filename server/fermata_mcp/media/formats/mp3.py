"""The true length of MP3 files that do not tell it.

A variable-rate file without a Xing, Info or VBRI frame has no length in its header, and decoders guess it from the
first frames; where files were put behind one another, the first one's length is told. Walking over the frames' headers
gives it exactly; a Xing frame put in front tells the decoder.
Layout: ISO/IEC 11172-3 and 13818-3, and the Xing header as LAME documents it.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from .pieces import Part, Stretch

if TYPE_CHECKING:
    from mmap import mmap
    from pathlib import Path

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version
_KBPS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_LARGEST_FRAME = 1441  # bytes
_TOLD_BY = (b"Xing", b"Info", b"VBRI")
_FRAME_SAMPLES = 1152
_SYNC = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")
_MOST_SKIPPED = 16 << 20  # bytes: pictures in tags between two files are large


@dataclass(frozen=True)
class Walked:
    """What walking over the frames of an MP3 file found.

    Attributes:
        head: The first frame's header, which a frame of our own in front repeats.
        stretches: Where its frames are, without those that only tell how many there are.
        frames, samples: How many of them.
        told: Samples that the header promises; None where it promises nothing.
    """

    head: bytes
    stretches: tuple[Stretch, ...]
    frames: int
    samples: int
    told: int | None


@dataclass(frozen=True)
class _Frame:
    size: int
    samples: int
    side: int  # bytes between the frame's header and where a Xing header would stand


def parts_of(data: mmap, size: int) -> tuple[Part, ...]:
    """The frames of an MP3 file as one run; none where it does not begin with a frame."""
    found = _walked(data, after_id3(data[:10]), size)
    if found is None:
        return ()
    if found.told is not None and abs(found.told - found.samples) <= _FRAME_SAMPLES:
        return (Part(None, found.told, None, "sure"),)
    return (Part((_telling(found), *found.stretches), found.told, found.samples, "sure"),)


def part_within(data: mmap, start: int, stop: int) -> Part | None:
    """The frames that another container holds between two places, as a run of their own; None where there are none."""
    found = _walked(data, start, stop)
    return None if found is None else Part((_telling(found), *found.stretches), found.told, found.samples, "sure")


def measured(data: mmap, stop: int, seconds: float) -> tuple[int, float, bool] | None:
    """Bytes of the frames up to `seconds`, how long they last, and whether all have the same rate; None for no MP3."""
    at = after_id3(data[:10])
    first = _frame(data, at)
    if first is None:
        return None
    head = bytes(data[at : at + 4])
    rate = _RATES[head[1] >> 3 & 3][head[2] >> 2 & 3]
    at += first.size if _tells(data, at, first) else 0
    size, frames, codes = 0, 0, set[int]()
    while frames * first.samples < seconds * rate and (at := _synced(data, at, head, stop)) >= 0:
        frame = _frame(data, at)
        assert frame is not None
        if not _tells(data, at, frame):
            size, frames = size + frame.size, frames + 1
            codes.add(data[at + 2] >> 4)
        at += frame.size
    return (size, frames * first.samples / rate, len(codes) == 1) if frames > 1 else None


def _walked(data: mmap, start: int, stop: int) -> Walked | None:
    first = _frame(data, start)
    if first is None:
        return None
    head = bytes(data[start : start + 4])
    told, at = _told(data, start, first), start
    if _tells(data, start, first):
        at += first.size
    stretches: list[Stretch] = []
    frames, begun = 0, at
    while (next_at := _synced(data, at, head, stop)) >= 0:
        frame = _frame(data, next_at)
        assert frame is not None
        tells = _tells(data, next_at, frame)
        if next_at != at or tells:
            stretches.append(Stretch(begun, at))
            begun = next_at + frame.size if tells else next_at
        at, frames = next_at + frame.size, frames + (not tells)
    stretches.append(Stretch(begun, at))
    kept = tuple(stretch for stretch in stretches if len(stretch))
    return Walked(head, kept, frames, frames * first.samples, told) if frames > 1 else None


def _tells(data: mmap, at: int, frame: _Frame) -> bool:
    """Whether the frame holds no sound, but how many frames there are."""
    return data[at + 4 + frame.side : at + 8 + frame.side] in _TOLD_BY[:2] or data[at + 36 : at + 40] == _TOLD_BY[2]


def _told(data: mmap, at: int, frame: _Frame) -> int | None:
    head = data[at + 4 + frame.side : at + 16 + frame.side]
    if head[:4] in _TOLD_BY[:2] and head[7] & 1:
        return int.from_bytes(head[8:12], "big") * frame.samples
    if data[at + 36 : at + 40] == _TOLD_BY[2]:
        return int.from_bytes(data[at + 50 : at + 54], "big") * frame.samples
    return None


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


def _telling(walked: Walked) -> bytes:
    """A Xing frame that tells the length, to be put in front."""
    first = _frame(walked.head, 0)
    assert first is not None
    told = b"Xing" + struct.pack(">II", 1, walked.frames)
    head = bytearray(walked.head)
    head[1] |= 1  # no checksum
    size = first.size
    while first.side + 4 + len(told) > size:  # too small a frame for the header: a higher rate makes it bigger
        head[2] += 0x10
        bigger = _frame(bytes(head), 0)
        assert bigger is not None
        size = bigger.size
    frame = bytes(head) + bytes(first.side) + told
    return frame.ljust(size, b"\0")


def _beginning(path: Path) -> tuple[int, bytes]:
    """Where the first frame should start, and the bytes from there that hold it whole."""
    with path.open("rb") as file:
        start = after_id3(file.read(10))
        file.seek(start)
        return start, file.read(_LARGEST_FRAME)


def after_id3(data: bytes) -> int:
    """Bytes that an ID3 tag takes, by the first ten of a file; 0 where it has none."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size


def _synced(data: mmap, at: int, like: bytes, size: int) -> int:
    """Where from `at` on the next whole frame of the same kind starts, -1 if nowhere; what lies between is skipped."""
    skipped, furthest = False, at + _MOST_SKIPPED
    while 0 <= at <= furthest:
        frame = _frame(data, at) if _same_kind(data, at, like) else None
        end = at + frame.size if frame is not None else size + 1
        if end == size or (end < size and not (skipped and _frame(data, end) is None)):
            return at
        skipped = True
        found = _SYNC.search(data, at + 1)
        at = -1 if found is None else found.start()
    return -1


def _same_kind(data: mmap, at: int, like: bytes) -> bool:
    """Whether version, layer and sample rate are the same: a decoder cannot change them within a file."""
    head = data[at : at + 4]
    return len(head) == 4 and not (head[1] ^ like[1]) & 0x1E and not (head[2] ^ like[2]) & 0x0C


def _frame(data: bytes | mmap, at: int) -> _Frame | None:
    """The layer III frame whose header stands at `at`, or None."""
    if at + 4 > len(data) or data[at] != 0xFF:
        return None
    return _shape(data[at + 1], data[at + 2], data[at + 3] >> 6 == 3)


@cache
def _shape(second: int, third: int, mono: bool) -> _Frame | None:
    """What the second and third byte of a header say; there are few that differ."""
    version, rate_index, rate_code = second >> 3 & 3, third >> 2 & 3, third >> 4
    if second & 0xE6 != 0xE2 or version == 1 or rate_index == 3 or rate_code in (0, 15):
        return None
    first = version == 3
    kbps = (_KBPS_1 if first else _KBPS_2)[rate_code]
    size = (144000 if first else 72000) * kbps // _RATES[version][rate_index] + (third >> 1 & 1)
    side = (17 if mono else 32) if first else (9 if mono else 17)
    return _Frame(size, 1152 if first else 576, side)
