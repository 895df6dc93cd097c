"""What a sequence must achieve, and the penalty of each way to end it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fermata_mcp.rearrange.features.analysis import Analysis
    from fermata_mcp.rearrange.job import Ending, Job
    from fermata_mcp.rearrange.samples import Floats, Samples

# Penalties are shares of what a listener likes. Tuned 2026-11-22 with benchmarks/quality.py, whose judge takes 8 of 100
# for a fade where the track has an ending of its own, on the 26 tracks of fetch_music.TUNED and 20 s clips of them.
_FADE_ROOM = 10.0  # seconds of music a fade needs after the last jump
_FADE_PENALTY, _FADE_FOR_NO_ENDING = 0.12, 0.02  # of fading out where the track itself ends, and where it does not
# Chosen 2026-11-28: whoever has a track cut to a length wants to hear how it ends, unless the joins are bad.
_PAUSE_WHEN_EXACT, _CUT_WHEN_EXACT = (0.15, 0.2), (0.08, 0.02)  # as above, where the length can be met by routes
_FADE_WHEN_SHORTER = (0.85, 0.7)  # of fading out where the track itself ends, and where it does not
_FREE_CUT, _FREE_PAUSE = 0.12, 0.3  # seconds of its last sound the own ending may lack, and of silence it may gain
_PAUSE_PENALTY, _PAUSE_MOST = 0.04, 2.0  # per second of silence after the end; seconds
_CUT_PENALTY = (0.06, 0.01)  # of cutting into the near-silence at the end: at all, per second
_OFF_LENGTH, _OFF_MOST = 0.1, 2.0  # penalty per second of a loop off the wanted length; most seconds
_OFF_SHARE = 0.35  # … of a loop within the track, as share of its length
_WAITING = 0.03  # penalty per second that new material starts later than asked for
# Chosen 2026-11-22; not tuned.
_SILENT_BELOW = 35.0  # dB under the body, at the end of the track
_NOTHING = -70.0  # dB
_STOPPING = 10.0  # dB under the body, which the end of a track that just stops does not reach
_FADING = 5.0  # dB under the body, below which a track fades 5 to 8 s before its end


@dataclass(frozen=True)
class Objective:
    """What the sequence must achieve, in seconds of the analysed stretch.

    Attributes:
        added: Seconds to add, or to leave out where negative; with `loop` the length of the loop.
        seconds: Length of the stretch.
        start: The first jump leaves at or after this.
        soon: Whether it should leave as soon after it as it can.
        spacing: Music between two jumps.
        tail: Near-silence at the end, which may be cut.
        ends: Whether the track comes to an end of its own, instead of just stopping or fading out.
        take: 1 for the best sequence, 2, 3, … for others.
        ending: Which ending to prefer, or to reach where that is possible at all.
        exact: Whether silence after the end is worse than a join more.
    """

    added: float
    seconds: float
    start: float
    soon: bool
    spacing: float
    tail: float
    ends: bool = True
    take: int = 1
    ending: Ending = "auto"
    exact: bool = False

    @property
    def loops(self) -> bool:
        return self.ending in ("loop", "intro_loop")

    @property
    def shortens(self) -> bool:
        return self.added < 0

    @property
    def fade_penalty(self) -> float:
        if self.shortens:
            return _FADE_WHEN_SHORTER[0 if self.ends else 1]
        return _FADE_PENALTY if self.ends else _FADE_FOR_NO_ENDING

    @property
    def fade_room(self) -> float:
        """Seconds of music that must remain after the last jump of a sequence that fades."""
        return min(_FADE_ROOM, (self.seconds + min(0.0, self.added)) / 4)

    @property
    def most_over(self) -> float:
        """Most seconds that a sequence that does not fade may add beyond what is wanted."""
        if self.loops:
            return max(_OFF_MOST, _OFF_SHARE * self.added) if self.within else _OFF_MOST
        return max(_FREE_CUT, self.tail)

    @property
    def within(self) -> bool:
        """Whether a loop is shorter than the track: then its bars say what lengths there are."""
        return self.loops and self.added < self.seconds

    @property
    def _off_length(self) -> float:
        """Penalty per second of a loop off the wanted length."""
        return min(_OFF_LENGTH, 1 / self.added) if self.within else _OFF_LENGTH

    def length_penalty(self, over: Floats) -> Floats:
        """Of adding `over` [any shape] seconds more than wanted (fewer, if negative) and not fading; the same shape.

        The end of the track is cut, or silence follows it; a loop is longer or shorter. Infinite where it is too much.
        """
        if self.loops:
            return np.where(np.abs(over) <= self.most_over, self._off_length * np.abs(over), np.inf)
        cut, pause = np.maximum(0, over - _FREE_CUT), np.maximum(0, -over - _FREE_PAUSE)
        per_second, most = _PAUSE_WHEN_EXACT if self.exact else (_PAUSE_PENALTY, _PAUSE_MOST)
        at_all, each = _CUT_WHEN_EXACT if self.exact else _CUT_PENALTY
        penalty = per_second * pause + at_all * (cut > 0) + each * cut
        return np.where((pause <= most) & (over <= self.most_over), penalty, np.inf)

    def waiting_penalty(self, leave: Floats) -> Floats:
        """Of a first jump that leaves only at second `leave` [any shape]; the same shape."""
        return (leave - self.start) * _WAITING if self.soon else np.zeros_like(leave)


def objective_of(samples: Samples, analysis: Analysis, frames: int, untouched: int, job: Job) -> Objective:
    """What must be achieved for the result of `job` to be `frames` long, the first `untouched` of the source kept."""
    to_end = (samples.frames - analysis.start) / samples.rate
    place = (untouched - analysis.start) / samples.rate
    last = (analysis.frames - 4) / analysis.fps
    soon = job.continue_at is not None
    added = (frames - (0 if job.loops else samples.frames)) / samples.rate
    return Objective(
        added=added,
        seconds=to_end,
        start=min(place, last) if soon else head(analysis),
        soon=soon,
        spacing=_spacing(analysis, to_end, added),
        tail=_quiet_tail(analysis) if analysis.seconds > to_end - 0.1 else 0.0,
        ends=_has_ending(analysis),
        take=job.take,
        ending=job.ending,
        exact=added < 0,
    )


def _spacing(analysis: Analysis, seconds: float, added: float) -> float:
    """Seconds of music between two jumps."""
    if added < 0:
        return min(8.0, max(0.5, 0.1 * (seconds + added)))
    return min(8.0, max(1.5, 0.06 * analysis.seconds), shortest_jump(seconds, added))


def head(analysis: Analysis) -> float:
    """Seconds at the beginning that are always heard as they are."""
    return min(4.0, 0.2 * analysis.seconds)


def shortest_jump(seconds: float, added: float) -> float:
    """The least distance of a jump, in seconds."""
    usual = min(6.0, max(2.4, 0.04 * seconds)) if seconds > 30 else max(1.0, 0.12 * seconds)
    return min(usual, max(1.0, 0.9 * added))


def _quiet_tail(analysis: Analysis) -> float:
    """Seconds of near-silence at the end."""
    sounding = np.flatnonzero(analysis.level > analysis.body - _SILENT_BELOW)
    last = int(sounding[-1]) if len(sounding) else 0
    return (analysis.cells - 1 - last) * analysis.cell_seconds


def _has_ending(analysis: Analysis) -> bool:
    """Whether the track comes to an end of its own, rather than stopping at full level or fading out."""
    end = int(np.flatnonzero(analysis.level > _NOTHING)[-1]) + 1
    half_second, five, eight = (round(seconds / analysis.cell_seconds) for seconds in (0.5, 5, 8))
    if end <= eight:
        return True
    last = float(np.mean(analysis.level[end - half_second : end]))
    before = float(np.mean(analysis.level[end - eight : end - five]))
    return last < analysis.body - _STOPPING and before > analysis.body - _FADING
