"""Joining a new part to what came before, a block at a time: memory does not grow with length.

Only what is around the join is held, and only what is heard in the result is decoded. To be run where a decoder may end
its process.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import soundfile

from fermata_mcp.domain.errors import NotAudio, NotSupported
from fermata_mcp.media.atomic import told_in_words, whole_file
from fermata_mcp.media.audio import Opened, open_audio, probe
from fermata_mcp.media.codecs.reader import BLOCK, blocks_of, go_to
from fermata_mcp.media.codecs.resampling import as_channels, resampled
from fermata_mcp.media.codecs.targets import Target, kept
from fermata_mcp.media.codecs.writing import Spending, writer
from fermata_mcp.media.encoding.peaks import storable
from fermata_mcp.media.facts import JoinedFile
from fermata_mcp.rearrange.transitions.crossfade import crossfade

from .transition import SHIFT_SECONDS, Bounds, Transition, choose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fermata_mcp.rearrange.samples import F32

    Samples = np.ndarray[Any, np.dtype[np.floating[Any]]]

_BEFORE, _AFTER, _NEW = 16.0, 4.0, 8.0  # seconds held: before the earliest join, behind the last, and of what is new
_EXACT_IN_DOUBLE = ("PCM_32", "DOUBLE")  # the other formats that hold samples without loss fit into single precision


def join(before: Path, part: Path, place: tuple[float, float, float], target_stem: Path) -> JoinedFile:
    """Write `before` followed by `part`, joined at the best place near the one that was asked for.

    The result has the container, sample format, bit rate and tags of `before`, whose samples are not touched before the
    blend, and appears whole or not at all.

    Args:
        place: Seconds of the track: where `part` begins, and the earliest and the latest place of the join. Where it
            begins before the earliest, it begins with a copy of the track; else the join may be up to
            `SHIFT_SECONDS` beside them, and where only so the beat goes on, up to `MOST_SECONDS` of either side are
            left out.

    Raises:
        NotAudio: One of the two cannot be decoded here.
        TooLarge: One of the two is longer than anybody can use.
        StoreUnavailable: The result cannot be written.
    """
    try:
        with open_audio(before) as head, open_audio(part) as tail:
            wanted = kept(probe(before))
            target = target_stem.with_name(target_stem.name + wanted.ending)
            joining = _Joining(head, tail, place, part, exact=probe(part).lossless, subtype=wanted.subtype)
            lost = _write(joining, before, target, wanted)
            return replace(joining.told(), path=target, warnings=lost)
    except soundfile.SoundFileError as error:
        raise NotAudio(f"{part.name} cannot be joined here.") from error
    except NotSupported as error:
        raise NotAudio(error.message) from error


class _Joining:
    """The samples of the result. How they were joined is known once the first of what is new were taken."""

    def __init__(
        self, head: Opened, tail: Opened, place: tuple[float, float, float], part: Path, *, exact: bool, subtype: str
    ) -> None:
        self._head, self._tail, self._part = head, tail, part
        self._exact, self._subtype = exact, subtype
        self._kind: Literal["float32", "float64"] = "float64" if head.subtype in _EXACT_IN_DOUBLE else "float32"
        self.rate = head.samplerate
        last = head.frames / self.rate
        self._begins_at, self._earliest, self._latest = place[0], min(place[1], last), min(place[2], last)
        self.made: Transition | None = None
        self._from = round(max(0.0, self._earliest - _BEFORE) * self.rate)

    @property
    def cut(self) -> int:
        """Frames of what came before that are heard."""
        return self._from + (self.made.leave if self.made else 0)

    def told(self) -> JoinedFile:
        made, rate = self.made, self.rate
        assert made is not None
        enter = self._new_from + made.enter / rate
        better = None if made.better is None else round((self._from + made.better) / rate, 2)
        blend = 1000 * (made.before + made.after) / rate
        lost = made.left_out / rate
        at = self.cut / rate
        return JoinedFile(self._part, at, at, enter, blend, made.confidence, better, left_out=lost)

    def blocks(self) -> Iterator[Samples]:
        yield from self._read_head(self._from)
        old = self._at_once(self._read_head(self._held_to - self._from), self._head.channels)
        blocks = self._new()
        new = self._at_once(_first(blocks, self._new_frames), self._head.channels)
        made = self.made = self._chosen(old, new[: self._new_frames])
        gain = np.float32(made.gain)
        first, last = made.leave - made.before, made.leave + made.after
        yield old[:first]
        both = slice(made.enter - made.before, made.enter + made.after)
        if last > first:
            yield crossfade(old[first:last], new[both] * gain, 1.0).astype(old.dtype)
        yield new[both.stop :] * gain
        for block in blocks:
            yield block * gain

    def _chosen(self, old: Samples, new: Samples) -> Transition:
        rate = self.rate
        about, earliest, latest = (
            round(second * rate) - self._from for second in (self._new_from, self._earliest, self._latest)
        )
        bounds = Bounds(about, earliest, latest, round(SHIFT_SECONDS * rate))
        made = choose(_mixed(old), _mixed(new), bounds, rate)
        return replace(made, gain=self._without_clipping(made.gain))

    def _without_clipping(self, gain: float) -> float:
        """What would make samples too large for the format is not done."""
        if gain <= 1 or storable(np.full(1, 2.0, np.float32), self._subtype)[0] > 1:
            return gain
        with open_audio(self._part) as again:
            peak = max((float(np.abs(block).max(initial=0)) for block in blocks_of(again, again.frames)), default=0.0)
        return max(1.0, min(gain, 1 / max(peak, 1e-9)))

    # --- what is read ---------------------------------------------------------------------------------------------

    @property
    def _held_to(self) -> int:
        return min(self._head.frames, round((self._latest + _AFTER) * self.rate))

    @property
    def _skipped(self) -> int:
        """Frames of the part, at its own rate, that nobody needs."""
        return round(max(0.0, self._earliest - _BEFORE - self._begins_at) * self._tail.samplerate)

    @property
    def _new_from(self) -> float:
        """Second of the track at which what is held of the part begins."""
        return self._begins_at + self._skipped / self._tail.samplerate

    @property
    def _new_frames(self) -> int:
        return round((max(0.0, self._latest - self._new_from) + _NEW) * self.rate)

    def _read_head(self, frames: int) -> Iterator[Samples]:
        return blocks_of(self._head, frames, self._kind)

    def _new(self) -> Iterator[F32]:
        """What is read of the part, with rate and channels of what came before."""
        go_to(self._tail, self._skipped, exact=self._exact)
        frames = self._tail.frames - self._skipped
        blocks = (as_channels(block, self._head.channels) for block in blocks_of(self._tail, frames))
        if self._tail.samplerate == self.rate:
            return blocks
        return resampled(blocks, self._tail.samplerate, self.rate, self._head.channels)

    def _at_once(self, blocks: Iterator[Samples], channels: int) -> Samples:
        return np.concatenate([np.empty((0, channels), self._kind), *blocks])


def _first(blocks: Iterator[F32], frames: int) -> Iterator[F32]:
    """Of `blocks` the first, until there are so many `frames`."""
    while frames > 0 and (block := next(blocks, None)) is not None:
        frames -= len(block)
        yield block


def _mixed(samples: Samples) -> F32:
    return samples.mean(1, dtype=np.float32)


def _write(joining: _Joining, like: Path, target: Path, wanted: Target) -> tuple[str, ...]:
    from fermata_mcp.media.encoding.layout import keep_layout
    from fermata_mcp.media.encoding.quality import Sound, quality
    from fermata_mcp.media.tagging.carry import copy_tags, strings_for
    from fermata_mcp.media.tagging.timed import Moves, Passage

    facts, blocks = probe(like), joining.blocks()
    if wanted.rate != facts.sample_rate:
        blocks = resampled(blocks, facts.sample_rate, wanted.rate, facts.channels)
    with whole_file(target, ending=target.suffix) as part, told_in_words(target.parent):
        spending, whole = Spending(kbps=facts.kbps), iter(blocks)
        if not wanted.needs_library:
            sound = Sound(wanted.container, wanted.subtype, wanted.rate, facts.channels)
            found, again = quality(like, sound, facts.duration_seconds, blocks)
            spending, whole = Spending(found.level, found.mode), iter(again)
        words = strings_for(like, wanted.rate, "") if wanted.takes_words else {}
        with writer(part, wanted, wanted.container, facts.channels, facts.layout, spending, words) as file:
            for block in whole:
                for start in range(0, len(block), BLOCK):
                    file.write(storable(block[start : start + BLOCK], wanted.subtype))
        keep_layout(like, part)
        written = probe(part)
        length = round(written.frames * facts.sample_rate / wanted.rate)
        moves = Moves(facts.sample_rate, (Passage(0, 0, joining.cut),), length)
        return copy_tags((like, facts), (part, written), "", moves)
