"""What a CAF file says of its packets: how many samples are music, and how many an encoder put in front.

Layout: Apple Core Audio Format Specification 1.0.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

_MOST_CHUNKS = 1000
_TO_THE_END = -1


@dataclass(frozen=True)
class Packets:
    """Frames of music, and of what comes before them."""

    valid: int
    priming: int


def packets(path: Path) -> Packets | None:
    """What the packet table says; None where there is none, or this is no CAF file."""
    with path.open("rb") as file:
        if file.read(8)[:4] != b"caff":
            return None
        for _ in range(_MOST_CHUNKS):
            head = file.read(12)
            if len(head) < 12:
                return None
            name, length = struct.unpack(">4sq", head)
            if name == b"pakt":
                return _table(file.read(24))
            if length < 0:
                return None
            file.seek(length, 1)
    return None


def _table(data: bytes) -> Packets | None:
    if len(data) < 24:
        return None
    _, valid, priming, remainder = struct.unpack(">qqii", data)
    return Packets(valid, priming) if valid > 0 and priming >= 0 and remainder >= 0 else None
