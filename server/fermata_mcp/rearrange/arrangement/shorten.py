"""How to fit a track to a length: which passages to leave out, each between two places that sound alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.rearrange.transitions.jumps import Jumps, jumps_between

from .repetition import RepetitionPenalty
from .route import Route, Router
from .search import JumpSequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata_mcp.rearrange.features.analysis import Analysis
    from fermata_mcp.rearrange.samples import Floats
    from fermata_mcp.rearrange.transitions.self_distance import JumpBounds

    from .objective import Objective

# Chosen 2026-11-28, looked at with benchmarks/quality.py --task half on the 26 tracks of fetch_music.TUNED.
_EVERY = 1.0  # seconds between the places at which all that is too long is left out at once
_LATER = 0.09  # seconds that are left out more than need be, in the middle of what is not heard at the end
_SEAM = 0.02  # penalty of one more seam, however good
_FEW, _TRIES, _REUSED = 200, 3, 0.05  # jumps tried forward too; routes compared; penalty of what the last one used
_OTHER_TAKE, _SAME_JUMP = 0.3, 1.0  # penalty in another take of what sounds like an earlier take's jump; of that jump
_AROUND, _GOOD, _LOOKED_AT_SECONDS = 15.0, 0.15, 900.0  # seconds; penalty of all joins; longest result
_HARDLY_HEARD = 0.1  # penalty of a join that may be made instead of a pause
_NEAR, _LIKE = 8.0, 0.25  # seconds: where jumps of the same length, to so much, are the same to the ear


def all_at_once(analysis: Analysis, bounds: JumpBounds, objective: Objective) -> Jumps:
    """Jumps back over just as much as is to be left out, from all over the track."""
    lag = -objective.added + _LATER
    enter = np.arange(objective.start, objective.seconds - lag - objective.spacing, _EVERY)
    cells = [np.rint(places / analysis.cell_seconds).astype(np.int64) for places in (enter + lag, enter)]
    inside = (cells[0] < analysis.cells) & (cells[1] >= 0)
    return jumps_between(analysis, bounds, cells[0][inside], cells[1][inside])


def shorten(jumps: Jumps, objective: Objective, progress: Callable[[float], None]) -> JumpSequence | None:
    """The best way to play less of the track, or None.

    Args:
        jumps: Forward, and back where that is wanted too.
        objective: Adds less than nothing; each take before the wanted one makes what it used heavier.
        progress: Told the share done, 0 to 1.
    """
    penalty = _cost(jumps)
    route = None
    for take in range(objective.take):
        progress(take / objective.take)
        route = Router(jumps, penalty, objective).find()
        if route is None:
            return None
        penalty = penalty + _of_another_take(jumps, route)
        if not route.jumps:  # a fade and nothing else is always the same
            objective = replace(objective, ending="keep")
    return None if route is None else _sequence(route, objective)


def fitted(back: Jumps, analysis: Analysis, objective: Objective, found: JumpSequence) -> tuple[Jumps, JumpSequence]:
    """`found`, or what is better as a whole and leaves less silence at the end, because it may leave things out too.

    Args:
        back: Jumps back, of which `found` is made.
        analysis: The features.
        objective: What is wanted.
        found: A sequence that ends before what is wanted.
    """
    exact = replace(objective, exact=True)
    few = back.only(np.argsort(back.penalty, kind="stable")[:_FEW])
    both = back.beside(few.reversed(analysis))
    repetition = RepetitionPenalty.of(both, objective.seconds, objective.added)
    candidates = [found]
    penalty = _cost(both)
    worst = max(_HARDLY_HEARD, float(back.penalty[list(found.jumps)].max(initial=0.0)))
    penalty = np.where(both.penalty <= worst, penalty, np.inf)
    for number in range(objective.take - 1 + _TRIES):
        route = Router(both, penalty, exact).find()
        if route is None:
            break
        if number < objective.take - 1:
            penalty = penalty + _of_another_take(both, route)
            continue
        candidates.append(_sequence(route, exact))
        penalty = penalty + _REUSED * np.bincount(np.asarray(route.jumps, np.int64), minlength=len(both))
    best = min(candidates, key=lambda one: (one.off, _as_a_whole(one, repetition, exact)))
    return (back, found) if best is found else (both, best)


def better_length(jumps: Jumps, objective: Objective) -> float | None:
    """Seconds of the result nearest in length that keeps the track's own ending, by joins that are hardly heard."""
    if objective.loops or objective.seconds + objective.added > _LOOKED_AT_SECONDS or len(jumps) == 0:
        return None
    few = jumps.only(np.argsort(jumps.penalty, kind="stable")[:_FEW])
    router = Router(few, _cost(few), objective, _AROUND)
    router.find()
    return router.nearest_length(_GOOD)


def _as_a_whole(sequence: JumpSequence, repetition: RepetitionPenalty, objective: Objective) -> float:
    """What a listener loses by a sequence, silence at its end included."""
    if not sequence.jumps:
        return float("inf")
    over = float(repetition.jumps.gain_seconds[list(sequence.jumps)].sum()) - objective.added
    ending = objective.fade_penalty if sequence.fades else float(objective.length_penalty(np.asarray(over)))
    unplayed = max(0.0, over) if sequence.fades else 0.0
    return repetition.of_collection(sequence.jumps, unplayed) + repetition.of_order(sequence.jumps, False) + ending


def _cost(jumps: Jumps) -> Floats:
    """[jumps] of making each: poor ones count more than their share, since the worst is what is remembered."""
    return jumps.penalty + jumps.penalty**2 + _SEAM


def _of_another_take(jumps: Jumps, route: Route) -> Floats:
    """[jumps] that what sounds like those of an earlier take costs more."""
    used = np.asarray(route.jumps, np.int64)
    leave, gain = jumps.leave_seconds, jumps.gain_seconds
    alike = (np.abs(leave[:, None] - leave[used]) < _NEAR) & (np.abs(gain[:, None] - gain[used]) < _LIKE)
    more = np.where(alike.any(1), _OTHER_TAKE, 0.0)
    more[used] += _SAME_JUMP
    return more


def _sequence(route: Route, objective: Objective) -> JumpSequence:
    wanted = objective.ending
    off = wanted == ("keep" if route.fades else "fade")
    return JumpSequence(route.jumps, route.fades, route.penalty, off)
