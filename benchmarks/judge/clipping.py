"""Samples that a tool drove to full scale, where the original is not."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .signals import Array

if TYPE_CHECKING:
    from .alignment import Stretch

_FULL = 1 - 2**-15  # the highest that 16 bits can say, or beyond
_HALVING = 100.0  # samples, about as many as one blend clips when it is heard to crackle


def new_full_scale(original: Array, result: Array, rate: int, stretches: list[Stretch]) -> int:
    """How many samples of `result` [n, channels] are at full scale beyond those of `original` heard there.

    Between two stretches both sides of a blend are heard, and the one with more of them is taken.
    """
    there, here = _running(original), _running(result)
    counts = [
        _within(here, one.start, one.end, rate) - _within(there, one.start + one.offset, one.end + one.offset, rate)
        for one in stretches
    ]
    for one, two in pairwise(stretches):
        own = [_within(there, one.end + side.offset, two.start + side.offset, rate) for side in (one, two)]
        counts.append(_within(here, one.end, two.start, rate) - max(own))
    return sum(max(0, count) for count in counts)


def clipping_score(samples: int) -> float:
    """0..100 for so many new samples at full scale."""
    return 100 / (1 + samples / _HALVING)


def _running(samples: Array) -> Array:
    """[n + 1] running count of the samples at full scale in all channels."""
    return np.concatenate([[0], np.cumsum((np.abs(samples) >= _FULL).sum(axis=1))])


def _within(running: Array, start: float, end: float, rate: int) -> int:
    """From second `start` to `end`."""
    first, last = (int(np.clip(round(t * rate), 0, len(running) - 1)) for t in (start, end))
    return int(running[max(first, last)] - running[first])
