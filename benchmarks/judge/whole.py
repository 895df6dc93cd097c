"""Scores of the whole result, 0..100: its length, what is repeated how often, how it begins and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .again import GRID
from .alignment import SILENT
from .signals import Array

if TYPE_CHECKING:
    from .alignment import Stretch

_LENGTH_SHARE, _LENGTH_STEEPNESS = 0.3, 1.5  # an error of this share of what was added or left out halves the score
_REPETITION_WEIGHT = 0.8
_BEGINNING = 5.0  # seconds
_EXACT, _UNLIKE = -60.0, -10.0  # dB of what differs, for 100 and 0
_ENDING_SLACK = 0.35  # seconds at the original's end that may be silence or a codec's padding
_SILENCE_COST = 4.0  # per second of silence after the end
_FADE, _FADE_FOR_NO_ENDING, _ABRUPT = 92.0, 98.0, 50.0
_FADE_DROP = 18.0  # dB by which the last half second must be below the time before
_SOFT_END = -24.0  # dB
_STOPPING, _FADING = -10.0, -5.0  # dB around the usual level: still there at the very end; left 5 to 8 s before it


class Ending(NamedTuple):
    """kind: `kept`, `fade`, `quiet` or `abrupt`."""

    kind: str
    score: float


def length_score(seconds: float, wanted: float, original: float) -> float:
    """For a result of `seconds` where `wanted` was asked of `original` seconds."""
    off = abs(seconds - wanted) / max(1e-9, abs(wanted - original))
    return 100 / (1 + (off / _LENGTH_SHARE) ** _LENGTH_STEEPNESS)


def repetition_score(stretches: list[Stretch], original: float, wanted: float) -> float:
    """Every passage may be heard once more than filling the length needs; what is heard more often costs."""
    cells = max(1, round(original / GRID))
    plays = np.zeros(cells)
    for one in stretches:
        first, last = (round((t + one.offset) / GRID) for t in (one.start, one.end))
        plays[max(0, first) : max(0, last)] += 1
    allowed = np.ceil(wanted / original) + 1
    excess = np.maximum(plays - allowed, 0).sum() / max(plays.sum(), 1)
    return 100 * (1 - _REPETITION_WEIGHT * float(excess))


def beginning_score(original: Array, result: Array, rate: int, first_seam: float) -> float:
    """Up to the first join or 5 s, mono [samples]: 100 when what differs is 60 dB below, 0 from -10 dB on."""
    count = min(len(original), len(result), round(min(_BEGINNING, first_seam) * rate))
    before, after = original[:count].astype(np.float64), result[:count].astype(np.float64)
    energy = max(float(np.square(before).sum()), SILENT * count, 1e-12)
    share = 10 * np.log10(max(float(np.square(after - before).sum()) / energy, 1e-12))
    return 100 * float(np.clip((share - _UNLIKE) / (_EXACT - _UNLIKE), 0, 1))


def ending(original: Array, result: Array, rate: int, stretches: list[Stretch]) -> Ending:
    """How the result ends; mono [samples]. The original's own ending is best, a fade next, a stop worst."""
    levels = [_levels(piece, rate) for piece in (original, result)]
    sounding = [_last_sound(level) for level in levels]
    if stretches:
        last = stretches[-1]
        reached = last.end + last.offset
        if reached >= sounding[0] - _ENDING_SLACK and last.end >= sounding[1] - _ENDING_SLACK:
            added = (len(result) / rate - sounding[1]) - (len(original) / rate - sounding[0])
            return Ending("kept", float(np.clip(100 - _SILENCE_COST * max(0.0, added - _ENDING_SLACK), _ABRUPT, 100)))
    end = levels[1]
    loud = 10 * np.log10(float(np.mean(end[-100:-20])) + 1e-10) if len(end) > 100 else 0.0
    tail = 10 * np.log10(float(np.mean(end[-5:])) + 1e-10)
    if loud - tail >= _FADE_DROP:
        return Ending("fade", _FADE if _has_ending(levels[0]) else _FADE_FOR_NO_ENDING)
    usual = 10 * np.log10(float(np.mean(levels[0])) + 1e-10)
    return Ending("quiet", (_FADE + _ABRUPT) / 2) if tail - usual < _SOFT_END else Ending("abrupt", _ABRUPT)


def _has_ending(levels: Array) -> bool:
    """Whether a piece [cells] comes to an end of its own, rather than stopping at full level or fading out."""
    end = round(_last_sound(levels) / GRID)
    if end < 120:
        return True
    usual = float(np.median(levels[:end]))
    last, before = (float(np.mean(levels[end - a : end - b])) for a, b in ((5, 1), (80, 50)))
    stops = last > usual * 10 ** (_STOPPING / 10)
    fades = before < usual * 10 ** (_FADING / 10)
    return not (stops or fades)


def _levels(mono: Array, rate: int) -> Array:
    """[cells] mean square of every 0.1 s."""
    size = round(GRID * rate)
    kept = len(mono) // size * size
    return np.square(mono[:kept], dtype=np.float64).reshape(-1, size).mean(axis=1)


def _last_sound(levels: Array) -> float:
    """Seconds up to which there is sound."""
    heard = np.flatnonzero(levels > SILENT)
    return (int(heard[-1]) + 1) * GRID if len(heard) else 0.0
