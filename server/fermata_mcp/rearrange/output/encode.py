"""Writes the result next to its target and moves it there when it is complete."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING, NamedTuple

import mutagen
import soundfile

from fermata_mcp.media.atomic import opening, told_in_words, whole_file
from fermata_mcp.media.audio import probe
from fermata_mcp.media.files import check_seal
from fermata_mcp.media.tags import copy_strings, copy_tags, open_tagged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from fermata_mcp.media.facts import AudioFacts
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
_MP3_KBPS = ((32000, 32, 320, 1152), (16000, 8, 160, 576), (0, 8, 64, 576))  # from rate: least, most, frame length
_MP3_HEADER = 210  # bytes; smaller frames have no room for the exact length
_VORBIS_KBPS = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)  # stereo at 44.1 kHz, quality 0 to 10
_TAGGED = {"FLAC", "OGG", "MP3"}  # mutagen keeps their text fields


class Quality(NamedTuple):
    """The encoder's `compression_level` (0 best, 1 smallest) and `bitrate_mode`; None for its default."""

    level: float | None = None
    mode: str | None = None


def write_result(
    job: Job, facts: AudioFacts, frames: int, blocks: Iterable[Native], progress: Callable[[float], None]
) -> AudioFacts:
    """Write `blocks` in the source's format with the source's tags to `job.target`; returns the facts of that file.

    Raises:
        StoreUnavailable: The folder cannot be written, or is full.
        FileNotAllowed: The source was changed meanwhile.
    """
    with whole_file(job.target, ending=job.target.suffix) as part, told_in_words(job.target.parent):
        container, subtype = _format(facts, frames)
        _refuse_without_room(part, facts, frames)
        _encode(part, job, facts, container, subtype, _quality(job.source, facts), frames, blocks, progress)
        copy_tags(job.source, part, job.title)
        written = _verified(part, frames, facts, job.target)
        check_seal(job.source, job.seal)
    return written


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
    part: Path, job: Job, facts: AudioFacts, container: str, subtype: str, quality: Quality, frames: int,
    blocks: Iterable[Native], progress: Callable[[float], None],
) -> None:  # fmt: skip
    done = 0
    try:
        with opening:
            opened = soundfile.SoundFile(
                str(part),
                "w",
                facts.sample_rate,
                facts.channels,
                subtype=subtype,
                format=container,
                compression_level=quality.level,
                bitrate_mode=quality.mode,
            )
        with opened as file:
            if container not in _TAGGED:
                copy_strings(job.source, file, job.title)
            for block in blocks:
                file.write(block)
                done += len(block)
                progress(0.98 * done / frames)
    except soundfile.SoundFileError as error:
        full = shutil.disk_usage(part.parent).free < 2**20
        raise OSError(errno.ENOSPC if full else errno.EIO, "the audio library stopped writing") from error


def _quality(source: Path, facts: AudioFacts) -> Quality:
    """Encoder settings that spend at least the bits the source did."""
    kbps = _kbps(source)
    if facts.container == "MP3":
        return _mp3_quality(kbps, facts.sample_rate)
    if facts.subtype == "VORBIS" and kbps:
        stereo = kbps * 88200 / (facts.sample_rate * max(1, facts.channels))
        better = [step for step, rate in enumerate(_VORBIS_KBPS) if rate >= stereo * 0.95]
        return Quality(1 - (better[0] if better else 10) / 10)
    return Quality()


def _mp3_quality(kbps: float | None, rate: int) -> Quality:
    low, high, frame = next(row[1:] for row in _MP3_KBPS if rate >= row[0])
    least = _MP3_HEADER * 8 * rate / frame / 1000
    share = (min(high, max(least, kbps or high * 0.6)) - low) / (high - low)
    return Quality(round(1 - share, 4), "CONSTANT")


def _kbps(source: Path) -> float | None:
    try:
        file = open_tagged(source)
    except mutagen.MutagenError:
        return None
    rate = getattr(getattr(file, "info", None), "bitrate", None)
    return rate / 1000 if isinstance(rate, int) and rate > 0 else None


def _verified(part: Path, frames: int, facts: AudioFacts, target: Path) -> AudioFacts:
    """The facts of the part, once its length is known to be right: some writers do not report a full disk."""
    written = probe(part)
    slack = 0 if facts.lossless else facts.sample_rate // 5
    if abs(written.frames - frames) > slack:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
    return written
