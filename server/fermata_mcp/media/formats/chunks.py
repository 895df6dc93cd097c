"""Chunks of RIFF, RF64 and AIFF files: found, taken over, put behind the samples.

Layouts: RIFF (Multimedia Programming Interface 1.0), RF64 (EBU Tech 3306), AIFF 1.3 (Apple).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_MOST_CHUNKS = 1000
_LARGEST = 64 << 20  # bytes of a chunk that is taken over
_UNTOLD = 0xFFFFFFFF
_FILES = (b"RIFF", b"RF64", b"BW64", b"FORM")


@dataclass(frozen=True)
class Chunk:
    """A chunk that holds no samples. `name` is four bytes."""

    name: bytes
    data: bytes


@dataclass(frozen=True)
class _Place:
    name: bytes
    at: int
    size: int


def chunks_of(path: Path, *, but: frozenset[bytes] = frozenset()) -> tuple[Chunk, ...]:
    """All chunks of the file but those with samples, those named `but`, and those too large to be words."""
    with path.open("rb") as file:
        found = [_read(file, place) for place in _places(file) if place.name not in but and place.size <= _LARGEST]
    return tuple(found)


def _read(file: BinaryIO, place: _Place) -> Chunk:
    file.seek(place.at)
    return Chunk(place.name, file.read(place.size))


def _places(file: BinaryIO) -> Iterator[_Place]:
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    head = file.read(12)
    order, long, at = _order(head), 0, 12
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        start = file.read(8)
        if len(start) < 8 or start[:4] in _FILES:  # another file was put behind this one
            return
        name, length = struct.unpack(f"{order}4sI", start)
        if name == b"ds64":
            long = int.from_bytes(file.read(16)[8:], "little")
        elif name == b"data" and length == _UNTOLD and long:
            length = long
        if at + 8 + length > size:
            return
        yield _Place(name, at + 8, length)
        at += 8 + length + length % 2


def _order(head: bytes) -> Literal["<", ">"]:
    return ">" if head[:4] == b"FORM" else "<"


def put(path: Path, chunks: Iterable[Chunk]) -> None:
    """Write chunks behind all that is there, in the file itself, and count them in its header.

    Raises:
        ValueError: The file has no room left to count them.
    """
    with path.open("r+b") as file:
        head = file.read(12)
        order = _order(head)
        end = file.seek(0, os.SEEK_END)
        if end % 2:
            end += file.write(b"\0")
        for chunk in chunks:
            end += file.write(struct.pack(f"{order}4sI", chunk.name, len(chunk.data)) + chunk.data)
            end += file.write(b"\0" * (end % 2))
        if head[:4] == b"RF64":
            file.seek(20)
            file.write(struct.pack("<Q", end - 8))
        elif end - 8 <= _UNTOLD:
            file.seek(4)
            file.write(struct.pack(f"{order}I", end - 8))
        else:
            raise ValueError("larger than its header can count")


def without(path: Path, names: frozenset[bytes]) -> None:
    """Make chunks of these names free space, by their name alone: nothing moves."""
    with path.open("r+b") as file:
        places = list(_places(file))
        file.seek(0)
        free = b"JUNK" if _order(file.read(12)) == "<" else b"FREE"
        for place in places:
            if place.name in names:
                file.seek(place.at - 8)
                file.write(free)
