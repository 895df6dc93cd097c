"""Which loudspeaker each channel of a WAV file is for: libsndfile writes its own guess by their number.

Layout: WAVEFORMATEXTENSIBLE (Microsoft, "Multiple channel audio data and WAVE files").
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_EXTENSIBLE = 0xFFFE
_MOST_CHUNKS = 100


class _Form(NamedTuple):
    """Where the words on layout stand, the channels, bits a sample takes, and those words."""

    at: int
    channels: int
    width: int
    words: bytes  # valid bits (16), mask of loudspeakers (32)


def keep_layout(source: Path, result: Path) -> None:
    """Say of the channels of `result` what `source` says, where both are WAV files that can say it."""
    theirs, ours = _form(source), _form(result)
    if theirs is None or ours is None or (theirs.channels, theirs.width) != (ours.channels, ours.width):
        return
    with result.open("r+b") as file:
        file.seek(ours.at)
        file.write(theirs.words)


def _form(path: Path) -> _Form | None:
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            return None
        for _ in range(_MOST_CHUNKS):
            name, length = struct.unpack("<4sI", file.read(8).ljust(8, b"\0"))
            if name == b"fmt ":
                at, form = file.tell(), file.read(40)
                kind, channels = struct.unpack("<HH", form[:4].ljust(4, b"\0"))
                whole = kind == _EXTENSIBLE and length >= 40 and len(form) == 40
                return _Form(at + 18, channels, int.from_bytes(form[14:16], "little"), form[18:24]) if whole else None
            if length == 0 or name == b"data":
                return None
            file.seek(length + length % 2, 1)
    return None
