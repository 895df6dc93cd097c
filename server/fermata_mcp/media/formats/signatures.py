"""Which container some bytes begin, and what is in it, in words: also of kinds that only other decoders can read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .mp3 import after_id3
from .mp4 import movie_sound

_FIRST_BYTES = 4096
_CODECS = {
    "mp4a": "AAC", "alac": "Apple Lossless", "ac-3": "AC-3", "ec-3": "E-AC-3", "opus": "Opus", "flac": "FLAC",
    "samr": "AMR", "sowt": "PCM", "twos": "PCM", "lpcm": "PCM", ".mp3": "MP3",
}  # fmt: skip
_MATROSKA = {
    b"A_OPUS": "Opus", b"A_VORBIS": "Vorbis", b"A_AAC": "AAC", b"A_FLAC": "FLAC", b"A_AC3": "AC-3", b"A_MPEG": "MP3",
    b"A_PCM": "PCM",
}  # fmt: skip
_DEEPEST_FLAC = 24  # bits
# wFormatTag of WAV, as registered.
_WAVES = {
    1: "PCM",
    2: "ADPCM",
    3: "floats",
    6: "A-law",
    7: "mu-law",
    0x11: "ADPCM",
    0x55: "MP3",
    0xFF: "AAC",
    0xFFFE: "PCM",
}


@dataclass(frozen=True)
class Signature:
    """A kind of container.

    Attributes:
        demuxer: FFmpeg's name of what reads it.
        words: What people call it.
        ending: Of the names of such files.
        others_only: Whether libsndfile reads none of them.
    """

    demuxer: str
    words: str
    ending: str
    others_only: bool = True


_MP4 = Signature("mov", "MP4", ".m4a")
_MATROSKA_FILE, _WEBM = Signature("matroska", "Matroska", ".mka"), Signature("matroska", "WebM", ".webm")
_WAV = Signature("wav", "WAV", ".wav", False)
_AIFF = Signature("aiff", "AIFF", ".aiff", False)
_STARTS: tuple[tuple[bytes, Signature], ...] = (
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Signature("asf", "WMA (ASF)", ".wma")),
    (b"caff\0\x01", Signature("caf", "CAF", ".caf", False)),
    (b"fLaC", Signature("flac", "FLAC", ".flac", False)),
    (b"OggS", Signature("ogg", "Ogg", ".ogg", False)),
    (b".snd", Signature("au", "AU", ".au", False)),
    (b"#!AMR\n", Signature("amr", "AMR", ".amr")),
    (b"#!AMR-WB\n", Signature("amr", "AMR", ".amr")),
    (b"wvpk", Signature("wv", "WavPack", ".wv")),
    (b"TTA1\x01\0", Signature("tta", "True Audio", ".tta")),
    (b"tBaK", Signature("tak", "TAK", ".tak")),
    (b"MPCK", Signature("mpc8", "Musepack", ".mpc")),
    (b"MP+\x07", Signature("mpc", "Musepack", ".mpc")),
    (b"\x0b\x77", Signature("ac3", "AC-3", ".ac3")),
    (b"\x7f\xfe\x80\x01", Signature("dts", "DTS", ".dts")),
    (b"DSD \x1c\0\0", Signature("dsf", "DSF", ".dsf")),
    (b"FLV\x01", Signature("flv", "Flash video", ".flv")),
    (b"\x00\x00\x01\xba", Signature("mpeg", "MPEG video", ".mpg")),
)
_APE = Signature("ape", "Monkey's Audio", ".ape")
_BOXES = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}


def signature_of(start: bytes) -> Signature | None:
    """The container that starts with these bytes (12 are enough for most); None for what is none we know."""
    for begins, found in _STARTS:
        if start.startswith(begins):
            return found
    if start[:4] in (b"RIFF", b"RF64", b"BW64"):
        return {b"WAVE": _WAV, b"AVI ": Signature("avi", "AVI", ".avi")}.get(start[8:12])
    if start[:4] == b"FORM" and start[8:12] in (b"AIFF", b"AIFC"):
        return _AIFF
    if start[:4] == b"MAC " and 3000 < int.from_bytes(start[4:6], "little") < 5000:
        return _APE
    # the length of a box is no letter: texts have words there
    if start[4:8] == b"ftyp" or (start[4:8] in _BOXES and start[0] < 9):
        return _MP4
    if start[:4] == b"\x1a\x45\xdf\xa3":
        return _WEBM if b"webm" in start[:64] else _MATROSKA_FILE
    if start[:1] == b"\xff" and len(start) > 3 and start[1] & 0xF6 == 0xF0 and start[2] >> 2 & 15 < 13:
        return Signature("aac", "AAC (ADTS)", ".aac")
    return _transport(start)


def _transport(start: bytes) -> Signature | None:
    packet = 188
    steady = len(start) > 2 * packet and all(start[at] == 0x47 for at in (0, packet, 2 * packet))
    return Signature("mpegts", "MPEG video", ".ts") if steady else None


def signature_in(path: Path) -> Signature | None:
    """That of a file; what ID3 has put in front is passed over."""
    try:
        with path.open("rb") as file:
            start = file.read(_FIRST_BYTES)
            if behind := after_id3(start):
                file.seek(behind)
                start = file.read(_FIRST_BYTES)
    except OSError:
        return None
    return signature_of(start)


def is_for_others(path: Path, found: Signature) -> bool:
    """Whether libsndfile cannot read the file however whole it is, for its container or its codec."""
    if found.others_only:
        return True
    codec = _codec(path, found)
    match found.demuxer:
        case "flac":
            return codec is not None and int(codec.partition("-")[0]) > _DEEPEST_FLAC
        case "ogg":
            return codec is not None
        case "wav":
            return codec is not None and (codec == "AAC" or codec not in _WAVES.values())
        case "caf":
            return codec not in (None, "PCM")
        case _:
            return False


def in_words(path: Path, found: Signature) -> str:
    """What a file holds, by its own bytes: "AAC in MP4"."""
    codec = _codec(path, found)
    return found.words if codec is None or codec in found.words else f"{codec} in {found.words}"


def _codec(path: Path, found: Signature) -> str | None:
    if found.demuxer == "mov":
        sound = movie_sound(path)
        return (
            None if sound is None else _CODECS.get(sound.codec.lower(), sound.codec if sound.codec.isalnum() else None)
        )
    with path.open("rb") as file:
        start = file.read(_FIRST_BYTES)
    match found.demuxer:
        case "matroska":
            return next((name for id_, name in _MATROSKA.items() if id_ in start), None)
        case "ogg":
            return next((name for id_, name in ((b"\x7fFLAC", "FLAC"), (b"Speex", "Speex")) if id_ in start), None)
        case "flac":
            return f"{((start[20] & 1) << 4 | start[21] >> 4) + 1}-bit" if len(start) > 21 else None
        case "wav" if 0 <= (at := start.find(b"fmt ")) <= len(start) - 10:
            tag = int.from_bytes(start[at + 8 : at + 10], "little")
            return _WAVES.get(tag, f"codec {tag:#x}")
        case "caf" if (at := start.find(b"desc")) >= 0:
            four = start[at + 20 : at + 24].decode("latin-1").strip()
            return {"aac": "AAC", **_CODECS}.get(four, four if four.isalnum() else None)
        case _:
            return None
