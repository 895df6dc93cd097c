"""Whether the places in time that the pages of an Ogg file claim can be true, and where one stream follows another.

Layouts: RFC 3533 pages, Vorbis I and RFC 7845 identification headers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .pieces import Part, Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

_FIRST_OF_STREAM, _CONTINUED = 2, 1
_MOST_PARTS = 1000
_NOWHERE = (1 << 64) - 1
_OPUS_CLOCK = 48_000  # whatever the rate of what was encoded
_LONGEST_OPUS_PACKET = 5760  # frames: 120 ms at 48 kHz


@dataclass(frozen=True)
class _Page:
    start: int
    stop: int
    flags: int
    place: int
    serial: int
    packets: int  # that end in it
    body: int


def parts_of(data: mmap, size: int) -> tuple[Part, ...]:
    """The streams that follow one another in an Ogg file; none where it does not begin with a page."""
    streams: list[list[_Page]] = []
    begun = False
    for page in _pages(data, size):
        first = bool(page.flags & _FIRST_OF_STREAM)
        if not streams or (first and begun):
            if len(streams) == _MOST_PARTS:
                break
            streams.append([])
        begun = not first
        streams[-1].append(page)
    alone = len(streams) == 1
    return tuple(_part(data, pages, alone) for pages in streams)


def measured(data: mmap, size: int, seconds: float) -> tuple[int, float, bool] | None:
    """Bytes of the pages with sound up to about `seconds` of the first stream, how long they last, and that these vary.

    None where it is no Vorbis or Opus, or tells no time.
    """
    pages = _pages(data, size)
    first = next(pages, None)
    rate = None if first is None else _clock(bytes(data[first.body : first.stop]))
    if first is None or rate is None:
        return None
    begun, done, place = 0, 0, 0
    for page in pages:
        if page.serial == first.serial and page.place not in (0, _NOWHERE):
            begun, done, place = begun or page.start, page.stop, page.place
            if place >= seconds * rate:
                break
    return (done - begun, place / rate, False) if place else None


def _clock(head: bytes) -> int | None:
    """Places a second, by a stream's first packet."""
    if head[:7] == b"\x01vorbis" and len(head) >= 30:
        return int.from_bytes(head[12:16], "little") or None
    return _OPUS_CLOCK if head[:8] == b"OpusHead" else None


def _part(data: mmap, pages: list[_Page], alone: bool) -> Part:
    pieces = None if alone else (Stretch(pages[0].start, pages[-1].stop),)
    return Part(pieces, trust="sure" if _can_be_true(data, pages) else "count")


def _pages(data: mmap, size: int) -> Iterator[_Page]:
    at = 0
    while (at := data.find(b"OggS", at)) >= 0 and at + 27 <= size:
        flags, place, serial = data[at + 5], *struct.unpack("<QI", data[at + 6 : at + 18])
        count = data[at + 26]
        lacing = data[at + 27 : at + 27 + count]
        body = at + 27 + count
        stop = body + sum(lacing)
        if len(lacing) < count or stop > size:
            return
        yield _Page(at, stop, flags, place, serial, sum(length < 255 for length in lacing), body)
        at = stop


def _can_be_true(data: mmap, pages: list[_Page]) -> bool:
    """Whether no page claims to hold more time than its packets can, or less than none."""
    longest = _longest_packet(bytes(data[pages[0].body : pages[0].stop]))
    if longest is None or len({page.serial for page in pages}) > 1:
        return False
    place, packets = 0, 0
    for page in pages[1:]:
        packets += page.packets
        if page.place == _NOWHERE:
            continue
        if not 0 <= page.place - place <= (packets + 1) * longest:
            return False
        place, packets = page.place, 0
    return True


def _longest_packet(head: bytes) -> int | None:
    if head[:7] == b"\x01vorbis" and len(head) >= 30:
        return max(1 << (head[28] & 15), 1 << (head[28] >> 4))
    return _LONGEST_OPUS_PACKET if head[:8] == b"OpusHead" else None
