"""Writes the result next to its target and moves it there when it is complete."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import soundfile

from fermata_mcp.media.atomic import told_in_words, whole_file
from fermata_mcp.media.audio import probe
from fermata_mcp.media.codecs.resampling import resampled
from fermata_mcp.media.codecs.writing import Spending, writer
from fermata_mcp.media.encoding.layout import keep_layout
from fermata_mcp.media.encoding.peaks import storable
from fermata_mcp.media.encoding.quality import Sound, kbps_for, quality
from fermata_mcp.media.files import check_seal
from fermata_mcp.media.tagging.carry import copy_tags, strings_for
from fermata_mcp.media.tagging.loops import mark_loop
from fermata_mcp.rearrange.samples import BLOCK, to_float

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from fermata_mcp.media.codecs.targets import Target
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
# What holds whole numbers alone: what is beyond full scale is lost there.
_WHOLE = {"PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "ALAC_16", "ALAC_24", "ULAW", "ALAW"}
_AS_GOOD = 96.0  # kbit/s each channel, at least, for what another codec had compressed


class _Plan(NamedTuple):
    """What is written, in which container, and the words that its writer takes before the samples."""

    target: Target
    container: str
    facts: AudioFacts
    words: dict[str, str]


def write_result(
    job: Job,
    facts: AudioFacts,
    target: Target,
    moves: Moves,
    blocks: Iterable[Native],
    progress: Callable[[float], None],
    loop_start: int | None = None,
) -> tuple[AudioFacts, tuple[str, ...]]:
    """Write `blocks` as `target` with the source's tags to `job.target`.

    Args:
        moves: What of the source is heard where.
        loop_start: The frame from which on the file is marked as a loop, to its end; None marks none.

    Returns:
        The facts of that file, and what of the source could not be carried into it.

    Raises:
        StoreUnavailable: The folder cannot be written, or is full.
        FileNotAllowed: The source was changed meanwhile.
        NotSupported: Nothing here writes that format.
    """
    expected = round(moves.frames * target.rate / facts.sample_rate)
    with whole_file(job.target, ending=job.target.suffix) as part, told_in_words(job.target.parent):
        plan = _plan(job, facts, target, expected)
        _refuse_without_room(part, plan, expected)
        given = _at_rate(_told(blocks, moves.frames, progress), facts, target.rate)
        spending, given = _spending(job.source, plan, given)
        clipped = _encode(part, plan, spending, given)
        keep_layout(job.source, part)
        encoded = _verified(part, expected, job.target)
        lost = copy_tags((job.source, facts), (part, encoded), job.title, moves)
        if loop_start is not None:
            start = round(loop_start * target.rate / facts.sample_rate)
            lost = (*lost, *mark_loop(part, start, min(expected, encoded.frames) - start))
        written = _verified(part, expected, job.target)
        check_seal(job.source, job.seal)
    return written, (*lost, *_too_loud(clipped, target))


def _plan(job: Job, facts: AudioFacts, target: Target, frames: int) -> _Plan:
    """The target as it can be written: one of its kin, where it has no room for the result."""
    container, subtype = target.container, _UNWRITABLE.get(target.subtype, target.subtype)
    if container in {"WAV", "WAVEX"} and frames * facts.channels * _BYTES.get(subtype, 1) > _WAV_LIMIT:
        container = "RF64"
    if not target.needs_library and not soundfile.check_format(container, subtype):
        subtype = soundfile.default_subtype(container) or subtype
    shorter = frames / target.rate < facts.duration_seconds
    words = strings_for(job.source, target.rate, job.title, shorter=shorter) if target.takes_words else {}
    return _Plan(replace(target, subtype=subtype), container, facts, words)


def _refuse_without_room(part: Path, plan: _Plan, frames: int) -> None:
    width = _BYTES.get(plan.target.subtype, 0) if plan.container not in ("FLAC", "OGG") else 0
    if shutil.disk_usage(part.parent).free < frames * plan.facts.channels * width:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _told(blocks: Iterable[Native], frames: int, progress: Callable[[float], None]) -> Iterator[Native]:
    done = 0
    for block in blocks:
        yield block
        done += len(block)
        progress(0.98 * done / frames)


def _at_rate(blocks: Iterator[Native], facts: AudioFacts, rate: int) -> Iterator[Native]:
    if rate == facts.sample_rate:
        return blocks
    return _short(resampled((to_float(block) for block in blocks), facts.sample_rate, rate, facts.channels))


def _short(blocks: Iterator[Native]) -> Iterator[Native]:
    for block in blocks:
        for start in range(0, len(block), BLOCK):
            yield block[start : start + BLOCK]


def _spending(source: Path, plan: _Plan, blocks: Iterator[Native]) -> tuple[Spending, Iterable[Native]]:
    """Encoder settings that spend at least the bits the source did, and plenty where it was not compressed."""
    target, facts = plan.target, plan.facts
    if not target.needs_library:
        sound = Sound(plan.container, target.subtype, target.rate, facts.channels)
        found, blocks_again = quality(source, sound, facts.duration_seconds, blocks)
        return Spending(found.level, found.mode), blocks_again
    kbps = facts.kbps if facts.kbps and not facts.lossless else None
    kbps = kbps or kbps_for(source, facts.duration_seconds, target.subtype, facts.channels)
    return Spending(kbps=kbps if target.same else max(kbps, _AS_GOOD * facts.channels)), blocks


def _encode(part: Path, plan: _Plan, spending: Spending, blocks: Iterable[Native]) -> int:
    """Write it all; how many samples were clipped."""
    facts, target, clipped = plan.facts, plan.target, 0
    with writer(part, target, plan.container, facts.channels, facts.layout, spending, plan.words) as file:
        for block in blocks:
            clipped += _beyond(block) if target.subtype in _WHOLE else 0
            file.write(storable(block, target.subtype) if target.subtype in _WHOLE else block)
    return clipped


def _beyond(block: Native) -> int:
    """Samples that no whole number holds."""
    return int(np.count_nonzero(np.abs(block) > 1)) if block.dtype.kind == "f" else 0


def _too_loud(clipped: int, target: Target) -> tuple[str, ...]:
    if not clipped:
        return ()
    return (f"{clipped} samples were louder than a {target.ending} file can hold, and were clipped.",)


def _verified(part: Path, frames: int, target: Path) -> AudioFacts:
    """The facts of the part, once its length is known to be right: some writers do not report a full disk."""
    written = probe(part)
    slack = 0 if written.lossless else written.sample_rate // 5
    if abs(written.frames - frames) > slack:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
    return written
