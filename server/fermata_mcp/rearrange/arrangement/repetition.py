"""How often, and how soon again, each second of the source is played, and the penalty of hearing it too often."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fermata_mcp.rearrange.samples import Floats, Ints
    from fermata_mcp.rearrange.transitions.jumps import Jumps

# Tuned 2026-11-22 with benchmarks/quality.py on the 26 tracks of fetch_music.TUNED made +60 s, +180 s, x 2 and x 3 long
# and on 20 s clips of them. `_SEAM` and the penalties of coming back too soon were settled after a look at all 52.
WORST_SHARE = 0.4  # of what listeners remember of all jumps is the worst one
_CELL = 0.25  # seconds in which it is counted how often they are played
_NEAR = 2.0  # seconds within which jumps are the same to the ear
_SEAM, _SEAM_SECONDS = 0.007, 600.0  # penalty of one more seam, however good, in so many seconds added
_REUSE = 0.04  # more for each further use of a jump or its neighbours, in the search …
_REUSE_IN_ALL = 0.02  # … and in the end, for each time that is twice as often
_REPLAY, _OVERPLAY = 0.1, 0.7  # penalty of the share of the result heard once more than it need be; than is put up with
# Tuned 2026-11-22 by the passages that quality.py counts five times in two minutes, x 2 to half an hour.
_WHILES = (120.0, 600.0)  # seconds within which a passage may be heard …
_SOON_ENOUGH = 3  # … so much more often than if the track were played evenly
_SOON_AGAIN = 0.2  # penalty of the share of the result heard once more than that, …
_SOONEST_AGAIN = 0.02  # … and of each such time of what is heard most often
_SHORT = 60.0  # seconds of the source below which both are less, in proportion
# Tuned 2026-11-28 with benchmarks/quality.py, +60 s and +180 s, and on 30 s and 20 s clips, of the same 26 tracks: more
# makes fewer seconds come again, by worse joins and more fades.
_THIRD, _THIRD_IN_SHORT = 0.08, 0.2  # penalty of the share of what is added that is heard a third time …
_THIRD_SECONDS = 60.0  # … within so long; of a short source, where it is most of it, more
_AT_ONCE, _AT_ONCE_SECONDS = 0.3, 10.0  # … and of the share that was just heard
_LITTLE, _MUCH = 20.0, 30.0  # seconds added by going back once, and seconds from which it counts in full
_USUAL_PLAYS = 3.0  # what is played more often than this on average tires anyway, and variety is better
_ROUNDS, _ROUNDS_SECONDS = 4, 30.0  # a record that plays a place so often within so many seconds is stuck …
_STUCK_SECONDS = 30.0  # … and so long of that takes half of what a listener likes


@dataclass(frozen=True)
class RepetitionPenalty:
    """Judges collections of jumps, given as indices, by their seams and by what they repeat.

    Attributes:
        jumps: What collections are made of.
        seconds: Length of the source.
        plays: How often it is heard on average.
        near: [jumps, jumps] whether two jumps are the same to the ear.
    """

    jumps: Jumps
    seconds: float
    plays: float
    near: NDArray[np.bool_]

    @classmethod
    def of(cls, jumps: Jumps, seconds: float, added: float) -> RepetitionPenalty:
        """For a source of `seconds` to which `added` seconds are added."""
        leave, enter = jumps.leave_seconds, jumps.enter_seconds
        near = (np.abs(leave[:, None] - leave) < _NEAR) & (np.abs(enter[:, None] - enter) < _NEAR)
        return cls(jumps, seconds, 1 + added / seconds, near)

    def of_collection(self, used: Sequence[int], unplayed: float = 0.0) -> float:
        """What the listener loses by all the jumps used and by what they repeat, whatever their order.

        Args:
            used: Indices of the jumps.
            unplayed: Seconds at the end of the source that are not heard.
        """
        penalties = self.jumps.penalty[list(used)]
        seams = (1 - WORST_SHARE) * float(penalties.mean()) + WORST_SHARE * float(penalties.max())
        replays = float(self._replay_penalty(self._play_counts(used, unplayed)).sum()) / self._result_cells
        reuse = _REUSE_IN_ALL * float(np.log2(1 + self._similar_uses(used)).mean())
        return seams + replays + self._seam_penalty * len(used) + reuse

    def of_order(self, order: Sequence[int], around: bool) -> float:
        """What the listener loses because these, played in this order, bring back too soon what was just heard.

        Or, where `around`, played in a loop.
        """
        start, stop = self._start[list(order)].tolist(), self._stop[list(order)].tolist()
        if around:
            start, stop = start[-1:] + start + start[:-1], stop * 2
        else:
            start, stop = [0, *start], [*stop, round(self.seconds / _CELL)]
        cells = np.concatenate([np.arange(first, end) for first, end in zip(start, stop, strict=True)])
        time = np.argsort(cells, kind="stable")
        # numbers by cell and then time, apart enough that those just below one are the same cell's in the last while
        number = cells[time] * (2 * len(cells)) + time
        penalty = 0.0
        for seconds in _WHILES:
            recent = min(len(cells), round(seconds / _CELL))
            often = np.arange(1, len(cells) + 1) - np.searchsorted(number, number - recent)
            again = np.maximum(0, often - math.ceil(seconds / self.seconds) - _SOON_ENOUGH)
            penalty += _SOON_AGAIN * float(again.mean()) + _SOONEST_AGAIN * float(again.max())
        # nothing can be new for long in a short source: better again than by a poor seam
        return penalty * min(1.0, self.seconds / _SHORT) + self._tiring(number)

    def _tiring(self, number: Ints) -> float:
        """What the listener loses by what is heard again within a minute, by cells as `of_order` numbers them."""
        at_once = self._at_once * _heard(number, _AT_ONCE_SECONDS, 2)
        third = self._third * _heard(number, _THIRD_SECONDS, 3)
        stuck = _CELL * _heard(number, _ROUNDS_SECONDS, _ROUNDS)
        return at_once + third + self._novelty * stuck / (stuck + _STUCK_SECONDS)

    def marginal(self, used: Sequence[int], among: int) -> Floats:
        """[jumps] roughly what using each once more costs the listener after these, where `among` are used in all."""
        penalty = (1 - WORST_SHARE) / among * self.jumps.penalty + self._seam_penalty + self._at_once_penalty
        for jump, count in zip(used, self._similar_uses(used).tolist(), strict=True):
            penalty[self.near[jump]] += _REUSE * count
        # of playing each cell once more
        counts = self._play_counts(used)
        penalty += self._between(self._replay_penalty(counts + 1) - self._replay_penalty(counts)) / self._result_cells
        if self.seconds <= _SHORT:  # then what is played a third time is so within a minute
            penalty += self._between(self._third * (counts >= 2))
        return penalty

    def _between(self, cells: Floats) -> Floats:
        """[jumps] sum of `cells` [cells] from where each enters to where it leaves."""
        total = np.concatenate([[0.0], np.cumsum(cells)])
        return total[self._stop] - total[self._start]

    @cached_property
    def _at_once_penalty(self) -> Floats:
        """[jumps] of each that brings back what was just heard."""
        gain = self.jumps.gain_seconds
        return np.where(gain < _AT_ONCE_SECONDS, self._at_once * gain / _CELL, 0.0)

    @cached_property
    def _at_once(self) -> float:
        """Penalty of each cell that was just heard."""
        added = (self.plays - 1) * self.seconds
        much = float(np.clip((added - _LITTLE) / (_MUCH - _LITTLE), 0, 1))
        return _AT_ONCE * much * self._novelty * _CELL / added

    @cached_property
    def _third(self) -> float:
        """Penalty of each cell that is heard a third time within a minute."""
        third = _THIRD_IN_SHORT if self.seconds <= _SHORT else _THIRD
        return third * self._novelty * _CELL / ((self.plays - 1) * self.seconds)

    @property
    def _novelty(self) -> float:
        """How much, 0 to 1, it matters when something is heard again."""
        return min(1.0, _USUAL_PLAYS / self.plays) ** 2

    @cached_property
    def _start(self) -> Ints:
        """[jumps] cell that each enters."""
        return np.round(self.jumps.enter_seconds / _CELL).astype(np.int64)

    @cached_property
    def _stop(self) -> Ints:
        """[jumps] cell before which each leaves."""
        return np.round(self.jumps.leave_seconds / _CELL).astype(np.int64)

    @property
    def _seam_penalty(self) -> float:
        """Of one more seam."""
        return _SEAM * _SEAM_SECONDS / max(_SEAM_SECONDS, (self.plays - 1) * self.seconds)

    @property
    def _result_cells(self) -> float:
        """Length of the result in cells."""
        return self.plays * self.seconds / _CELL

    def _similar_uses(self, used: Sequence[int]) -> Floats:
        """[used] how many others of them sound like each."""
        some = np.asarray(used, np.int64)
        return self.near[np.ix_(some, some)].sum(1) - 1.0

    def _play_counts(self, used: Sequence[int], unplayed: float = 0.0) -> Floats:
        """[cells] how often each is played."""
        some = np.asarray(used, np.int64)
        more = np.zeros(round(self.seconds / _CELL) + 2)
        np.add.at(more, self._start[some], 1)
        np.add.at(more, self._stop[some], -1)
        counts = 1 + np.cumsum(more[:-1])
        counts[len(counts) - round(unplayed / _CELL) :] -= 1
        return counts

    def _replay_penalty(self, counts: Floats) -> Floats:
        """[cells] of playing each so often, by `counts` [cells]."""
        enough = np.floor(self.plays) + 1
        too_often = np.maximum(0, counts - np.ceil(self.plays) - 1)
        return _REPLAY * np.maximum(0, counts - enough) + _OVERPLAY * too_often


def _heard(number: Ints, seconds: float, times: int) -> int:
    """How many cells, numbered by place and then time, are heard at least so many times in so many seconds."""
    return int(np.count_nonzero(number[times - 1 :] - number[: 1 - times] < round(seconds / _CELL)))
