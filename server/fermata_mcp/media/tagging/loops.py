"""Marks in a file where it loops, as games and samplers read them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from fermata_mcp.media.atomic import told_in_words, whole_file
from fermata_mcp.media.audio import probe
from fermata_mcp.media.facts import AudioFacts
from fermata_mcp.media.formats.contents import Kind, kind_of

from .carry import write
from .model import LOOP_END, LOOP_LENGTH, LOOP_START
from .reading import read

if TYPE_CHECKING:
    from pathlib import Path

_OPUS_CLOCK = 48_000
_HEARD_HERE = ("flac", "opus", "vorbis", "mp3", "wav", "aiff")
_HAVE_MARKS = (*_HEARD_HERE, "oggflac", "mp4", "asf")


def mark_loop(path: Path, start: int, length: int) -> tuple[str, ...]:
    """Say in the file that it loops for ever: `length` frames from frame `start` on.

    Written are LOOPSTART and LOOPLENGTH, in Opus counted at 48 kHz as its players do, and in WAV and AIFF a sampler's
    loop too. The file is replaced by a whole one.

    Returns:
        What a player of the file may not do, in sentences.

    Raises:
        ValueError: The loop is no part of the file.
        NotAudio, StoreUnavailable: The file cannot be read, or not be written.
    """
    kind = kind_of(path)
    if kind not in _HAVE_MARKS:
        return (f"A {path.suffix.lstrip('.') or kind} file has no place for loop marks; WAV, FLAC and OGG have.",)
    facts = _facts(path, kind, start + length)
    if start < 0 or length <= 0 or start + length > facts.frames:
        raise ValueError(f"no loop of {facts.frames} frames: {length} from {start}")
    clock = _OPUS_CLOCK / facts.sample_rate if kind == "opus" else 1
    begin, end = round(start * clock), round((start + length) * clock)
    found = read(path, facts.sample_rate)
    tags = found.tags.without(LOOP_END).saying(**{LOOP_START: str(begin), LOOP_LENGTH: str(end - begin)})
    with whole_file(path) as part, told_in_words(path.parent):
        shutil.copyfile(path, part)
        lost = write((part, facts), tags, found)
    said = [f"Not kept beside the loop marks: {', '.join(lost)}."] if lost else []
    return (*said, *_cautions(kind))


def _facts(path: Path, kind: Kind, frames: int) -> AudioFacts:
    """Of a file whose samples are not counted here, only what its marks need."""
    return probe(path) if kind in _HEARD_HERE else AudioFacts(0.0, frames, _OPUS_CLOCK, 2, "", "", path.suffix)


def _cautions(kind: Kind) -> tuple[str, ...]:
    if kind != "mp3":
        return ()
    return ("Many games leave a gap where an MP3 loops; WAV, FLAC and OGG loop to the sample.",)
