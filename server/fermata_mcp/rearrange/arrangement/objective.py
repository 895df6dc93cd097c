"""What a sequence must achieve, and the penalty of each way to end it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fermata_mcp.rearrange.job import Ending
    from fermata_mcp.rearrange.samples import Floats

# Penalties are shares of what a listener likes. Tuned 2026-11-22 with benchmarks/quality.py, whose judge takes 8 of 100
# for a fade where the track has an ending of its own, on the 26 tracks of fetch_music.TUNED and 20 s clips of them.
_FADE_ROOM = 10.0  # seconds of music a fade needs after the last jump
_FADE_PENALTY, _FADE_FOR_NO_ENDING = 0.08, 0.02  # of fading out where the track itself ends, and where it does not
_FREE_CUT, _FREE_PAUSE = 0.12, 0.3  # seconds of its last sound the own ending may lack, and of silence it may gain
_PAUSE_PENALTY, _PAUSE_MOST = 0.04, 2.0  # per second of silence after the end; seconds
_CUT_PENALTY = (0.06, 0.01)  # of cutting into the near-silence at the end: at all, per second
_OFF_LENGTH, _OFF_MOST = 0.1, 2.0  # penalty per second of a loop off the wanted length; most seconds
_WAITING = 0.03  # penalty per second that new material starts later than asked for


@dataclass(frozen=True)
class Objective:
    """What the sequence must achieve, in seconds of the analysed stretch.

    Attributes:
        added: Seconds to add; with `loop` the length of the loop.
        seconds: Length of the stretch.
        start: The first jump leaves at or after this.
        soon: Whether it should leave as soon after it as it can.
        spacing: Music between two jumps.
        tail: Near-silence at the end, which may be cut.
        ends: Whether the track comes to an end of its own, instead of just stopping or fading out.
        take: 1 for the best sequence, 2, 3, … for others.
        ending: Which ending to prefer, or to reach where that is possible at all.
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

    @property
    def loops(self) -> bool:
        return self.ending == "loop"

    @property
    def fade_penalty(self) -> float:
        return _FADE_PENALTY if self.ends else _FADE_FOR_NO_ENDING

    @property
    def fade_room(self) -> float:
        """Seconds of music that must remain after the last jump of a sequence that fades."""
        return min(_FADE_ROOM, self.seconds / 4)

    @property
    def most_over(self) -> float:
        """Most seconds that a sequence that does not fade may add beyond what is wanted."""
        return _OFF_MOST if self.loops else max(_FREE_CUT, self.tail)

    def length_penalty(self, over: Floats) -> Floats:
        """Of adding `over` [any shape] seconds more than wanted (fewer, if negative) and not fading; the same shape.

        The end of the track is cut, or silence follows it; a loop is longer or shorter. Infinite where it is too much.
        """
        if self.loops:
            return np.where(np.abs(over) <= _OFF_MOST, _OFF_LENGTH * np.abs(over), np.inf)
        cut, pause = np.maximum(0, over - _FREE_CUT), np.maximum(0, -over - _FREE_PAUSE)
        penalty = _PAUSE_PENALTY * pause + _CUT_PENALTY[0] * (cut > 0) + _CUT_PENALTY[1] * cut
        return np.where((pause <= _PAUSE_MOST) & (over <= self.most_over), penalty, np.inf)

    def waiting_penalty(self, leave: Floats) -> Floats:
        """Of a first jump that leaves only at second `leave` [any shape]; the same shape."""
        return (leave - self.start) * _WAITING if self.soon else np.zeros_like(leave)
