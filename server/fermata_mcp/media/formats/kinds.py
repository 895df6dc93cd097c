"""Which kind of audio some bytes are, whatever the name they came under says."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from .signatures import signature_of

SUFFIXES = {
    "audio/mpeg": ".mp3", "audio/mp3": ".mp3", "audio/x-mp3": ".mp3", "audio/x-mpeg": ".mp3", "audio/mpeg3": ".mp3",
    "audio/wav": ".wav", "audio/x-wav": ".wav", "audio/wave": ".wav", "audio/vnd.wave": ".wav",
    "audio/flac": ".flac", "audio/x-flac": ".flac",
    "audio/ogg": ".ogg", "application/ogg": ".ogg", "audio/vorbis": ".ogg", "audio/opus": ".ogg",
    "audio/mp4": ".m4a", "audio/x-m4a": ".m4a", "audio/m4a": ".m4a",
    "audio/aac": ".aac", "audio/aacp": ".aac", "audio/x-aac": ".aac", "audio/x-ms-wma": ".wma", "audio/webm": ".webm",
    "audio/aiff": ".aiff", "audio/x-aiff": ".aiff", "audio/x-caf": ".caf", "audio/basic": ".au", "audio/amr": ".amr",
}  # fmt: skip

# By their registrations; WAV has none, and hosts know this one.
MEDIA_TYPES = {
    ".wav": "audio/wav", ".flac": "audio/flac", ".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".mp4": "audio/mp4",
    ".aac": "audio/aac", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg", ".aif": "audio/aiff",
    ".aiff": "audio/aiff", ".aifc": "audio/aiff", ".caf": "audio/x-caf", ".au": "audio/basic", ".wma": "audio/x-ms-wma",
    ".webm": "audio/webm", ".mka": "audio/x-matroska", ".mkv": "video/x-matroska", ".mov": "video/quicktime",
    ".m4b": "audio/mp4", ".amr": "audio/amr", ".wave": "audio/wav", ".ape": "audio/x-ape", ".wv": "audio/x-wavpack",
}  # fmt: skip


# What has a picture before all is not taken for audio by its bytes alone.
_FILMS = {"avi", "flv", "mpeg", "mpegts"}


def media_type(name: str) -> str:
    """What a file of this name holds, as hosts are told: wherever audio is given or pointed to."""
    return MEDIA_TYPES.get(PurePosixPath(name.lower()).suffix, "application/octet-stream")


def suffix_of(start: bytes, content_type: str | None) -> str | None:
    """The file suffix of what starts with these bytes, else of what a server called it; None where it is not audio."""
    said = None if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"{", b"[")) else content_type
    return sniff(start) or SUFFIXES.get(said or "")


def sniff(start: bytes) -> str | None:
    """The file suffix of audio that starts with these bytes; None where they are no format we know."""
    if start.startswith(b"ID3") or _is_mpeg_frame(start[:3]):
        return ".mp3"
    found = signature_of(start)
    return None if found is None or found.demuxer in _FILMS else found.ending


def _is_mpeg_frame(header: bytes) -> bool:
    if len(header) < 3 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return False
    version, layer, bit_rate, sample_rate = header[1] >> 3 & 3, header[1] >> 1 & 3, header[2] >> 4, header[2] >> 2 & 3
    return version != 1 and layer in (1, 2) and bit_rate not in (0, 15) and sample_rate != 3


def suffix_in(url: str) -> str:
    """The file suffix that an address ends in, or nothing."""
    suffix = PurePosixPath(unquote(urlsplit(url).path)).suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else ""


def name_in(url: str) -> str:
    """What an address calls its file, without its suffix; its host where it names none."""
    parts = urlsplit(url)
    return PurePosixPath(unquote(parts.path)).stem or parts.hostname or "track"
