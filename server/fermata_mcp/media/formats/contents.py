"""Which kind of file is there by its first bytes, whatever its name says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .mp3 import after_id3
from .signatures import signature_of

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["flac", "oggflac", "opus", "vorbis", "mp3", "wav", "aiff", "mp4", "asf", "caf", "matroska", "other"]

_LOOKED_AT = 512
_FIRST_PACKETS: tuple[tuple[bytes, Kind], ...] = (
    (b"OpusHead", "opus"), (b"\x01vorbis", "vorbis"), (b"\x7fFLAC", "oggflac"),
)  # fmt: skip
# By what reads the container; ADTS is tagged as MP3 is.
_KINDS: dict[str, Kind] = {
    "flac": "flac", "wav": "wav", "aiff": "aiff", "mov": "mp4", "asf": "asf", "caf": "caf", "matroska": "matroska",
    "aac": "mp3",
}  # fmt: skip


def kind_of(path: Path) -> Kind:
    """Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        head = file.read(_LOOKED_AT)
        if behind := after_id3(head):
            file.seek(behind)
            return "flac" if file.read(4) == b"fLaC" else "mp3"
    found = signature_of(head)
    if found is None:
        return "mp3" if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 else "other"
    if found.demuxer == "ogg":
        packets: list[Kind] = [kind for mark, kind in _FIRST_PACKETS if mark in head]
        return packets[0] if packets else "other"
    return _KINDS.get(found.demuxer, "other")
