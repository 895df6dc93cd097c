"""From values to scores: 100 inside what the track does itself, falling smoothly outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .change import MEASURES, change, click
from .signals import Array

if TYPE_CHECKING:
    from .change import Curves

_STEEPNESS = 4  # flat near the normal, half at the width, a soft tail
PLACES = 400  # of the original at which its own statistics are taken, half of them onsets
_NORMAL = 0.98  # quantile up to which a value is the track's own
# least width of the fall beyond it, in each measure's unit; the most is twice that
_LEAST = {"click": 6.0, "rise": 3.0, "fall": 3.0, "step": 3.0, "swell": 3.0, "harmony": 0.15}
_DIP_FREE, _DIP_WIDTH = 1.5, 3.0  # dB
_PULSE_FREE, _PULSE_WIDTH = 12.0, 28.0  # ms
_ALIKE, _ALIKE_WIDTH = 0.3, 0.35  # of the distance of random places


@dataclass(frozen=True)
class Norm:
    """Up to `normal` a value scores 100, at `normal + width` it scores 50."""

    normal: float
    width: float

    def score(self, value: float, expected: float = 0.0) -> float:
        """Of a value where the original itself has `expected`."""
        return 100 / (1 + (max(0.0, value - max(self.normal, expected)) / self.width) ** _STEEPNESS)


DIP = Norm(_DIP_FREE, _DIP_WIDTH)
PULSE = Norm(_PULSE_FREE, _PULSE_WIDTH)
CONTEXT = Norm(_ALIKE, _ALIKE_WIDTH)


def own_norms(samples: Array, rate: int, found: Curves, places: Array) -> dict[str, Norm]:
    """What each measure of MEASURES is at `places` [n] (seconds) of the original itself."""
    values = [{"click": click(samples, rate, float(at))} | change(found, float(at)) for at in places]
    norms: dict[str, Norm] = {}
    for name in MEASURES:
        column = np.array([value[name] for value in values])
        normal, middle = (float(x) for x in np.quantile(column, (_NORMAL, 0.5)))
        norms[name] = Norm(normal, float(np.clip(normal - middle, _LEAST[name], 2 * _LEAST[name])))
    return norms


def places_of(onset: Array, step: float, rng: np.random.Generator, count: int = PLACES) -> Array:
    """[count] seconds: half of them at the clearest onsets, half anywhere; onset [frames, groups], step seconds."""
    strength = onset.mean(axis=1)
    padded = np.pad(strength, 4, mode="constant")
    highest = np.lib.stride_tricks.sliding_window_view(padded, 9).max(axis=1)
    peaks = np.flatnonzero((strength >= highest) & (strength > np.quantile(strength, 0.8)))
    inside = max(2, len(onset) - 1)
    anywhere = rng.integers(1, inside, count - count // 2)
    onsets = rng.choice(peaks, count // 2) if len(peaks) else rng.integers(1, inside, count // 2)
    return np.sort(np.concatenate([anywhere, onsets])) * step


def combined(scores: dict[str, float]) -> float:
    """One score of several: each spoils what the others left."""
    return 100 * float(np.prod([score / 100 for score in scores.values()]))
