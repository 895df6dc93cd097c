"""What the boxes of an MP4 or QuickTime file say of its sound: codec, and its exact length, which decoders miss.

An encoder adds samples in front and at the end; an edit list, or a note of iTunes, tells which of them are music.
Layouts: ISO/IEC 14496-12 and -14, QuickTime File Format; iTunSMPB as iTunes writes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_MOST_BOXES = 10_000
_LARGEST_HEAD = 64 << 20  # bytes of `moov`, which lists every sample
_GAPLESS = re.compile(rb"iTunSMPB.{0,64}? [0-9A-F]{8} ([0-9A-F]{8}) ([0-9A-F]{8}) ([0-9A-F]{16})", re.DOTALL)
_CHILDREN = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"}


@dataclass(frozen=True)
class MovieSound:
    """The first track with sound.

    Attributes:
        codec: Its four letters: "mp4a", "alac" …
        seconds: What of it is music; None where that is not told (a film in fragments).
        picture: Whether there is a track with a picture, too.
    """

    codec: str
    seconds: float | None
    picture: bool


@dataclass
class _Track:
    kind: bytes = b""
    codec: bytes = b""
    scale: int = 0
    length: int = 0
    edits: tuple[tuple[int, int], ...] = ()


def movie_sound(path: Path) -> MovieSound | None:
    """What the file says of its first track with sound; None where it has none, or is no such file."""
    try:
        head = _head(path)
        tracks, scale = _tracks(head)
    except (OSError, IndexError, ValueError):
        return None
    sound = next((track for track in tracks if track.kind == b"soun"), None)
    if sound is None:
        return None
    seconds = _gapless(head, sound) or _edited(sound, scale)
    picture = any(track.kind == b"vide" for track in tracks)
    return MovieSound(sound.codec.decode("latin-1").strip(), seconds, picture)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        for name, start, stop in _top(file, path.stat().st_size):
            if name == b"moov":
                file.seek(start)
                return file.read(min(stop - start, _LARGEST_HEAD))
    raise ValueError("no moov")


def _top(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        start, stop = _span(head, at, size)
        yield head[4:8], start, stop
        at = stop


def _span(head: bytes, at: int, size: int) -> tuple[int, int]:
    """Where the content of the box at `at` starts and stops. Raises ValueError where it is none."""
    length, width = int.from_bytes(head[:4], "big"), 8
    if length == 1:
        length, width = int.from_bytes(head[8:16], "big"), 16
    if length == 0:
        length = size - at
    if length < width:
        raise ValueError("no box")
    return at + width, min(size, at + length)


def _boxes(data: bytes, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    at = start
    for _ in range(_MOST_BOXES):
        if at + 8 > stop:
            return
        begin, end = _span(data[at : at + 16], at, stop)
        name = data[at + 4 : at + 8]
        yield name, begin, end
        if name in _CHILDREN:
            yield from _boxes(data, begin, end)
        at = end


def _tracks(head: bytes) -> tuple[list[_Track], int]:
    tracks: list[_Track] = []
    scale = 0
    for name, start, stop in _boxes(head, 0, len(head)):
        body = head[start : min(stop, start + 65_536)]
        if name == b"mvhd":
            scale, _ = _times(body)
        elif name == b"trak":
            tracks.append(_Track())
        elif tracks:
            _learn(tracks[-1], name, body)
    return tracks, scale


def _learn(track: _Track, name: bytes, body: bytes) -> None:
    match name:
        case b"mdhd":
            track.scale, track.length = _times(body)
        case b"hdlr" if not track.kind:
            track.kind = body[8:12]
        case b"stsd" if not track.codec:
            track.codec = body[12:16]
        case b"elst":
            track.edits = _edits(body)
        case _:
            pass


def _times(body: bytes) -> tuple[int, int]:
    """Time scale and duration of `mvhd` or `mdhd`."""
    if body[0] == 1:
        return int.from_bytes(body[20:24], "big"), int.from_bytes(body[24:32], "big")
    return int.from_bytes(body[12:16], "big"), int.from_bytes(body[16:20], "big")


def _edits(body: bytes) -> tuple[tuple[int, int], ...]:
    """Duration, in the film's time, and start, in the track's, of what is played; empty stretches are left out."""
    wide = 8 if body[0] == 1 else 4
    found: list[tuple[int, int]] = []
    for index in range(min(int.from_bytes(body[4:8], "big"), 100)):
        at = 8 + index * (2 * wide + 4)
        start = int.from_bytes(body[at + wide : at + 2 * wide], "big", signed=True)
        if start >= 0 and len(body) >= at + 2 * wide:
            found.append((int.from_bytes(body[at : at + wide], "big"), start))
    return tuple(found)


def _edited(track: _Track, scale: int) -> float | None:
    if not track.scale or not track.length or track.length >= 1 << 32:
        return None
    if len(track.edits) != 1 or not scale:
        return track.length / track.scale if not track.edits else None
    duration, start = track.edits[0]
    there, told = (track.length - start) / track.scale, duration / scale
    # an edit is told in ticks of the film, which are longer than a sample
    exact = there if duration == 0 or abs(told - there) <= 1 / scale else min(told, there)
    return exact if exact > 0 else None


def _gapless(head: bytes, track: _Track) -> float | None:
    found = _GAPLESS.search(head)
    if found is None or not track.scale:
        return None
    samples = int(found[3], 16)
    return samples / track.scale if 0 < samples <= track.length or not track.length else None
