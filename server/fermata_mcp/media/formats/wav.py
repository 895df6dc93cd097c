"""What a WAV file really holds: its sizes are 32 bits, wrap around, and are left empty by who writes into a pipe.

Layouts: RIFF (Multimedia Programming Interface 1.0), RF64 (EBU Tech 3306) and BW64 (ITU-R BS.2088).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import mp3
from .pieces import Part, Piece, Stretch

if TYPE_CHECKING:
    from mmap import mmap

_HEADS = (b"RIFF", b"RF64", b"BW64")
_MP3 = 0x55
_MOST_CHUNKS = 1000
_LARGEST_32 = 0xFFFFFFFF
# Writers into a pipe cannot go back to fill in the size, and leave about the largest number they know.
NEVER_FILLED_IN = 0x7FFF0000
# Less than this after the samples is padding, or somebody's tag.
_CRUMBS = 1024


@dataclass(frozen=True)
class _Wave:
    """One RIFF file: where its format and its samples are, and what its header says that these are long."""

    start: int
    form: bytes
    samples: int
    told: int
    width: int
    long: bool
    broadcast: bool


def parts_of(data: mmap, size: int) -> tuple[Part, ...]:
    """The runs of samples in a WAV file; none where it is no WAV file."""
    found: list[Part] = []
    at = 0
    while data[at : at + 4] in _HEADS and data[at + 8 : at + 12] == b"WAVE" and len(found) < _MOST_CHUNKS:
        wave = _wave(data, at, size)
        if wave is None:
            break
        stop, follows = _end(data, wave, size)
        if int.from_bytes(wave.form[:2], "little") == _MP3:
            held = mp3.part_within(data, wave.samples, stop)
            return () if held is None else (held,)
        found.append(_part(wave, stop, follows, size))
        if follows is None:
            break
        at = follows
    return tuple(found)


def _wave(data: mmap, start: int, size: int) -> _Wave | None:
    at, form, long = start + 12, b"", None
    for _ in range(_MOST_CHUNKS):
        head = data[at : at + 8]
        if len(head) < 8:
            return None
        name, length = struct.unpack("<4sI", head)
        if name == b"ds64" and length >= 16:
            long = int.from_bytes(data[at + 16 : at + 24], "little")
        elif name == b"fmt ":
            form = bytes(data[at + 8 : min(size, at + 8 + min(length, 4096))])
        elif name == b"data":
            told = long if long is not None and length == _LARGEST_32 else length
            width = int.from_bytes(form[12:14], "little")
            known = data[start : start + 4] == b"BW64"  # to us; libsndfile does not
            whole = len(form) >= 16 and width
            return _Wave(start, form, at + 8, told, width, long is not None, known) if whole else None
        at += 8 + length + length % 2
    return None


def _end(data: mmap, wave: _Wave, size: int) -> tuple[int, int | None]:
    """Where the samples end, and where another file begins that was put behind this one."""
    told = wave.samples + wave.told
    if told > size or (told == wave.samples and not _is_chunk(data, told, size)):
        return size, None
    at = told + wave.told % 2
    for _ in range(_MOST_CHUNKS):
        if size - at < _CRUMBS:
            return told, None
        if data[at : at + 4] in _HEADS and data[at + 8 : at + 12] == b"WAVE":
            return told, at
        if not _is_chunk(data, at, size):
            # what stands where a chunk should is more of the samples, unless chunks stood there before it
            return (size, None) if at == told + wave.told % 2 else (told, None)
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    return told, None


def _is_chunk(data: mmap, at: int, size: int) -> bool:
    head = bytes(data[at : at + 8])
    if len(head) < 8 or not all(32 <= byte < 127 for byte in head[:4]):
        return False
    return at + 8 + int.from_bytes(head[4:], "little") <= size + 1


def _part(wave: _Wave, stop: int, follows: int | None, size: int) -> Part:
    end = wave.samples + wave.told
    untold = (wave.told == 0 and stop > wave.samples) or (wave.told >= NEVER_FILLED_IN and end > size)
    promised = None if untold else wave.told // wave.width
    alone = wave.start == 0 and follows is None
    # a decoder stops at the end of the file by itself, where sizes have 32 bits
    if alone and not wave.broadcast and (stop == end or (wave.told and end > size and not wave.long)):
        return Part(None, promised, None, "sure")
    there = (stop - wave.samples) // wave.width * wave.width
    return Part(_retold(wave, there), promised, None, "sure")


def _retold(wave: _Wave, length: int) -> tuple[Piece, ...]:
    """The same samples behind a header that tells how many there are."""
    form = b"fmt " + struct.pack("<I", len(wave.form)) + wave.form + b"\0" * (len(wave.form) % 2)
    body = Stretch(wave.samples, wave.samples + length)
    whole = 4 + len(form) + 8 + length
    if whole <= _LARGEST_32:
        return b"RIFF" + struct.pack("<I", whole) + b"WAVE" + form + b"data" + struct.pack("<I", length), body
    sizes = b"ds64" + struct.pack("<IQQQI", 28, whole + 36, length, length // wave.width, 0)
    head = b"RF64" + struct.pack("<I", _LARGEST_32) + b"WAVE" + sizes
    return head + form + b"data" + struct.pack("<I", _LARGEST_32), body
