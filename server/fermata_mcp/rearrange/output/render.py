"""Plays a timeline: copies untouched samples, crossfades at the seams, ends at the exact sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fermata_mcp.rearrange.samples import BLOCK, full_scale, to_native
from fermata_mcp.rearrange.transitions.crossfade import crossfade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fermata_mcp.rearrange.arrangement.timeline import Timeline
    from fermata_mcp.rearrange.samples import Floats, Native, Samples
    from fermata_mcp.rearrange.transitions.crossfade import Crossfade

_DECLICK = 0.03  # seconds a cut-off ending fades; chosen: too short to be heard as a fade, too long to click


def render(samples: Samples, timeline: Timeline) -> Iterator[Native]:
    """The result as native blocks [frames, channels] of at most 65,536 frames, `timeline.frames` in all."""
    fade = timeline.fade or _declick(samples, timeline)
    done = 0
    for block in _cut_to_length(samples, timeline):
        yield _fade_out(block, timeline.frames - fade - done, fade)
        done += len(block)


def _cut_to_length(samples: Samples, timeline: Timeline) -> Iterator[Native]:
    left = timeline.frames
    kind: np.dtype[Any] | None = None
    for block in _pieces(samples, timeline):
        kind = block.dtype
        if left > 0:
            yield block[:left]
            left -= min(left, len(block))
    while left > 0:
        yield np.zeros((min(left, BLOCK), samples.channels), kind)
        left -= min(left, BLOCK)


def _pieces(samples: Samples, timeline: Timeline) -> Iterator[Native]:
    at = timeline.origin
    for _, seam in timeline.seams():
        yield from _copy(samples, at, seam.leave - seam.before)
        yield from _blocks(_mix(samples, seam))
        at = seam.enter + seam.after
    if timeline.wrap is None:
        yield from _copy(samples, at, samples.frames)


def _copy(samples: Samples, start: int, stop: int) -> Iterator[Native]:
    for at in range(start, stop, BLOCK):
        yield samples.read(at, min(at + BLOCK, stop))


def _blocks(piece: Native) -> Iterator[Native]:
    for at in range(0, len(piece), BLOCK):
        yield piece[at : at + BLOCK]


def _mix(samples: Samples, seam: Crossfade) -> Native:
    """[frames, channels] of both sides of one seam, in native units."""
    old = _read_beyond(samples, seam.leave - seam.before, seam.leave + seam.after)
    new = samples.read(seam.enter - seam.before, seam.enter + seam.after)
    full = full_scale(new.dtype)
    return to_native(crossfade(old.astype(np.float64), new.astype(np.float64), full), new.dtype)


def _read_beyond(samples: Samples, start: int, stop: int) -> Native:
    """[frames, channels] `start` to `stop`; past the end the source runs backwards, to have something to fade from."""
    inside = samples.read(start, min(stop, samples.frames))
    missing = stop - max(start, samples.frames)
    if missing <= 0:
        return inside
    mirrored = samples.read(max(0, samples.frames - missing), samples.frames)[::-1]
    return np.concatenate([inside, mirrored])


def _fade_out(block: Native, start: int, fade: int) -> Native:
    """`block` [frames, channels] with a half-cosine fade of `fade` frames.

    It begins at frame `start` of the block, which is negative where it began in an earlier one.
    """
    if start >= len(block):
        return block
    phase = np.clip((np.arange(len(block)) - start) / max(1, fade), 0, 1)
    gain: Floats = 0.5 + 0.5 * np.cos(np.pi * phase)
    out = block.copy()
    first = max(0, start)
    out[first:] = to_native(block[first:] * gain[first:, None], block.dtype)
    return out


def _declick(samples: Samples, timeline: Timeline) -> int:
    """Frames of a short fade where the source is cut off; none where it plays to its end."""
    if timeline.loop_start is not None:
        return 0
    cut = samples.frames + sum(seam.lag for seam in timeline.crossfades) - timeline.frames
    return (
        min(timeline.frames, max(int(_DECLICK * samples.rate), min(4 * cut, int(1.5 * samples.rate)))) if cut > 0 else 0
    )
