"""What a path must achieve, and what each way to end it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fermata_mcp.rearrange.job import Ending
    from fermata_mcp.rearrange.samples import Floats

_FADE_ROOM = 10.0  # seconds of music a fade needs after the last jump
_FADE_PRICE, _FADE_FOR_NO_ENDING = 0.08, 0.02  # of fading out where the track itself ends, and where it does not
_FREE_CUT, _FREE_PAUSE = 0.12, 0.3  # seconds of its last sound the own ending may lack, and of silence it may gain
_PAUSE_PRICE, _PAUSE_MOST = 0.04, 2.0  # per second of silence after the end; seconds
_CUT_PRICE = (0.06, 0.01)  # of cutting into the near-silence at the end: at all, per second
_OFF_LENGTH, _OFF_MOST = 0.1, 2.0  # price per second of a loop off the wanted length; most seconds
_WAITING = 0.03  # price per second that new material starts later than asked for


@dataclass(frozen=True)
class Wanted:
    """What the path must achieve, in seconds of the analysed stretch.

    Attributes:
        added: Seconds to add; with `loop` the length of the loop.
        seconds: Length of the stretch.
        start: The first jump leaves at or after this.
        soon: Whether it should leave as soon after it as it can.
        spacing: Music between two jumps.
        tail: Near-silence at the end, which may be cut.
        ends: Whether the track comes to an end of its own, instead of just stopping or fading out.
        take: 1 for the best path, 2, 3, … for others.
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
    def fade_price(self) -> float:
        return _FADE_PRICE if self.ends else _FADE_FOR_NO_ENDING

    @property
    def fade_room(self) -> float:
        """Seconds of music that must be left after the last jump of a path that fades."""
        return min(_FADE_ROOM, self.seconds / 4)

    @property
    def beyond(self) -> float:
        """Most seconds a path that does not fade may add beyond what is wanted."""
        return _OFF_MOST if self.loops else max(_FREE_CUT, self.tail)

    def price_of_missing(self, late: Floats) -> Floats:
        """What it costs to add so many seconds more than wanted (fewer, if negative) and not to fade.

        The end of the track is cut, or silence follows it; a loop is longer or shorter. Infinite where it is too much.
        """
        if self.loops:
            return np.where(np.abs(late) <= _OFF_MOST, _OFF_LENGTH * np.abs(late), np.inf)
        cut, pause = np.maximum(0, late - _FREE_CUT), np.maximum(0, -late - _FREE_PAUSE)
        price = _PAUSE_PRICE * pause + _CUT_PRICE[0] * (cut > 0) + _CUT_PRICE[1] * cut
        return np.where((pause <= _PAUSE_MOST) & (late <= self.beyond), price, np.inf)

    def price_of_waiting(self, leave: Floats) -> Floats:
        """What it costs that the first jump leaves only at these seconds."""
        return (leave - self.start) * _WAITING if self.soon else np.zeros_like(leave)
