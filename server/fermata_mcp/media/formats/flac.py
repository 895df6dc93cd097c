"""How long a FLAC file is by its last frame, which was written when the length was known.

Layout: RFC 9639.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .pieces import Part, Stretch

if TYPE_CHECKING:
    from mmap import mmap

_START = b"fLaC\x00\x00\x00\x22"
_INFO = 8  # bytes before the 34 of STREAMINFO
_HEADER = _INFO + 34
_FURTHEST = 1 << 20  # bytes before the end in which the last frame is looked for
_MOST_TRIES = 16
_SMALLEST_FRAME = 9  # bytes: silence
_LARGEST_FRAME = 1 << 17  # where the file does not tell its own
_MOST_PARTS = 1000
_ID3V1 = 128


def parts_of(data: mmap, size: int) -> tuple[Part, ...]:
    """The streams in a FLAC file; none where it does not begin with one."""
    if data[: len(_START)] != _START:
        return ()
    starts = [0]
    while len(starts) < _MOST_PARTS and (at := data.find(_START, starts[-1] + _HEADER)) >= 0:
        starts.append(at)
    stops = [*starts[1:], size]
    return tuple(_part(data, start, stop, size) for start, stop in zip(starts, stops, strict=True))


def retold(data: mmap, part: Part, frames: int, size: int) -> Part:
    """The same stream, which is a stretch of the file or all of it, with a header that says how many frames it has."""
    whole = part.pieces[0] if part.pieces else Stretch(0, size)
    assert isinstance(whole, Stretch)
    info = bytearray(data[whole.start : whole.start + _HEADER])
    info[21] = info[21] & 0xF0 | frames >> 32 & 0x0F
    info[22:26] = (frames & 0xFFFFFFFF).to_bytes(4, "big")
    pieces = (bytes(info), Stretch(whole.start + _HEADER, whole.stop))
    return Part(pieces, part.told, frames, "sure")


def _part(data: mmap, start: int, stop: int, size: int) -> Part:
    info = bytes(data[start + _INFO : start + _HEADER])
    told = (info[13] & 0x0F) << 32 | int.from_bytes(info[14:18], "big") if len(info) == 34 else 0
    pieces = None if (start, stop) == (0, size) else (Stretch(start, stop),)
    plain = Part(pieces, told or None)
    shown = _frames_shown(data, start, stop, info) if len(info) == 34 else None
    if shown is None:
        return plain
    sure = Part(pieces, told or None, shown, "sure")
    return sure if shown == told else retold(data, sure, shown, size)


@dataclass(frozen=True)
class _Frame:
    first: int  # sample
    samples: int
    size: int  # bytes of its header


def _frames_shown(data: mmap, start: int, stop: int, info: bytes) -> int | None:
    """Frames up to the end of the last whole frame, where that is certain by both its checksums."""
    if stop - start > _ID3V1 and data[stop - _ID3V1 : stop - _ID3V1 + 3] == b"TAG":
        stop -= _ID3V1
    whole, largest = stop - start, int.from_bytes(info[7:10], "big") or _LARGEST_FRAME
    begin = max(start + _HEADER, stop - min(largest, _FURTHEST))
    tail = bytes(data[begin:stop])
    at, tries = len(tail), 0
    while tries < _MOST_TRIES and (at := tail.rfind(b"\xff", 0, at)) >= 0:
        frame = _frame(tail, at, info)
        if frame is None:
            continue
        tries += 1
        if _crc16(tail[at:]) == 0:
            blocks = frame.first // max(16, int.from_bytes(info[2:4], "big"))
            return frame.first + frame.samples if blocks * _SMALLEST_FRAME <= whole else None
    return None


def _frame(data: bytes, at: int, info: bytes) -> _Frame | None:
    """The frame whose header stands at `at`, or None."""
    head = data[at : at + 16]
    if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] & 1 or head[3] >> 4 > 10:
        return None
    number, used = _number(head[4:])
    block, rate, after = head[2] >> 4, head[2] & 0x0F, 4 + used
    if not used or block == 0 or rate == 15:
        return None
    samples, after = _samples(head, block, after)
    after += {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if samples is None or len(head) <= after or _crc8(head[:after]) != head[after]:
        return None
    fixed = int.from_bytes(info[:2], "big")
    return _Frame(number if head[1] & 1 else number * fixed, samples, after + 1)


def _samples(head: bytes, code: int, after: int) -> tuple[int | None, int]:
    if code in (6, 7):
        width = code - 5
        given = head[after : after + width]
        return (int.from_bytes(given, "big") + 1 if len(given) == width else None), after + width
    return (192 if code == 1 else 576 << code - 2 if code < 6 else 256 << code - 8), after


def _number(data: bytes) -> tuple[int, int]:
    """A number coded like a character of UTF-8, and how many bytes it takes; 0 bytes where it is none."""
    first = data[0]
    if first < 0x80:
        return first, 1
    length = 8 - (first ^ 0xFF).bit_length()
    rest = data[1:length]
    if length < 2 or length > 7 or len(rest) != length - 1 or any(byte & 0xC0 != 0x80 for byte in rest):
        return 0, 0
    value = first & (0x7F >> length)
    for byte in rest:
        value = value << 6 | byte & 0x3F
    return value, length


def _table(polynomial: int, bits: int) -> tuple[int, ...]:
    top, mask = 1 << bits - 1, (1 << bits) - 1
    found: list[int] = []
    for byte in range(256):
        value = byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value & top else 0)) & mask
        found.append(value)
    return tuple(found)


_CRC8, _CRC16 = _table(0x07, 8), _table(0x8005, 16)


def _crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value = _CRC8[value ^ byte]
    return value


def _crc16(data: bytes) -> int:
    value = 0
    for byte in data:
        value = (value << 8 & 0xFF00) ^ _CRC16[value >> 8 ^ byte]
    return value
