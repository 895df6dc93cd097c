"""Whether a file holds all the bytes that its container promises; reads no more than headers.

Layouts: RIFF (Multimedia Programming Interface 1.0), ISO/IEC 14496-12 boxes, RFC 3533 pages.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from .wav import NEVER_FILLED_IN

_MOST_CHUNKS = 1000
_LAST_OF_STREAM = 4
_LONGEST_PAGE = 65_307


def is_all_there(path: Path) -> bool:
    """False only where the container itself says that bytes are missing; other kinds are taken to be whole."""
    with path.open("rb") as file:
        start, size = file.read(12), path.stat().st_size
        if start[:4] == b"RIFF" and start[8:] == b"WAVE":
            return _chunks_fit(file, size)
        if start[4:8] == b"ftyp":
            return _boxes_fit(file, size)
        return _ends_with_last_page(file, size) if start[:4] == b"OggS" else True


def _chunks_fit(file: BinaryIO, size: int) -> bool:
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return False  # it ends before its samples begin
        name, length = struct.unpack("<4sI", head)
        if name == b"data":
            return length == 0 or length >= NEVER_FILLED_IN or file.tell() + length <= size
        file.seek(length + length % 2, 1)
    return True


def _boxes_fit(file: BinaryIO, size: int) -> bool:
    at = 0
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return at == size
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if length == 0:  # up to the end of the file
            return True
        if length < 8 or at + length > size:
            return False
        at += length
    return True


def _ends_with_last_page(file: BinaryIO, size: int) -> bool:
    file.seek(max(0, size - _LONGEST_PAGE))
    rest = file.read()
    page = rest.rfind(b"OggS")
    if page < 0 or len(rest) < page + 27:
        return False
    segments = rest[page + 26]
    body = sum(rest[page + 27 : page + 27 + segments])
    return bool(rest[page + 5] & _LAST_OF_STREAM) and len(rest) >= page + 27 + segments + body
