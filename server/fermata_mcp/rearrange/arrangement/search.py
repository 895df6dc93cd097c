"""Which jumps to make, how often and in which order, so that the result has the wanted length.

A listener judges the whole: its seams and the worst of them, what is repeated, how it ends. The lightest collection of
jumps is easily found for penalties that add up (an unbounded knapsack, see `knapsack`), which those do not. So it is
searched by large neighbourhood search in its *ruin and recreate* form: some jumps of the best sequence so far are taken
out, a knapsack with disturbed penalties fills the gap, and what a listener would like better is accepted. Poorer jumps
are allowed only as long as that helps.

P. Shaw, "Using Constraint Programming and Local Search Methods to Solve Vehicle Routing Problems" (CP 1998), for large
neighbourhood search; G. Schrimpf et al., "Record Breaking Optimization Results Using the Ruin and Recreate Principle"
(Journal of Computational Physics 159, 2000). Here only improvements are accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, overload

import numpy as np

from .knapsack import UNIT, Knapsack
from .repetition import WORST_SHARE, RepetitionPenalty
from .sequence import Sequencer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fermata_mcp.rearrange.samples import Ints
    from fermata_mcp.rearrange.transitions.jumps import Jumps

    from .objective import Objective

# Tuned 2026-11-22 with benchmarks/quality.py (score) against benchmarks/local_speed.py (CPU time), on the 26 tracks of
# fetch_music.TUNED made +60 s, +180 s, x 2, x 3 and half an hour long.
_LIMITS = (0.06, 0.2, 0.4, 0.6, np.inf)  # penalties of the heaviest jump that are tried, one after the other
_USUAL_NUMBERS = (3, 8)  # of jumps in a sequence, before one is known
_FIRST_JUMPS = 6  # tried as the one soon after the place to continue at
_PATIENCE = 72  # fruitless attempts to improve before giving up
_LITTLE_PATIENCE = 48  # … where the sequence is heavier than any jump allowed, so that heavier ones are tried anyway
_FEW_RUINED, _MOST_RUINED = 6, 0.5  # jumps, or share of the jumps, taken out at once
_IN_A_ROW = 0.5  # of the times, jumps that follow one another are taken out
_LIGHTEST = 0.5  # share of its penalty for which a jump may be had
_MOVES, _MOVED_SECONDS = 300, 900_000.0  # of one jump to another place, and seconds of music, tried to find an order
_PART_SHARE, _PART_LEAST, _PART_MOST = 0.6, 90.0, 300.0  # of the track, seconds: long additions start as such parts
_WHOLE = 1200.0  # seconds that are filled at once
# Chosen 2026-11-22, so that another take differs as long as there is anything else; not tuned.
_OTHER_TAKE = 0.3  # penalty in another take of what sounds like an earlier take's jump
_SAME_JUMP = 1.0  # … and of the very jump
_MOST_TAKES = 16


@dataclass(frozen=True)
class JumpSequence:
    """Jumps in playing order.

    Attributes:
        jumps: Indices into `Jumps`; those of a loop end with the jump back to where it begins.
        fades: Whether the track's own ending is not reached.
        penalty: What a listener loses, 0 for nothing; to compare sequences by.
        off: Whether it ends otherwise than was asked for.
    """

    jumps: tuple[int, ...]
    fades: bool
    penalty: float
    off: bool = False

    @property
    def rank(self) -> tuple[bool, float]:
        """Less is better."""
        return self.off, self.penalty


def find_sequence(jumps: Jumps, objective: Objective, progress: Callable[[float], None]) -> JumpSequence | None:
    """The best sequence for `objective`, or None when there is none; a fixed seed makes it the same every time.

    Args:
        jumps: What may be used.
        objective: What must be achieved; each take before the wanted one makes what it used heavier.
        progress: Told the share done, 0 to 1.
    """
    if len(jumps) == 0:
        return None
    search = _Search(jumps, objective)
    takes = min(objective.take, _MOST_TAKES)
    sequence = search.solve(lambda share: progress(share / takes))
    for take in range(1, takes):
        if sequence is None:
            return None
        search.avoid(sequence)
        sequence = search.solve(lambda share, take=take: progress((take + share) / takes))
    return sequence


class _Search:
    """Large neighbourhood search (ruin and recreate) over an unbounded knapsack of `jumps`.

    What is varied are collections of jumps, as lists of indices `used`; each gets the order in which it can be played.
    """

    def __init__(self, jumps: Jumps, objective: Objective) -> None:
        self._objective = objective
        self._repetition = RepetitionPenalty.of(jumps, objective.seconds, objective.added)
        self._sequencer = Sequencer(self._repetition, objective.spacing)
        self._gain, self._leave, self._enter = jumps.gain_seconds, jumps.leave_seconds, jumps.enter_seconds
        # how far beyond what is wanted each jump may go and still leave the music a fade needs
        self._room = objective.seconds - objective.tail - objective.fade_room - self._enter
        self._penalty, self._take_penalty = jumps.penalty, np.zeros(len(jumps))
        self._usable = self._gain >= objective.spacing
        if not (objective.soon or objective.loops):
            self._usable &= self._leave >= objective.start
        self._random = np.random.default_rng(0)

    def avoid(self, sequence: JumpSequence) -> None:
        """Make what this sequence uses heavier."""
        for jump in set(sequence.jumps):
            self._take_penalty[self._repetition.near[jump]] += _OTHER_TAKE
            self._take_penalty[jump] += _SAME_JUMP

    def solve(self, progress: Callable[[float], None]) -> JumpSequence | None:
        """The best sequence; poorer jumps are allowed only as long as that helps."""
        best: JumpSequence | None = None
        known = 0
        for tried, limit in enumerate(_LIMITS):
            progress(tried / len(_LIMITS))
            allowed = np.flatnonzero(self._usable & (self._penalty <= limit))
            if len(allowed) == known:
                continue
            known = len(allowed)
            best = self._initial(best, allowed)
            if best is None:
                continue
            best = self._improve(best, allowed, _LITTLE_PATIENCE if best.penalty > limit else _PATIENCE)
            if not best.off and best.penalty <= WORST_SHARE * limit:
                break
        return self._shuffle(best) if best else None

    def _initial(self, best: JumpSequence | None, allowed: Ints) -> JumpSequence | None:
        """The best so far, or a better one made of `allowed` [n] jumps all at once."""
        starts: list[list[int]] = [[]]
        if self._objective.soon:
            late = allowed[self._leave[allowed] >= self._objective.start]
            waiting = self._objective.waiting_penalty(self._leave[late])
            penalty = waiting + self._penalty[late] + self._take_penalty[late]
            starts = [[jump] for jump in late[np.argsort(penalty, kind="stable")[:_FIRST_JUMPS]].tolist()]
        for start in starts:
            for among in _USUAL_NUMBERS:
                best = self._accept(best, self._fill(self._seed_parts(start, allowed, among), allowed, among))
        return best

    def _improve(self, best: JumpSequence, allowed: Ints, patience: int) -> JumpSequence:
        """Ruin and recreate until that no longer helps."""
        failures = 0
        while failures < patience:
            better = self._ruin_and_recreate(best, allowed)
            failures = failures + 1 if better is best else 0
            best = better
        return best

    def _ruin_and_recreate(self, best: JumpSequence, allowed: Ints) -> JumpSequence:
        """Some jumps taken out and others put in, at penalties that vary: `best`, or what is better."""
        number = len(best.jumps)
        most = max(min(number, _FEW_RUINED), int(number * _MOST_RUINED))
        count = int(self._random.integers(1, most + 1))
        if self._random.random() < _IN_A_ROW:
            out = self._random.integers(number - count + 1) + np.arange(count)
        else:
            out = self._random.choice(number, count, replace=False)
        kept = np.delete(best.jumps, out).tolist()
        return self._accept(best, self._fill(kept, allowed, number, _LIGHTEST))

    @overload
    def _accept(self, best: JumpSequence, candidates: Iterable[JumpSequence]) -> JumpSequence: ...
    @overload
    def _accept(self, best: JumpSequence | None, candidates: Iterable[JumpSequence]) -> JumpSequence | None: ...

    def _accept(self, best: JumpSequence | None, candidates: Iterable[JumpSequence]) -> JumpSequence | None:
        """The best that can be played, in playing order."""
        for candidate in candidates:
            if best is not None and candidate.rank >= best.rank:
                continue
            order = self._schedule(candidate)
            if order is None:
                continue
            sequence = replace(candidate, jumps=order, penalty=candidate.penalty + self._order_penalty(order))
            if best is None or sequence.rank < best.rank:
                best = sequence
        return best

    def _order_penalty(self, order: Sequence[int]) -> float:
        return self._repetition.of_order(order, self._objective.loops)

    def _shuffle(self, best: JumpSequence) -> JumpSequence:
        """The same jumps in an order in which less is heard again soon."""
        order = list(best.jumps)
        first, stop = int(self._objective.soon), len(order) - int(best.fades or self._objective.loops)
        if stop - first < 2:
            return best
        least = initial = self._order_penalty(order)
        for _ in range(int(min(_MOVES, _MOVED_SECONDS / (self._objective.seconds + self._objective.added)))):
            here, there = (int(place) for place in self._random.integers(first, stop, 2))
            moved = list(order)
            moved.insert(there, moved.pop(here))
            before = moved[-1:] if self._objective.loops else []
            if self._sequencer.is_playable([*before, *moved]) and (penalty := self._order_penalty(moved)) < least:
                order, least = moved, penalty
        return replace(best, jumps=tuple(order), penalty=best.penalty - initial + least)

    def _seed_parts(self, used: list[int], allowed: Ints, among: int) -> list[int]:
        """With jumps for as many seconds as cannot be filled at once, part by part."""
        part = min(_PART_MOST, max(_PART_LEAST, _PART_SHARE * self._objective.seconds))
        while (missing := self._objective.added - float(self._gain[used].sum())) > _WHOLE:
            sack = self._knapsack(used, allowed, among, min(part, missing))
            per_second = sack.penalty[1:] / np.arange(1, len(sack.penalty))
            per_second[: len(per_second) * 3 // 4] = np.inf
            row = int(np.argmin(per_second)) + 1
            if not np.isfinite(sack.penalty[row]):
                break
            used = [*used, *allowed[sack.collection(row)].tolist()]
        return used

    def _fill(self, used: list[int], allowed: Ints, among: int, lightest: float = 1.0) -> Iterator[JumpSequence]:
        """The lightest ways to add what is missing: to the track's own ending or all around, and to a fade.

        Args:
            used: Jumps that are in already.
            allowed: [n] jumps that may be put in.
            among: How many there will be in all, roughly.
            lightest: Every jump's penalty is lowered by chance, to this share of it at most.
        """
        objective = self._objective
        missing = objective.added - float(self._gain[used].sum())
        if missing < UNIT:
            yield from self._evaluate(used)
            return
        sack = self._knapsack(used, allowed, among, missing + objective.most_over, lightest)
        penalty = sack.penalty + objective.length_penalty(np.arange(len(sack.penalty)) * UNIT - missing)
        row = int(np.argmin(penalty))
        if np.isfinite(penalty[row]):
            yield from self._evaluate([*used, *allowed[sack.collection(row)].tolist()])
        if objective.loops:
            return
        fading = sack.overshoot(round(missing / UNIT), self._room[allowed])
        if fading is not None:
            yield from self._evaluate([*used, *allowed[fading].tolist()])

    def _knapsack(self, used: list[int], allowed: Ints, among: int, most: float, lightest: float = 1.0) -> Knapsack:
        penalty = (self._repetition.marginal(used, among) + self._take_penalty)[allowed]
        return Knapsack(self._gain[allowed], penalty * self._random.uniform(lightest, 1, len(allowed)), most)

    def _evaluate(self, used: list[int]) -> Iterator[JumpSequence]:
        """What a listener would make of these jumps in whatever order, with each way to end after them."""
        objective = self._objective
        leave = self._leave[used]
        late_enough = leave[leave >= objective.start] if objective.soon else leave
        if len(late_enough) == 0:
            return
        waiting = objective.waiting_penalty(late_enough.min())
        over = float(self._gain[used].sum()) - objective.added
        penalty = float(waiting) + float(self._take_penalty[used].sum())
        ending = float(objective.length_penalty(np.asarray(over)))
        if np.isfinite(ending):
            whole = penalty + ending + self._repetition.of_collection(used)
            yield JumpSequence(tuple(used), False, whole, objective.ending == "fade")
        if over >= -UNIT / 2 and not objective.loops:
            whole = penalty + objective.fade_penalty + self._repetition.of_collection(used, max(0.0, over))
            yield JumpSequence(tuple(used), True, whole, objective.ending == "keep")

    def _schedule(self, sequence: JumpSequence) -> tuple[int, ...] | None:
        """The jumps in playing order; None where they cannot be played."""
        if self._objective.loops:
            return self._schedule_loop(sequence)
        remaining, place = list(sequence.jumps), -np.inf
        first: tuple[int, ...] = ()
        if self._objective.soon:
            soonest = min(remaining, key=lambda jump: (self._leave[jump] < self._objective.start, self._leave[jump]))
            remaining.remove(soonest)
            first, place = (soonest,), float(self._enter[soonest])
        last: tuple[int, ...] = ()
        if sequence.fades:
            roomiest = min(self._sequencer.last_candidates(remaining) or first, key=lambda jump: self._enter[jump])
            over = float(self._gain[list(sequence.jumps)].sum()) - self._objective.added
            if self._room[roomiest] < over:
                return None
            if remaining:
                remaining.remove(roomiest)
                last = (roomiest,)
        order = self._sequencer.schedule(remaining, place, last)
        return None if order is None else (*first, *order)

    def _schedule_loop(self, sequence: JumpSequence) -> tuple[int, ...] | None:
        for wrap in self._sequencer.last_candidates(sequence.jumps):
            remaining = list(sequence.jumps)
            remaining.remove(wrap)
            order = self._sequencer.schedule(remaining, float(self._enter[wrap]), (wrap,))
            if order is not None:
                return tuple(order)
        return None
