"""Joining a new part to what came before, a block at a time: memory does not grow with length.

numpy, soundfile and soxr are imported on first use; everything here is to be run where a decoder may end its process.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fermata_mcp.domain.errors import NotAudio, NotSupported

from .atomic import told_in_words, whole_file
from .audio import Opened, open_audio, probe
from .codecs.resampling import as_channels, resampled
from .codecs.targets import Target, kept
from .codecs.writing import Spending, writer
from .encoding.peaks import blended, storable
from .facts import JoinedFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    Samples = np.ndarray[Any, np.dtype[np.float32]]

BLEND_SECONDS = 0.03
_BLOCK = 65_536


def join(before: Path, at: float, part: Path, target_stem: Path, skipped: float = 0.0) -> JoinedFile:
    """Write `before` up to second `at` followed by `part` without its first `skipped` seconds.

    Blended over 30 ms at equal power.

    The result has the container, sample format, bit rate and tags of `before`, and appears whole or not at all.

    Raises:
        NotAudio: One of the two cannot be decoded here.
        TooLarge: One of the two is longer than anybody can use.
        StoreUnavailable: The result cannot be written.
    """
    import soundfile

    try:
        with open_audio(before) as head, open_audio(part) as tail:
            wanted = kept(probe(before))
            target = target_stem.with_name(target_stem.name + wanted.ending)
            cut = min(head.frames, round(at * head.samplerate))
            tail.read(round(max(0.0, skipped - BLEND_SECONDS) * tail.samplerate), dtype="float32")
            return JoinedFile(target, _write(_joined(head, cut, _like(head, tail)), before, cut, target, wanted))
    except soundfile.SoundFileError as error:
        raise NotAudio(f"{part.name} cannot be joined here.") from error
    except NotSupported as error:
        raise NotAudio(error.message) from error


def _joined(head: Opened, cut: int, tail: Iterator[Samples]) -> Iterator[Samples]:
    import numpy as np

    blend = min(round(BLEND_SECONDS * head.samplerate), cut)
    first = _at_least(blend, tail, head.channels)
    blend = min(blend, len(first))
    yield from _blocks(head, cut - blend)
    last = next(_blocks(head, blend), first[:0])
    blend = min(blend, len(last))
    ramp = np.sin(np.linspace(0, np.pi / 2, blend + 2, dtype=np.float32)[1:-1])[:, None]
    power = ramp + ramp[::-1]
    yield blended(last[:blend], first[:blend], ramp / power, power, 1.0).astype(np.float32)
    yield first[blend:]
    yield from tail


def _at_least(frames: int, blocks: Iterator[Samples], channels: int) -> Samples:
    """The first of `blocks` as one [frames, channels], so long or all there is."""
    import numpy as np

    first = np.empty((0, channels), np.float32)
    while len(first) < frames and (block := next(blocks, None)) is not None:
        first = np.concatenate([first, block])
    return first


def _blocks(file: Opened, frames: int) -> Iterator[Samples]:
    while frames > 0 and len(block := file.read(min(_BLOCK, frames), dtype="float32", always_2d=True)):
        frames -= len(block)
        yield block


def _like(head: Opened, tail: Opened) -> Iterator[Samples]:
    """The samples of `tail`, with rate and channels of `head`."""
    blocks = (as_channels(block, head.channels) for block in _blocks(tail, tail.frames))
    if tail.samplerate == head.samplerate:
        return blocks
    return resampled(blocks, tail.samplerate, head.samplerate, head.channels)


def _write(blocks: Iterator[Samples], like: Path, cut: int, target: Path, wanted: Target) -> tuple[str, ...]:
    from .encoding.layout import keep_layout
    from .encoding.quality import Sound, quality
    from .tagging.carry import copy_tags, strings_for
    from .tagging.timed import Moves, Passage

    facts = probe(like)
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
                for start in range(0, len(block), _BLOCK):
                    file.write(storable(block[start : start + _BLOCK], wanted.subtype))
        keep_layout(like, part)
        written = probe(part)
        moves = Moves(facts.sample_rate, (Passage(0, 0, cut),), round(written.frames * facts.sample_rate / wanted.rate))
        return copy_tags((like, facts), (part, written), "", moves)
