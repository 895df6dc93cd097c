"""Places in WAV and AIFF files, counted in frames: the loop of a sampler, and marks with words.

Layouts: `smpl`, `cue ` and `adtl` of RIFF (Multimedia Programming Interface 1.0 and its New Multimedia Data Types),
where a loop's end is its last frame; `MARK` and `INST` of AIFF 1.3, where marks stand between frames.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from fermata_mcp.media.formats.chunks import Chunk

from .model import Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SMPL, _LOOP = struct.Struct("<9I"), struct.Struct("<6I")
_MIDDLE_C = 60
_MOST = 1000
_NOBODY = (1 << 32) - 1
# The ends of a loop, as AIFF's instrument names marks.
_BEGIN, _END = 1, 2


def smpl(start: int, length: int, rate: int, old: bytes = b"") -> Chunk:
    """A sampler's chunk with one endless forward loop, and what `old` says of the instrument.

    Raises:
        ValueError: The loop ends beyond what the chunk can count.
    """
    if start + length > _NOBODY:
        raise ValueError("beyond what a sampler can count")
    period = round(1e9 / rate)
    head = list(_SMPL.unpack_from(old)) if len(old) >= _SMPL.size else [0, 0, period, _MIDDLE_C, 0, 0, 0, 0, 0]
    head[2], head[7], head[8] = period, 1, 0
    return Chunk(b"smpl", _SMPL.pack(*head) + _LOOP.pack(0, 0, start, start + length - 1, 0, 0))


def loop_in_smpl(data: bytes) -> tuple[int, int] | None:
    """Start and length of the first loop."""
    if len(data) < _SMPL.size + _LOOP.size or not _SMPL.unpack_from(data)[7]:
        return None
    _, _, start, last, _, _ = _LOOP.unpack_from(data, _SMPL.size)
    return (start, last + 1 - start) if last > start else None


def cue(marks: Iterable[Mark], rate: int) -> list[Chunk]:
    """The chunks that mark these places in a WAV file."""
    places = [(number, round(mark.at * rate), mark.words) for number, mark in enumerate(marks, 1)]
    points = [struct.pack("<2I4s3I", number, at, b"data", 0, 0, at) for number, at, _ in places if at <= _NOBODY]
    words = [_label(number, text) for number, _, text in places if text]
    made = [Chunk(b"cue ", struct.pack("<I", len(points)) + b"".join(points))] if points else []
    return made + ([Chunk(b"LIST", b"adtl" + b"".join(words))] if words else [])


def _label(number: int, text: str) -> bytes:
    data = struct.pack("<I", number) + text.encode() + b"\0"
    return struct.pack("<4sI", b"labl", len(data)) + data + b"\0" * (len(data) % 2)


def marks_in_cue(chunks: Iterable[Chunk], rate: int) -> tuple[Mark, ...]:
    """The places that a WAV file marks, in the order of time."""
    every = list(chunks)
    words = dict(pair for one in every if one.name == b"LIST" and one.data[:4] == b"adtl" for pair in _labels(one.data))
    found: list[Mark] = []
    for one in every:
        count = int.from_bytes(one.data[:4], "little") if one.name == b"cue " else 0
        for number in range(min(count, _MOST, (len(one.data) - 4) // 24)):
            name, _, _, _, _, at = struct.unpack_from("<2I4s3I", one.data, 4 + 24 * number)
            found.append(Mark(at / rate, words.get(name, "")))
    return tuple(sorted(found, key=lambda mark: mark.at))


def _labels(data: bytes) -> Iterator[tuple[int, str]]:
    for name, inner in listed(data):
        if name == b"labl" and len(inner) > 4:
            yield int.from_bytes(inner[:4], "little"), decoded(inner[4:])


def listed(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents in a LIST chunk, whose first four bytes say what kind it is."""
    at = 4
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def decoded(data: bytes) -> str:
    """Words that are ended by a zero, in whatever letters."""
    raw = data.partition(b"\0")[0]
    try:
        return raw.decode().strip()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace").strip()


def instrument(start: int, length: int, marks: Iterable[Mark], rate: int, old: bytes = b"") -> list[Chunk]:
    """The chunks of an AIFF file with one endless forward loop (none where `length` is 0), and these marks."""
    places = [(_BEGIN, start, "beg loop"), (_END, start + length, "end loop")] if length else []
    places += [(number, round(mark.at * rate), mark.words) for number, mark in enumerate(marks, 3)]
    if not places:
        return []
    made = [Chunk(b"MARK", struct.pack(">H", len(places)) + b"".join(_mark(*place) for place in places))]
    if length:
        head = old[:8] if len(old) == 20 else struct.pack(">6bh", _MIDDLE_C, 0, 0, 127, 1, 127, 0)
        made.append(Chunk(b"INST", head + struct.pack(">6h", 1, _BEGIN, _END, 0, 0, 0)))
    return made


def _mark(number: int, at: int, words: str) -> bytes:
    text = words.encode()[:255]
    return struct.pack(">hI", number, min(at, _NOBODY)) + bytes([len(text)]) + text + b"\0" * (1 - len(text) % 2)


def marks_of_instrument(chunks: Mapping[bytes, bytes]) -> tuple[dict[int, tuple[int, str]], tuple[int, int] | None]:
    """An AIFF file's marks by number (frame, words), without the ends of its loop, and that loop (start, length)."""
    data, at, marks = chunks.get(b"MARK", b""), 2, dict[int, tuple[int, str]]()
    for _ in range(min(_MOST, int.from_bytes(data[:2], "big"))):
        if at + 7 > len(data):
            break
        number, place, size = struct.unpack_from(">hIB", data, at)
        marks[number] = place, decoded(data[at + 7 : at + 7 + size])
        at += 7 + size + (1 - size % 2)
    inst = chunks.get(b"INST", b"")
    mode, begin, end = struct.unpack_from(">3h", inst, 8) if len(inst) >= 20 else (0, 0, 0)
    if not mode or begin not in marks or end not in marks:
        return marks, None
    (start, _), (stop, _) = marks.pop(begin), marks.pop(end)
    return marks, (start, stop - start) if stop > start else None
