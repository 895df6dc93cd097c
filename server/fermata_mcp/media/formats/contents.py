"""Which kind of file is there by its first bytes, whatever its name says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["flac", "oggflac", "opus", "vorbis", "mp3", "wav", "aiff", "mp4", "asf", "caf", "matroska", "other"]

_LOOKED_AT = 512
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_FIRST_PACKETS: tuple[tuple[bytes, Kind], ...] = (
    (b"OpusHead", "opus"), (b"\x01vorbis", "vorbis"), (b"\x7fFLAC", "oggflac"),
)  # fmt: skip
_STARTS: tuple[tuple[bytes, int, Kind], ...] = (
    (b"fLaC", 0, "flac"), (b"WAVE", 8, "wav"), (b"AIFF", 8, "aiff"), (b"AIFC", 8, "aiff"), (b"ftyp", 4, "mp4"),
    (_ASF, 0, "asf"), (b"caff", 0, "caf"), (b"\x1a\x45\xdf\xa3", 0, "matroska"),
)  # fmt: skip


def kind_of(path: Path) -> Kind:
    """Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        head = file.read(_LOOKED_AT)
        if head[:3] == b"ID3":
            file.seek(after_id3(head))
            return "flac" if file.read(4) == b"fLaC" else "mp3"
    if head[:4] == b"OggS":
        packets: list[Kind] = [kind for mark, kind in _FIRST_PACKETS if mark in head]
        return packets[0] if packets else "other"
    for mark, at, kind in _STARTS:
        if head[at : at + len(mark)] == mark:
            return kind
    return "mp3" if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 else "other"


def after_id3(head: bytes) -> int:
    """Bytes that an ID3 tag at the beginning takes."""
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size
