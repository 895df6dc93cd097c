"""The score of one join: what changes there, and what it asks a listener to accept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .change import change, click, curves
from .context import Context, pulse_error
from .scores import CONTEXT, DIP, PULSE, Norm, combined, own_norms, places_of
from .signals import Array, Features, cancels, features, to_mono
from .voices import Voices, voice_score

if TYPE_CHECKING:
    from .alignment import Seam

_EXCERPT = 5.0  # seconds of the result looked at on both sides of a join
_WIDE = 0.06  # seconds; longer blends are looked at in three places
_LEVEL_WINDOW, _LEVEL_HOP = 0.046, 0.012  # seconds
_LEVEL_REACH, _GAIN_SECONDS = 0.15, 0.3  # seconds
_LOWEST = 1e-7  # mean square below which levels are silence


@dataclass(frozen=True)
class SeamScore:
    """One join judged.

    seam: where. score: 0..100. values: each measure in its unit (click, rise, fall, step, swell, dip: dB; harmony
    0..1; pulse: ms or None; context: 1 for random places; voice: 0..1 for how surely one is cut). scores: 0..100 for
    each.
    """

    seam: Seam
    score: float
    values: dict[str, float | None]
    scores: dict[str, float]

    @property
    def worst_measure(self) -> str:
        return min(self.scores, key=lambda name: self.scores[name])

    @property
    def without_voice(self) -> float:
        """The score that it had before voices were listened to."""
        return combined({name: score for name, score in self.scores.items() if name != "voice"})


class SeamJudge:
    """Knows one original: samples [n, channels], rate in Hz."""

    def __init__(self, original: Array, rate: int, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        self.original, self.rate = original, rate
        self.difference = cancels(original)
        self.mono = self.mixed(original)
        self.piece: Features = features(self.mono, rate)
        self.curves = curves(self.piece)
        self.context = Context(self.piece, rng)
        self.places = places_of(self.piece.onset, self.piece.step, rng)
        self.voices = Voices(self.mono, rate)
        self.norms: dict[str, Norm] = own_norms(original, rate, self.curves, self.places)

    def mixed(self, samples: Array) -> Array:
        """[samples] mono the way the original was mixed."""
        return to_mono(samples, self.difference)

    def judge(self, result: Array, mono: Array, seam: Seam) -> SeamScore:
        """Score a join of `result` [n, channels], mixed down to `mono` [n]."""
        changes = self._changes(result, mono, seam)
        scores = {name: self.norms[name].score(value, self._own(name, seam)) for name, value in changes.items()}
        values: dict[str, float | None] = dict(changes)
        values["dip"] = dip = self._dip(mono, seam)
        values["pulse"] = pulse = pulse_error(self.piece, seam.left, seam.entered)
        values["context"] = context = self.context.distance(seam.left, seam.entered)
        values["voice"] = cut = self.voices.cut(seam.left, seam.entered)
        scores["voice"] = voice_score(cut)
        scores["dip"], scores["context"] = DIP.score(dip), CONTEXT.score(context)
        scores["pulse"] = 100.0 if pulse is None else PULSE.score(pulse)
        return SeamScore(seam, combined(scores), values, scores)

    def _own(self, name: str, seam: Seam) -> float:
        """How much the original changes at both places by itself."""
        places = (seam.left, seam.entered)
        if name == "click":
            return min(click(self.original, self.rate, place) for place in places)
        return min(change(self.curves, place)[name] for place in places)

    def _changes(self, result: Array, mono: Array, seam: Seam) -> dict[str, float]:
        """The largest of each measure at the join; at a long blend also at its edges."""
        start, end = (max(0, round((seam.at + side) * self.rate)) for side in (-_EXCERPT, _EXCERPT))
        found = curves(features(mono[start:end], self.rate, self.piece.scale))
        shifts = (-seam.extent / 2, 0.0, seam.extent / 2) if seam.extent > _WIDE else (0.0,)
        at = [seam.at - start / self.rate + shift for shift in shifts]
        rows = [{"click": click(result[start:end], self.rate, place)} | change(found, place) for place in at]
        return {name: max(row[name] for row in rows) for name in rows[0]}

    def _dip(self, mono: Array, seam: Seam) -> float:
        """dB by which the level leaves the span between the original around `left` and around `entered`."""
        reach = seam.extent / 2 + _LEVEL_REACH
        heard = self._levels(mono, seam.at, reach)
        there = [self._levels(self.mono, place, reach) for place in (seam.left, seam.entered)]
        if min(len(levels) for levels in (heard, *there)) == 0:
            return 0.0
        gains = [self._gain(mono, seam.at, place, side) for place, side in ((seam.left, -1), (seam.entered, 1))]
        expected = np.stack([levels + gain for levels, gain in zip(there, gains, strict=True)])
        below, above = expected.min(axis=0) - heard, heard - expected.max(axis=0)
        return float(max(below.max(), above.max(), 0.0))

    def _gain(self, result: Array, at: float, place: float, side: int) -> float:
        """dB the result is louder than the original next to a join, on its side."""
        size = round(_GAIN_SECONDS * self.rate)
        away = side * round(_LEVEL_REACH * self.rate) + min(side, 0) * size
        powers = [
            float(np.square(part).mean()) if len(part := _part(signal, round(t * self.rate) + away, size)) else 0.0
            for signal, t in ((result, at), (self.mono, place))
        ]
        return 0.0 if min(powers) < _LOWEST else float(10 * np.log10(powers[0] / powers[1]))

    def _levels(self, signal: Array, at: float, reach: float) -> Array:
        """[points] dB around second `at`, every 12 ms; empty where the piece ends."""
        window, hop = round(_LEVEL_WINDOW * self.rate), round(_LEVEL_HOP * self.rate)
        start, size = round((at - reach) * self.rate), round(2 * reach * self.rate)
        part = _part(signal, start, size)
        if start < 0 or len(part) < size or size <= window:
            return np.zeros(0)
        sums = np.concatenate([[0.0], np.cumsum(np.square(part, dtype=np.float64))])
        return 10 * np.log10((sums[window:] - sums[:-window])[::hop] / window + _LOWEST)


def _part(signal: Array, start: int, size: int) -> Array:
    return signal[max(0, start) : max(0, start + size)]
