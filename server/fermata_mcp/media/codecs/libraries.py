"""Which library decodes and encodes what libsndfile cannot; and what to say where there is none."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from fermata_mcp.domain.errors import NotAudio
from fermata_mcp.media.formats.signatures import Signature, in_words

if TYPE_CHECKING:
    from pathlib import Path

    from .sound import Library

GET_ONE = "`pip install 'fermata-mcp[formats]'`, or put ffmpeg on the PATH"


class NoDecoder(NotAudio):
    """It may well be audio, but nothing here decodes its kind."""


def has_library() -> bool:
    """Whether `library` finds one; imports none."""
    from . import program

    return find_spec("av") is not None or program.is_here()


def library() -> Library | None:
    """PyAV where it is installed, else the programs of FFmpeg where they are on the PATH."""
    if find_spec("av") is not None:
        from .pyav import PyAv

        return PyAv()
    from . import program

    return program.Ffmpeg() if program.is_here() else None


def readable(*, with_library: bool) -> str:
    """The kinds that are read here, as people call them."""
    return "WAV, FLAC, OGG, MP3, AIFF, CAF" + (", m4a, WMA, WebM, or a video with sound" if with_library else "")


def no_audio(what: str) -> NotAudio:
    """What to say of a file that is none, or none that decodes: it names what would be read here."""
    return NotAudio(what, f"give a file that plays: {readable(with_library=has_library())}.")


def no_decoder(path: Path, found: Signature) -> NoDecoder:
    """What to say of a file whose kind only others can read."""
    return NoDecoder(
        f"{path.name} holds {in_words(path, found)}, which needs a decoder that is not here.",
        f"{GET_ONE}; or convert it to WAV, FLAC, OGG or MP3.",
    )
