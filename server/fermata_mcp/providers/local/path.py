"""Which jumps to make, in which order, so that the result has the wanted length.

Several paths are sought, with ever poorer jumps allowed, and compared by what a listener makes of the whole: its joins,
its repetitions and its ending. What is heard too often is made dearer and the path sought again; long additions are
planned in parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.providers.local.solver import Path, Solver, Wanted
from fermata_mcp.providers.local.variety import WORST_SHARE, Variety

if TYPE_CHECKING:
    from fermata_mcp.providers.local.jumps import Jumps
    from fermata_mcp.providers.local.samples import Floats, Ints

_LIMITS = (0.06, 0.2, 0.4, 0.6, np.inf)  # prices of the dearest jump that are tried, one after the other
_ROUNDS = 6  # attempts to avoid repetition
_PART_SHARE, _PART_LEAST, _PART_MOST = 0.6, 90.0, 300.0  # of the track, seconds: additions are planned in such parts
_WHOLE = 240.0  # seconds that are planned at once
_OTHER_TAKE = 0.3  # price in another take of what sounds like an earlier take's jump
_SAME_JUMP = 1.0  # … and of the very jump
_MOST_TAKES = 16
_WRAPS = 5  # jumps tried as the one that closes a loop

_Plan = Callable[["Jumps", Wanted, "Floats", Variety], Path | None]
_End = Callable[[Solver], list[Path]]


def choose_path(jumps: Jumps, wanted: Wanted) -> Path | None:
    """The cheapest path of the wanted length, or None when there is none."""
    return _choose(jumps, wanted, _to_the_end)


def choose_loop(jumps: Jumps, wanted: Wanted) -> Path | None:
    """The cheapest closed path of about the length `wanted.added`; its last jump leads back to where it begins."""
    return _choose(jumps, wanted, _round_and_round)


def _choose(jumps: Jumps, wanted: Wanted, plan: _Plan) -> Path | None:
    """The path of the wanted take: each earlier take makes what it used dearer."""
    if len(jumps) == 0:
        return None
    variety = Variety.of(jumps, wanted.seconds, wanted.added)
    penalty = np.zeros(len(jumps))
    path = plan(jumps, wanted, penalty, variety)
    for _ in range(min(wanted.take, _MOST_TAKES) - 1):
        if path is None:
            return None
        for jump in set(path.jumps):
            penalty[variety.near[jump]] += _OTHER_TAKE
            penalty[jump] += _SAME_JUMP
        path = plan(jumps, wanted, penalty, variety)
    return path


def _to_the_end(jumps: Jumps, wanted: Wanted, penalty: Floats, variety: Variety) -> Path | None:
    return _in_parts(jumps, wanted, penalty, variety, [], Solver.ending)


def _round_and_round(jumps: Jumps, wanted: Wanted, penalty: Floats, variety: Variety) -> Path | None:
    """Of a few good jumps each as the one that closes the loop, the cheapest way around."""
    found: list[Path] = []
    for wrap in np.argsort(jumps.cost + penalty, kind="stable")[:_WRAPS].tolist():
        leave = float(jumps.leave_seconds[wrap])
        path = _in_parts(jumps, wanted, penalty, variety, [wrap], lambda solver, leave=leave: solver.closing(leave))
        if path is not None:
            found.append(Path((*path.jumps[1:], wrap), path.fades, path.cost, path.off))
    return min(found, key=lambda path: path.cost, default=None)


def _in_parts(
    jumps: Jumps, wanted: Wanted, penalty: Floats, variety: Variety, done: list[int], end: _End
) -> Path | None:
    """A path that goes on after the jumps `done`; long ones are planned piece by piece."""
    part = min(_PART_MOST, max(_PART_LEAST, _PART_SHARE * wanted.seconds))
    while (left := wanted.added - float(jumps.gain_seconds[done].sum())) > max(_WHOLE, 1.5 * part):
        found = _best(jumps, wanted, part, done, penalty, variety, Solver.part)
        if found is None:
            break
        done = list(found.jumps)
    return _best(jumps, wanted, left, done, penalty, variety, end)


def _best(
    jumps: Jumps, wanted: Wanted, added: float, done: list[int], penalty: Floats, variety: Variety, end: _End
) -> Path | None:
    """The best path that goes on after `done`; where it repeats, its second half is sought again beside its first."""
    best = _limited(jumps, wanted, added, done, penalty, variety, end)
    if best is not None and variety.repeats(best.jumps):
        half = list(best.jumps[: (len(done) + len(best.jumps)) // 2])
        left = added - float(jumps.gain_seconds[half[len(done) :]].sum())
        mixed = _limited(jumps, wanted, left, half, penalty, variety, end) if len(half) > len(done) else None
        if mixed is not None and _rank(mixed, wanted) < _rank(best, wanted):
            return mixed
    return best


def _limited(
    jumps: Jumps, wanted: Wanted, added: float, done: list[int], penalty: Floats, variety: Variety, end: _End
) -> Path | None:
    """The best path that goes on after `done`, among those whose dearest jump is good, fair, poor and any.

    The search adds prices, but a listener remembers the worst: two fair jumps are better than a good and a poor one.
    Poorer ones are allowed only as long as that helps.
    """
    best: Path | None = None
    for limit in _LIMITS:
        few = np.flatnonzero(jumps.cost <= limit)
        found = _varied(jumps, few, wanted, added, done, penalty, variety, end) if len(few) else None
        if found is None:
            continue
        if best is not None and _rank(found, wanted) >= _rank(best, wanted):
            break
        best = found
        if not best.off and best.cost <= WORST_SHARE * limit:
            break
    return best


def _rank(path: Path, wanted: Wanted) -> tuple[bool, float]:
    return path.off and wanted.ending != "auto", path.cost


def _varied(
    jumps: Jumps,
    few: Ints,
    wanted: Wanted,
    added: float,
    done: list[int],
    penalty: Floats,
    variety: Variety,
    end: _End,
) -> Path | None:
    """The best of a few solutions of the jumps `few` after `done`, each told to avoid what the one before repeated."""
    best: Path | None = None
    price = penalty + variety.price(done)
    after = float(jumps.enter_seconds[done[-1]]) if done else None
    some = jumps.only(few)
    for _ in range(_ROUNDS):
        solver = Solver(some, wanted, added, after, price[few])
        found: list[Path] = []
        for one in end(solver):
            path = (*done, *few[list(one.jumps)].tolist())
            extra = float(solver.first[one.jumps[0]]) + float(penalty[list(path[len(done) :])].sum())
            found.append(replace(one, jumps=path, cost=one.cost + variety.cost(path) + extra))
        if not found:
            break
        best = min([best, *found] if best else found, key=lambda one: _rank(one, wanted))
        latest = found[0].jumps
        if not variety.repeats(latest):
            break
        price = price + variety.price(latest)
    return best
