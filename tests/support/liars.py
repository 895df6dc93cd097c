"""Audio files whose header and content differ, made of honest ones."""

from __future__ import annotations

import struct
from collections.abc import Callable

from .mutants import whole

RATE = 16_000
SECONDS = 3.0


def _wav(told: int, riff: int | None = None) -> bytes:
    data = bytearray(whole("wav", SECONDS, RATE))
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", told)
    if riff is not None:
        data[4:8] = struct.pack("<I", riff)
    return bytes(data)


def _flac(told: int) -> bytes:
    data = bytearray(whole("flac", SECONDS, RATE))
    data[21] = data[21] & 0xF0 | told >> 32
    data[22:26] = struct.pack(">I", told & 0xFFFFFFFF)
    return bytes(data)


def _xing(share: float) -> bytes:
    data = bytearray(whole("mp3", SECONDS, RATE))
    at = next(at for mark in (b"Xing", b"Info") if (at := data.find(mark)) >= 0) + 8
    told = int.from_bytes(data[at : at + 4], "big")
    data[at : at + 4] = struct.pack(">I", round(told * share))
    return bytes(data)


def _twice(kind: str, channels: int = 1) -> bytes:
    return whole(kind, SECONDS / 2, RATE, channels) * 2


def with_places(data: bytes, change: Callable[[int, bool], int]) -> bytes:
    """An Ogg file whose pages claim other places in time: `change` is told each, and whether it is the last."""
    found, at = bytearray(data), 0
    starts: list[int] = []
    while (at := data.find(b"OggS", at)) >= 0:
        starts.append(at)
        at += 27
    for start, stop in zip(starts, [*starts[1:], len(data)], strict=True):
        place = int.from_bytes(data[start + 6 : start + 14], "little")
        found[start + 6 : start + 14] = struct.pack("<Q", change(place, stop == len(data)))
        found[start + 22 : start + 26] = bytes(4)
        found[start + 22 : start + 26] = struct.pack("<I", _ogg_sum(found[start:stop]))
    return bytes(found)


def _ogg_sum(page: bytes | bytearray) -> int:
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


def _ogg(seconds: float) -> bytes:
    """Its last page claims to end at that second."""
    return with_places(whole("ogg", SECONDS, RATE), lambda place, last: round(seconds * RATE) if last else place)


def late_ogg(kind: str = "ogg") -> bytes:
    """A recording of a stream that had been running for days."""
    return with_places(whole(kind, SECONDS, RATE), lambda place, _: place + 10**10 if place else 0)


def of_rate(rate: int) -> bytes:
    """A WAV file that says that it has so many samples a second."""
    data = bytearray(whole("wav", SECONDS, RATE))
    data[24:28] = struct.pack("<I", rate)
    return bytes(data)


# What is made, and whether its header promises something else than it holds.
LIARS: dict[str, tuple[str, Callable[[], bytes], bool]] = {
    "wav of size 0": ("wav", lambda: _wav(0, 0), False),
    "wav from a pipe": ("wav", lambda: _wav(0xFFFFFFFF, 0xFFFFFFFF), False),
    "wav from a pipe of sox": ("wav", lambda: _wav(0x7FFFF000, 0x7FFFF024), False),
    "wav whose size wrapped": ("wav", lambda: _wav(round(SECONDS * RATE * 2 / 4)), True),
    "wav twice": ("wav", lambda: _twice("wav"), True),
    "flac from a pipe": ("flac", lambda: _flac(0), False),
    "flac that tells too little": ("flac", lambda: _flac(RATE), True),
    "flac that tells too much": ("flac", lambda: _flac(RATE * 1200), True),
    "flac that tells ages": ("flac", lambda: _flac((1 << 36) - 1), True),
    "flac twice": ("flac", lambda: _twice("flac"), True),
    "ogg that claims 20 minutes": ("ogg", lambda: _ogg(1200), True),
    "ogg that claims an age": ("ogg", lambda: _ogg(1e12), True),
    "ogg cut out of a stream": ("ogg", late_ogg, False),
    "ogg twice": ("ogg", lambda: _twice("ogg"), True),
    "opus twice": ("opus", lambda: _twice("opus"), True),
    "mp3 twice": ("mp3", lambda: _twice("mp3"), True),
    "mp3 that tells half": ("mp3", lambda: _xing(0.5), True),
    "mp3 that tells twice": ("mp3", lambda: _xing(2), True),
}


# --- much of nothing -----------------------------------------------------------------------------------------------


def flac_bomb(hours: float, rate: int = 44_100) -> bytes:
    """Silence in frames of 65,535 samples, 14 bytes each."""
    block = 65_535
    count = round(hours * 3600 * rate / block)
    info = struct.pack(">HH", block, block) + bytes(6)
    info += (rate << 44 | 0 << 41 | 15 << 36 | count * block).to_bytes(8, "big") + bytes(16)
    return b"fLaC\x80\x00\x00\x22" + info + b"".join(_silent_frame(number, block) for number in range(count))


def _silent_frame(number: int, block: int) -> bytes:
    head = b"\xff\xf8\x70\x08" + _coded(number) + struct.pack(">H", block - 1)
    head += bytes([_sum(head, 0x07, 8)])
    frame = head + bytes(3)
    return frame + _sum(frame, 0x8005, 16).to_bytes(2, "big")


def _coded(number: int) -> bytes:
    return chr(number).encode("utf-8", "surrogatepass")


def _sum(data: bytes, polynomial: int, bits: int) -> int:
    value = 0
    for byte in data:
        value ^= byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value >> bits - 1 & 1 else 0)) & (1 << bits) - 1
    return value
