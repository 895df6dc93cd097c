"""How much changes at a place of a piece, joined or not: measures that need nothing but the sound around the place.

The same functions are used at joins of the result and at places of the original, so they can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .signals import Array

if TYPE_CHECKING:
    from .signals import Features

MEASURES = ("click", "rise", "fall", "step", "swell", "harmony")
_REACH = 0.06  # seconds around a place in which the worst moment is looked for
_CLICK_REACH, _CLICK_AROUND = 0.02, 0.25  # seconds
_SPECTRUM = 0.05  # seconds compared on both sides
_GAP = 2  # frames between them, as long as half an analysis window
_STEP, _SWELL = 0.45, 3.0  # seconds whose levels are compared
_HARMONY = 1.5  # seconds whose chroma are compared


@dataclass(frozen=True)
class Curves:
    """Changes at every frame of a piece, all [frames].

    rise, fall: dB (root mean square over bands) by which bands get louder and softer within about 0.1 s.
    step, swell: dB between the levels of 0.45 s and 3 s after and before.
    harmony: distance 0..1 between the chroma of 1.5 s before and after.
    """

    step_seconds: float
    rise: Array
    fall: Array
    step: Array
    swell: Array
    harmony: Array


def curves(piece: Features) -> Curves:
    width = max(2, round(_SPECTRUM / piece.step))
    before, after = _sides(piece.mel, width, _GAP)
    change = after - before
    rise = np.sqrt(np.square(np.maximum(change, 0)).mean(axis=1))
    fall = np.sqrt(np.square(np.maximum(-change, 0)).mean(axis=1))
    levels = [_level_step(piece, seconds) for seconds in (_STEP, _SWELL)]
    before, after = _sides(piece.chroma, round(_HARMONY / piece.step), 0)
    likeness = (before * after).sum(axis=1) / np.maximum(_norms(before) * _norms(after), 1e-9)
    harmony = np.where((_norms(before) < 0.1) | (_norms(after) < 0.1), 0.0, 1 - likeness)
    return Curves(piece.step, rise, fall, levels[0], levels[1], harmony)


def _norms(rows: Array) -> Array:
    return np.sqrt(np.square(rows).sum(axis=1))


def _sides(rows: Array, width: int, gap: int) -> tuple[Array, Array]:
    """[frames, n] means of up to `width` rows before and after every frame, `gap` rows away from it."""
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0, dtype=np.float64)])
    frame = np.arange(len(rows))
    last = len(rows)

    def mean(start: Array, end: Array) -> Array:
        start, end = np.clip(start, 0, last), np.clip(end, 0, last)
        return (sums[end] - sums[start]) / np.maximum(end - start, 1)[:, None]

    return mean(frame - gap - width, frame - gap), mean(frame + gap, frame + gap + width)


def _level_step(piece: Features, seconds: float) -> Array:
    before, after = _sides(piece.power[:, None], round(seconds / piece.step), 1)
    floor = piece.scale.power
    return np.abs(10 * np.log10((after[:, 0] + floor) / (before[:, 0] + floor)))


def click(samples: Array, rate: int, at: float) -> float:
    """dB by which the waveform bends more sharply near second `at` than around it; samples [n, channels]."""
    middle = round(at * rate)
    near, around = round(_CLICK_REACH * rate), round(_CLICK_AROUND * rate)
    part = samples[max(0, middle - around) : middle + around].astype(np.float64)
    if len(part) < 4 * near:
        return 0.0
    bends = np.abs(np.diff(part, 2, axis=0)).max(axis=1)
    centre = min(middle, around)
    inner = bends[max(0, centre - near) : centre + near]
    outer = np.concatenate([bends[: max(0, centre - near)], bends[centre + near :]])
    if not len(inner) or not len(outer):
        return 0.0
    # a fourth difference of rounding noise is far below this
    usual = max(float(np.quantile(outer, 0.99)), 2**-13)
    return float(20 * np.log10(max(float(inner.max()), 2**-14) / usual))


def change(found: Curves, at: float) -> dict[str, float]:
    """Every measure of MEASURES but the click at second `at`."""
    frame, reach = round(at / found.step_seconds), round(_REACH / found.step_seconds)
    near, here = slice(max(0, frame - reach), frame + reach + 1), slice(frame, frame + 1)
    values = {name: _largest(getattr(found, name)[near]) for name in ("rise", "fall")}
    return values | {name: _largest(getattr(found, name)[here]) for name in ("step", "swell", "harmony")}


def _largest(part: Array) -> float:
    return float(part.max()) if len(part) else 0.0
