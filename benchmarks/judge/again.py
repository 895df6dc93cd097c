"""How soon what was heard is heard again: what a listener counts who cannot see how long the original is.

A place is a tenth of a second of the original. Only the time between its hearings counts, so that what is fair in half
an hour, and tiring within a minute, is told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .signals import Array

if TYPE_CHECKING:
    from .alignment import Stretch

GRID = 0.1  # seconds in which passages are counted
_SOON = 60.0  # seconds within which a third hearing is noticed
_AT_ONCE = 10.0  # seconds within which a second one is
_ROUNDS, _ROUND_SECONDS = 4, 30.0  # so many hearings in so many seconds are a record that is stuck
_OFTEN_SECONDS = 120.0
_LITTLE, _MUCH = 20.0, 30.0  # seconds that are added by going back once, and seconds from which that counts in full
_THIRD_WEIGHT, _AT_ONCE_WEIGHT = 0.2, 0.35  # costs of a share of the added time
_STUCK_SECONDS = 30.0  # stuck, which halve what is left: they are remembered, however long the result is


@dataclass(frozen=True)
class Again:
    """Seconds of one result.

    added: by which it is longer than the original. third: heard for the third time, or more often, within 60 s. least:
    the least that `third` can be for any tool, by arithmetic. at_once: heard within the last 10 s already. stuck: heard
    for the fourth time, or more often, within 30 s. often: how often at most a place is heard within two minutes, a
    number.
    """

    added: float
    third: float
    least: float
    at_once: float
    stuck: float
    often: int

    @property
    def score(self) -> float:
        """0..100; what no tool can avoid costs nothing, nor does going back once for so little."""
        third = max(0.0, self.third - self.least) / self.added
        at_once = self.at_once / self.added * float(np.clip((self.added - _LITTLE) / (_MUCH - _LITTLE), 0, 1))
        kept = (1 - _THIRD_WEIGHT * min(1.0, third)) * (1 - _AT_ONCE_WEIGHT * min(1.0, at_once))
        return 100 * kept / (1 + self.stuck / _STUCK_SECONDS)


def heard_again(stretches: list[Stretch], original: float, seconds: float) -> Again:
    """Of a result of `seconds`, made of `stretches` of an original of so many seconds."""
    within = _Hearings(stretches)
    return Again(
        added=max(GRID, seconds - original),
        third=GRID * float((within.last(_SOON) >= 3).sum()),
        least=least_third(original, seconds),
        at_once=GRID * float((within.last(_AT_ONCE) >= 2).sum()),
        stuck=GRID * float((within.last(_ROUND_SECONDS) >= _ROUNDS).sum()),
        often=int(within.last(_OFTEN_SECONDS).max(initial=0)),
    )


def least_third(original: float, seconds: float) -> float:
    """Seconds of third hearings within a minute that nothing made of `original` seconds can do without.

    In any minute each of its seconds can be heard twice; whatever more has to be played then is a third hearing.
    """
    return max(0.0, seconds - 2 * original * max(1.0, seconds / _SOON))


class _Hearings:
    """Every cell of the result: when it is heard, and which place of the original it is."""

    def __init__(self, stretches: list[Stretch]) -> None:
        times: list[int] = []
        places: list[int] = []
        for one in stretches:
            start, end, offset = (round(seconds / GRID) for seconds in (one.start, one.end, one.offset))
            times += range(start, end)
            places += range(start + offset, end + offset)
        self._times, self._places = np.asarray(times, np.int64), np.asarray(places, np.int64)

    def last(self, seconds: float) -> Array:
        """[cells] how often each one's place is heard within so many seconds, up to and with itself."""
        if not len(self._times):
            return np.zeros(0, np.int64)
        while_ = round(seconds / GRID)
        # numbers by place and then time, apart enough that those just below one are the same place's in the last while
        numbers = np.sort(self._places * (2 * max(while_, int(self._times.max()) + 1)) + self._times)
        return np.arange(1, len(numbers) + 1) - np.searchsorted(numbers, numbers - while_)
