"""The best place near a point at which new music can take over, and how it does.

Where both hold the same music, they are aligned by it to the sample, made equally loud, and changed over while they
agree. Where they do not, what is new is so placed that the pulse goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.media.facts import BAD_CONFIDENCE
from fermata_mcp.rearrange.transitions.alignment import align_waveform

from .agreement import Agreement, agreement, local_agreement
from .leaving_out import LeavingOut, ways
from .passage import Passage

if TYPE_CHECKING:
    from fermata_mcp.rearrange.samples import F32, Floats, Ints

# Chosen 2026-11-28; judged by benchmarks/generated_joins.py.
SHIFT_SECONDS = 0.2
_FURTHER = 2.0  # seconds after the point in which both may be the same
_HALF, _LEAST = 0.025, 0.02  # seconds: half of a blend of what is the same, and the shortest blend
_UNLIKE_SECONDS = 0.05  # a blend of what is not the same
_GRID, _REACH = 0.01, 0.06  # seconds between places looked at, and compared around each
_AS_GOOD = 0.9  # share of the best agreement that is as good
_SURE, _SAME = 0.98, 0.8  # the most that is claimed, and the correlation from which it is
_LOUDER, _NO_MATTER = 3.0, 6.0  # dB that a level is changed at most, and by which it differs on purpose
_LEVEL_SECONDS = 3.0
_WORTH = 0.2  # of the listeners: what a shift has to be worth
_OFF, _WORTH_PER_SECOND = 0.015, 0.1  # seconds off the beat that are let be, and what it is worth to lose nothing
_ALIGN_REACH, _ALIGN_SLACK, _ALIGNED = 0.15, 0.012, 0.6  # seconds compared and moved, and correlation that tells

_NEAR, _NEAR_STEP, _BETTER = 8.0, 0.25, 0.15  # seconds around a bad join, and how much surer a place has to be


@dataclass(frozen=True)
class Bounds:
    """Samples of what came before.

    Attributes:
        about: Where what is new begins, if it begins where it was asked for.
        earliest, latest: Between which the change may be. Where `about` is earlier, what is new begins with a copy.
        slack: By which `about` may be off.
    """

    about: int
    earliest: int
    latest: int
    slack: int

    @property
    def copied(self) -> bool:
        return self.about < self.earliest


@dataclass(frozen=True)
class Transition:
    """Samples at which to go over.

    What came before is heard up to `leave - before`, both until `leave + after`, then what is new, from
    `enter + after` on. `better`: where to branch off instead, if this is bad and something nearby is not. `left_out`:
    how much of both together is not heard, so that the beat goes on.
    """

    leave: int
    enter: int
    before: int
    after: int
    gain: float
    confidence: float
    better: int | None = None
    left_out: int = 0


def choose(old: F32, new: F32, bounds: Bounds, rate: int) -> Transition:
    """How to go from `old` [samples] over to `new` [samples], both mono at `rate` Hz."""
    known = bounds.earliest if bounds.copied else bounds.latest + round(_FURTHER * rate)
    found = agreement(old[: max(0, known)], new, bounds.about, bounds.slack, rate)
    if found is not None:
        made = _of_the_same(old, new, bounds, found, rate)
        if made is not None:
            return made
    return _of_others(old, new, bounds, rate)


# --- the same music on both sides -------------------------------------------------------------------------------------


def _of_the_same(old: F32, new: F32, bounds: Bounds, found: Agreement, rate: int) -> Transition | None:
    shift, slack = found.shift, 0 if bounds.copied else bounds.slack
    first, last = max(0, shift), min(len(old), len(new) + shift)
    start, stop = max(bounds.earliest - slack, first), min(bounds.latest + slack, last)
    if stop - start < round(_LEAST * rate):
        return None
    half = min(round(_HALF * rate), (min(stop, last) - max(start, first)) // 2)
    places = np.arange(start + half, max(start + half, stop - half) + 1, round(_GRID * rate))
    agrees = local_agreement(old, new, shift, places, round(_REACH * rate), rate)
    good = np.flatnonzero(agrees >= _AS_GOOD * agrees.max())
    leave = int(places[good[-1] if bounds.copied else good[np.argmin(np.abs(places[good] - bounds.latest))]])
    agree = max(found.correlation, agrees.max()) / _SAME
    sure = float(np.clip(BAD_CONFIDENCE + (_SURE - BAD_CONFIDENCE) * agree, 0, _SURE))
    made = Transition(leave, leave - shift, half, half, found.gain, round(sure, 3))
    return _with_what_follows(old, new, made, rate) if bounds.copied else made


def _with_what_follows(old: F32, new: F32, made: Transition, rate: int) -> Transition:
    """A copy says how to change over to it, and nothing of the music behind it."""
    passage = Passage.of(old[: made.leave], new[made.enter :] * np.float32(made.gain), rate)
    return _judged(passage, made, passage.border, made.leave)


# --- other music ------------------------------------------------------------------------------------------------------


def _of_others(old: F32, new: F32, bounds: Bounds, rate: int) -> Transition:
    if bounds.copied:
        return _behind_a_copy(old, new, bounds, rate)
    at, least = min(bounds.latest, len(old)), round(_LEAST * rate)
    gain, known = _level_gain(old[:at], new, rate), min(len(old), at + bounds.slack)
    passage = Passage.of(old[:known], new * np.float32(gain), rate)
    last = len(old) - least
    later = _on_the_beat(passage, at, last - at, bounds.slack, rate)
    if later <= 0 and (made := _leaving_out(old[:at], new, passage, gain, rate)) is not None:
        return made
    leave = max(0, min(at + later, last))
    after = min(round(_UNLIKE_SECONDS * rate), len(old) - leave, len(new))
    made = Transition(leave, 0, 0, after, gain, 0.0, left_out=max(0, -later))
    return _judged(passage, made, _frame(passage, leave, rate), leave)


def _frame(passage: Passage, at: int, rate: int) -> int:
    return round(at / rate * passage.analysis.fps)


def _on_the_beat(passage: Passage, at: int, room: int, slack: int, rate: int) -> int:
    """Samples by which what is new should come later than `at`, with `room` for so many at most."""
    beat, border = passage.beat, _frame(passage, at, rate)
    later = None if beat is None else beat.shift(passage.analysis.onset, border, passage.border)
    if beat is None or later is None:
        return 0
    ways = (round(frames / beat.fps * rate) for frames in (later, later - beat.period))
    likings = {
        way: passage.confidence(_frame(passage, at + way, rate), 0) for way in ways if -slack <= way <= min(slack, room)
    }
    best = max(likings, key=likings.__getitem__, default=0)
    return best if likings and likings[best] > passage.confidence(border, 0) + _WORTH else 0


def _leaving_out(old: F32, new: F32, passage: Passage, gain: float, rate: int) -> Transition | None:
    """Where the beat stumbles if all of both is heard: the best way to leave out what mends it."""
    last = _frame(passage, len(old), rate)
    if passage.off_beat(last, 0) <= _OFF:
        return None
    liked = passage.confidence(last, 0) + _WORTH
    for way in ways(passage, last):
        leave, enter = way.place(passage, last)
        worth = liked + _WORTH_PER_SECOND * way.frames / passage.analysis.fps
        if passage.off_beat(leave, enter) <= _OFF and passage.confidence(leave, enter) >= worth:
            return _left_out(old, new, passage, way, (leave, enter), gain, rate)
    return None


def _left_out(
    old: F32, new: F32, passage: Passage, way: LeavingOut, frames: tuple[int, int], gain: float, rate: int
) -> Transition:
    """Aligned to the sample where the waveforms agree."""
    leave = round(frames[0] / passage.analysis.fps * rate)
    lost = round(way.frames / passage.analysis.fps * rate)
    enter = max(0, leave + lost - len(old))
    reach = min(round(_ALIGN_REACH * rate), len(old) - leave, enter)
    both, slack = np.concatenate([old, new]), round(_ALIGN_SLACK * rate)
    lag, correlation = align_waveform(both, leave, leave - enter - len(old), reach, slack)
    if correlation >= _ALIGNED:
        enter = max(0, leave - lag - len(old))
    blend = round(_UNLIKE_SECONDS * rate)
    before = min(blend // 2, enter, leave)
    after = min(blend - before, len(old) - leave, len(new) - enter)
    sure = round(min(_SURE, way.most_claimed, passage.confidence(*frames)), 3)
    return Transition(leave, enter, before, after, gain, sure, left_out=len(old) - leave + enter)


def _behind_a_copy(old: F32, new: F32, bounds: Bounds, rate: int) -> Transition:
    """A copy that some codec has changed beyond recognition: it is believed to lie where it was asked for."""
    gain = _copied_gain(old, new, bounds, rate)
    last = min(bounds.latest, len(old), len(new) + bounds.about)
    first = max(0, min(bounds.earliest, last))
    half = min(round(_UNLIKE_SECONDS * rate) // 2, (last - first) // 2)
    leave = last - half
    made = Transition(leave, leave - bounds.about, half, half, gain, 0.0)
    return _with_what_follows(old, new, made, rate)


def _copied_gain(old: F32, new: F32, bounds: Bounds, rate: int) -> float:
    start = max(0, bounds.about, bounds.earliest - 2 * round(_LEVEL_SECONDS * rate))
    return _ratio(old[start : bounds.earliest], new[start - bounds.about : bounds.earliest - bounds.about], 12.0)


def _level_gain(old: F32, new: F32, rate: int) -> float:
    reach = round(_LEVEL_SECONDS * rate)
    return _ratio(old[-reach:], new[:reach], _NO_MATTER, _LOUDER)


def _ratio(old: F32, new: F32, no_matter: float, most: float = np.inf) -> float:
    """What `new` is to be multiplied by to be as loud as `old`, both [samples]; 1 where that would be too much."""
    powers = [float(np.mean(np.square(one, dtype=np.float64))) if len(one) else 0.0 for one in (old, new)]
    if min(powers) < 1e-7:
        return 1.0
    decibels = 10 * np.log10(powers[0] / powers[1])
    return 1.0 if abs(decibels) > no_matter else float(10 ** (np.clip(decibels, -most, most) / 20))


# --- how sure ---------------------------------------------------------------------------------------------------------


def _judged(passage: Passage, made: Transition, leave: int, at: int) -> Transition:
    """`made` with how sure it is: it leaves at frame `leave`, sample `at`, and all of the second side follows."""
    confidence = min(_SURE, passage.confidence(leave, 0))
    sure = confidence if made.confidence == 0 else min(made.confidence, confidence)
    better = better_place(passage, leave, sure) if sure < BAD_CONFIDENCE else None
    samples = None if better is None else at + round((better - leave) * passage.analysis.hop * passage.analysis.step)
    return replace(made, confidence=round(sure, 3), better=samples)


def judged(old: F32, new: F32, rate: int) -> tuple[float, int | None]:
    """How sure a join is that somebody else made between `old` and `new`, and samples of `old` to branch off better."""
    passage = Passage.of(old, new, rate)
    made = _judged(passage, Transition(len(old), 0, 0, 0, 1.0, 0.0), passage.border, len(old))
    return made.confidence, made.better


def better_place(passage: Passage, leave: int, sure: float) -> int | None:
    """The frame within `_NEAR` seconds from which most listeners would follow; None where none is much better."""
    fps = passage.analysis.fps
    reach, step = int(_NEAR * fps), max(1, int(_NEAR_STEP * fps))
    places: Ints = np.arange(max(int(3 * fps), leave - reach), min(passage.border, leave + reach), step)
    if not len(places):
        return None
    liked: Floats = np.array([passage.confidence(int(place), 0) for place in places])
    best = int(places[int(np.argmax(liked))])
    return best if liked.max() >= max(BAD_CONFIDENCE, sure + _BETTER) else None
