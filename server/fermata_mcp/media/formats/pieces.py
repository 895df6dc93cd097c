"""A file seen as pieces of itself and of our own bytes: how a decoder is shown a header that tells the truth."""

from __future__ import annotations

import io
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from typing_extensions import Buffer


@dataclass(frozen=True)
class Stretch:
    """Bytes `start` to `stop` of the file."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


Piece = bytes | Stretch


@dataclass(frozen=True)
class Part:
    """One run of audio in a file. Most files have one, those that were put together with `cat` several.

    Attributes:
        pieces: What a decoder is to read instead of the file; None for the file itself.
        told: Frames that its header promises; None where it promises nothing, or the decoder knows best.
        frames: Frames that its structure shows; None where a decoder's own number is right, if it can be trusted.
        trust: Whether that needs no more proof, a look at its end, or all of it to be decoded.
    """

    pieces: tuple[Piece, ...] | None = None
    told: int | None = None
    frames: int | None = None
    trust: Literal["sure", "look", "count"] = "look"


class Pieced(io.RawIOBase):
    """Pieces in a row, to be read like a file."""

    def __init__(self, path: Path, pieces: Sequence[Piece]) -> None:
        self._file = path.open("rb")
        self._pieces = pieces
        self._ends = list(accumulate(len(piece) for piece in pieces))
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1] if self._ends else 0}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and (data := self._some(len(view) - done)):
            view[done : done + len(data)] = data
            done += len(data)
        return done

    def _some(self, most: int) -> bytes:
        index = bisect_right(self._ends, self._at)
        if index == len(self._pieces):
            return b""
        piece = self._pieces[index]
        within = self._at - (self._ends[index] - len(piece))
        count = min(most, len(piece) - within)
        data = piece[within : within + count] if isinstance(piece, bytes) else self._read(piece.start + within, count)
        self._at += len(data)
        return data

    def _read(self, at: int, count: int) -> bytes:
        self._file.seek(at)
        return self._file.read(count)

    def close(self) -> None:
        self._file.close()
        super().close()
