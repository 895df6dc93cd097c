"""Writes the result next to its target and moves it there when it is complete."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

import soundfile

from fermata_mcp.media.atomic import opening, told_in_words, whole_file
from fermata_mcp.media.audio import probe
from fermata_mcp.media.encoding.layout import keep_layout
from fermata_mcp.media.encoding.peaks import storable
from fermata_mcp.media.encoding.quality import Quality, Sound, quality
from fermata_mcp.media.files import check_seal
from fermata_mcp.media.tagging.carry import copy_tags, strings_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from fermata_mcp.media.facts import AudioFacts
    from fermata_mcp.media.tagging.timed import Moves
    from fermata_mcp.rearrange.job import Job
    from fermata_mcp.rearrange.samples import Native

_WAV_LIMIT = 4_000_000_000  # bytes; beyond, only RF64 can count them
_BYTES = {
    "PCM_S8": 1,
    "PCM_U8": 1,
    "PCM_16": 2,
    "PCM_24": 3,
    "PCM_32": 4,
    "FLOAT": 4,
    "DOUBLE": 8,
    "ULAW": 1,
    "ALAW": 1,
}
_UNWRITABLE = {"MPEG_LAYER_I": "MPEG_LAYER_III", "MPEG_LAYER_II": "MPEG_LAYER_III"}
_TAGGED_LATER = {"WAV", "WAVEX", "RF64", "AIFF", "FLAC", "OGG", "MP3"}  # their writers need no words before the samples


def write_result(
    job: Job, facts: AudioFacts, moves: Moves, blocks: Iterable[Native], progress: Callable[[float], None]
) -> tuple[AudioFacts, tuple[str, ...]]:
    """Write `blocks` in the source's format with the source's tags to `job.target`.

    Args:
        moves: What of the source is heard where.

    Returns:
        The facts of that file, and what of the source could not be carried into it.

    Raises:
        StoreUnavailable: The folder cannot be written, or is full.
        FileNotAllowed: The source was changed meanwhile.
    """
    frames = moves.frames
    with whole_file(job.target, ending=job.target.suffix) as part, told_in_words(job.target.parent):
        container, subtype = _format(facts, frames)
        _refuse_without_room(part, facts, frames)
        sound = Sound(container, subtype, facts.sample_rate, facts.channels)
        spending, blocks = quality(job.source, sound, facts.duration_seconds, blocks)
        _encode(part, job, sound, spending, frames, blocks, progress)
        keep_layout(job.source, part)
        encoded = _verified(part, frames, facts, job.target)
        lost = copy_tags((job.source, facts), (part, encoded), job.title, moves)
        written = _verified(part, frames, facts, job.target)
        check_seal(job.source, job.seal)
    return written, lost


def _format(facts: AudioFacts, frames: int) -> tuple[str, str]:
    """Container and subtype to write: the source's, or the nearest that can hold the result."""
    subtype = _UNWRITABLE.get(facts.subtype, facts.subtype)
    container = facts.container
    if container in {"WAV", "WAVEX"} and frames * facts.channels * _BYTES.get(subtype, 1) > _WAV_LIMIT:
        container = "RF64"
    if not soundfile.check_format(container, subtype):
        subtype = soundfile.default_subtype(container) or subtype
    return container, subtype


def _refuse_without_room(part: Path, facts: AudioFacts, frames: int) -> None:
    needed = frames * facts.channels * _BYTES.get(facts.subtype, 0) if facts.container != "FLAC" else 0
    if shutil.disk_usage(part.parent).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _encode(
    part: Path,
    job: Job,
    sound: Sound,
    spending: Quality,
    frames: int,
    blocks: Iterable[Native],
    progress: Callable[[float], None],
) -> None:
    done = 0
    try:
        with opening:
            opened = soundfile.SoundFile(
                str(part),
                "w",
                sound.rate,
                sound.channels,
                subtype=sound.subtype,
                format=sound.container,
                compression_level=spending.level,
                bitrate_mode=spending.mode,
            )
        with opened as file:
            if sound.container not in _TAGGED_LATER:
                for name, value in strings_for(job.source, sound.rate, job.title).items():
                    setattr(file, name, value)
            for block in blocks:
                file.write(storable(block, sound.subtype))
                done += len(block)
                progress(0.98 * done / frames)
    except soundfile.SoundFileError as error:
        full = shutil.disk_usage(part.parent).free < 2**20
        raise OSError(errno.ENOSPC if full else errno.EIO, "the audio library stopped writing") from error


def _verified(part: Path, frames: int, facts: AudioFacts, target: Path) -> AudioFacts:
    """The facts of the part, once its length is known to be right: some writers do not report a full disk."""
    written = probe(part)
    slack = 0 if facts.lossless else facts.sample_rate // 5
    if abs(written.frames - frames) > slack:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
    return written
