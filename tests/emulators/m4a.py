"""An M4A file that says how long it is and holds nothing to decode: what a machine without an AAC decoder sees."""

from __future__ import annotations

import struct

RATE = 44100
BYTES_PER_SECOND = 16_000
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def m4a(seconds: float) -> bytes:
    """The file of a sound this long."""
    length = round(seconds * RATE)
    movie = _box("mvhd", bytes(12), struct.pack(">IIIH", RATE, length, 0x10000, 0x100), bytes(10), _MATRIX, bytes(28))
    track = _box("tkhd", struct.pack(">IIIIII", 7, 0, 0, 1, 0, length), bytes(16), _MATRIX, bytes(8))
    media = _box("mdhd", bytes(12), struct.pack(">IIHH", RATE, length, 0x55C4, 0))
    handler = _box("hdlr", bytes(8), b"soun", bytes(13))
    info = _box("minf", _box("stbl", _box("stco", bytes(8))))
    moov = _box("moov", movie, _box("trak", track, _box("mdia", media, handler, info)))
    return _box("ftyp", b"M4A \0\0\2\0M4A mp42isom") + moov + _box("mdat", bytes(round(seconds * BYTES_PER_SECOND)))


def _box(name: str, *parts: bytes) -> bytes:
    inside = b"".join(parts)
    return struct.pack(">I", len(inside) + 8) + name.encode() + inside
