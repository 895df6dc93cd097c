"""Plays a plan: copies untouched samples, blends at the joins, ends at the exact sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fermata_mcp.rearrange.samples import BLOCK, to_native
from fermata_mcp.rearrange.transitions.crossfade import blend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fermata_mcp.rearrange.arrangement.timeline import Plan
    from fermata_mcp.rearrange.samples import Floats, Native, Samples
    from fermata_mcp.rearrange.transitions.crossfade import Join

_DECLICK = 0.03  # seconds a cut-off ending fades


def render(samples: Samples, plan: Plan) -> Iterator[Native]:
    """The result in native blocks of at most 65,536 frames."""
    fade = plan.fade or _declick(samples, plan)
    done = 0
    for block in _to_length(samples, plan):
        yield _faded(block, plan.frames - fade - done, fade)
        done += len(block)


def _to_length(samples: Samples, plan: Plan) -> Iterator[Native]:
    left = plan.frames
    kind: np.dtype[Any] | None = None
    for block in _pieces(samples, plan):
        kind = block.dtype
        if left > 0:
            yield block[:left]
            left -= min(left, len(block))
    while left > 0:
        yield np.zeros((min(left, BLOCK), samples.channels), kind)
        left -= min(left, BLOCK)


def _pieces(samples: Samples, plan: Plan) -> Iterator[Native]:
    at = plan.origin
    for _, join in plan.seams():
        yield from _copied(samples, at, join.leave - join.before)
        yield from _blocks(_blended(samples, join))
        at = join.enter + join.after
    if plan.wrap is None:
        yield from _copied(samples, at, samples.frames)


def _copied(samples: Samples, start: int, stop: int) -> Iterator[Native]:
    for at in range(start, stop, BLOCK):
        yield samples.read(at, min(at + BLOCK, stop))


def _blocks(piece: Native) -> Iterator[Native]:
    for at in range(0, len(piece), BLOCK):
        yield piece[at : at + BLOCK]


def _blended(samples: Samples, join: Join) -> Native:
    old = _read_beyond(samples, join.leave - join.before, join.leave + join.after)
    new = samples.read(join.enter - join.before, join.enter + join.after)
    return to_native(blend(old.astype(np.float64), new.astype(np.float64)), new.dtype)


def _read_beyond(samples: Samples, start: int, stop: int) -> Native:
    """Frames `start` to `stop`; past the end the source runs backwards, so that there is something to blend from."""
    inside = samples.read(start, min(stop, samples.frames))
    missing = stop - max(start, samples.frames)
    if missing <= 0:
        return inside
    mirrored = samples.read(max(0, samples.frames - missing), samples.frames)[::-1]
    return np.concatenate([inside, mirrored])


def _faded(block: Native, start: int, fade: int) -> Native:
    """`block` with a half-cosine fade of `fade` frames that begins at its frame `start`, possibly negative."""
    if start >= len(block):
        return block
    phase = np.clip((np.arange(len(block)) - start) / max(1, fade), 0, 1)
    gain: Floats = 0.5 + 0.5 * np.cos(np.pi * phase)
    out = block.copy()
    first = max(0, start)
    out[first:] = to_native(block[first:] * gain[first:, None], block.dtype)
    return out


def _declick(samples: Samples, plan: Plan) -> int:
    """A short fade where the source is cut off; none where it plays to its end."""
    if plan.wrap is not None:
        return 0
    cut = samples.frames + sum(join.gain for join in plan.joins) - plan.frames
    return min(plan.frames, max(int(_DECLICK * samples.rate), min(4 * cut, int(1.5 * samples.rate)))) if cut > 0 else 0
