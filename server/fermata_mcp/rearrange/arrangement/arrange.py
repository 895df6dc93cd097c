"""Decides how to lengthen: rearranged along alike places, looped, or silence."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.rearrange.cache import Cache
from fermata_mcp.rearrange.features.analysis import Analysis, analyse
from fermata_mcp.rearrange.transitions.crossfade import Join, Joiner
from fermata_mcp.rearrange.transitions.jumps import Jumps, find_jumps
from fermata_mcp.rearrange.transitions.self_distance import Search

from .objective import Wanted
from .repeat import loop_joins
from .search import Path, choose_path
from .timeline import Plan, looping

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata_mcp.rearrange.job import Ending, Job, Mode, Part
    from fermata_mcp.rearrange.samples import Samples

_STRETCH_SECONDS = 15 * 60  # longer sources are analysed in part, which bounds memory
_SHORTEST_TO_REARRANGE = 3.0  # seconds
_SILENT_BELOW = 35.0  # dB under the body, at the end of the track
_NOTHING = -70.0  # dB
_STOPPING, _FADING = (
    10.0,
    5.0,
)  # dB under the body: where a track just stops; where it fades, 5 to 8 s before the end
_UNSURE = 0.5  # confidence
_SAME_LENGTH = 0.05  # seconds


@dataclass(frozen=True)
class Planned:
    """A plan, how it came about, and what the listener should know."""

    plan: Plan
    mode: Mode
    warnings: tuple[str, ...]


def make_plan(samples: Samples, job: Job, progress: Callable[[float], None]) -> Planned:
    """Analyse `samples` and plan the whole result of `job`."""
    frames = round(job.length_seconds * samples.rate)
    untouched = min(samples.frames, math.ceil((job.continue_at or 0) * samples.rate - 1e-6))
    start, stop = _stretch(samples, untouched if job.continue_at is not None else None)
    cache = Cache(job.cache, job.source)
    analysis = analyse(samples, start, stop, cache, lambda part: progress(part * 0.5))
    place = untouched if job.continue_at is not None else None
    if analysis.silent:
        silence = "The track is silent, and so is what was added."
        return _looped(samples, analysis, frames, None, job.ending, "silence", silence)
    planned = _rearranged(samples, analysis, frames, untouched, job, cache, progress)
    if planned is not None:
        return planned
    why = "The track is too short or too even to find places that sound alike, so it was looped (more music helps)."
    return _looped(samples, analysis, frames, place, job.ending, "looped", why)


def _stretch(samples: Samples, continue_at: int | None) -> tuple[int, int]:
    """Which frames to analyse: all, or a quarter of an hour around the place to continue at, or the last."""
    size = _STRETCH_SECONDS * samples.rate
    if samples.frames <= size:
        return 0, samples.frames
    centre = samples.frames if continue_at is None else continue_at
    start = min(max(0, centre - size * 2 // 3), samples.frames - size)
    return start, start + size


def _looped(
    samples: Samples, analysis: Analysis, frames: int, place: int | None, ending: Ending, mode: Mode, warning: str
) -> Planned:
    joins = loop_joins(samples, analysis, frames, place)
    if ending == "loop":
        plan = looping(joins, joins[0])
        return Planned(plan, mode, (warning, *_off_length(plan, frames, samples.rate)))
    fade = 0 if mode == "silence" else _fade_frames(frames, samples.rate)
    return Planned(Plan(frames, joins, fade), mode, (warning,))


def _rearranged(
    samples: Samples,
    analysis: Analysis,
    frames: int,
    untouched: int,
    job: Job,
    cache: Cache,
    progress: Callable[[float], None],
) -> Planned | None:
    if analysis.seconds < _SHORTEST_TO_REARRANGE:
        return None
    wanted = _wanted(samples, analysis, frames, untouched, job)
    entry = wanted.start if wanted.soon else None
    search = Search(min(wanted.start, _head(analysis)), _shortest_jump(wanted.seconds, wanted.added), entry)
    jumps = find_jumps(analysis, search, cache)
    jumps, path, told = _path(jumps, wanted, job, lambda part: progress(0.8 + 0.15 * part))
    if path is None:
        return None
    joins = _joins(samples, analysis, jumps, path, untouched, wanted.spacing)
    progress(1.0)
    warnings = (*told, *_doubts(joins))
    if job.ending == "loop":
        plan = looping(joins[:-1], joins[-1])
        return Planned(plan, "rearranged", (*warnings, *_off_length(plan, frames, samples.rate)))
    fade = _fade_frames(frames, samples.rate) if path.fades else 0
    return Planned(Plan(frames, joins, fade), "rearranged", warnings)


def _path(
    jumps: Jumps, wanted: Wanted, job: Job, progress: Callable[[float], None]
) -> tuple[Jumps, Path | None, tuple[str, ...]]:
    """The path that was asked for, or the nearest to it, the jumps it is made of, and what was not possible."""
    told: list[str] = []
    path = None
    if job.part is not None:
        inside = jumps.within(*_span(job.part, wanted.seconds))
        path = choose_path(inside, replace(wanted, ending=_ending_after(job)), lambda share: progress(share / 2))
        if path is not None and (not path.fades or job.part == "outro"):
            jumps = inside
        else:
            path = None
            told.append(f"The {job.part} has too few places that sound alike; other parts were made longer too.")
    if path is None:
        path = choose_path(jumps, wanted, lambda share: progress(0.5 + share / 2))
    if path is not None and path.fades and job.ending == "keep":
        told.append("No way leads to the track's own ending at this length, so it fades out.")
    if path is not None and not path.fades and job.ending == "fade":
        told.append("No place leaves room for a fade at this length, so the track's own ending was kept.")
    return jumps, path, tuple(told)


def _span(part: Part, seconds: float) -> tuple[float, float]:
    """The third of the track that is meant, in seconds."""
    third = ("intro", "middle", "outro").index(part)
    return seconds * third / 3, seconds * (third + 1) / 3


def _ending_after(job: Job) -> Ending:
    """Whoever wants a longer beginning or middle wants the rest as it was."""
    return "keep" if job.ending == "auto" and job.part != "outro" else job.ending


def _wanted(samples: Samples, analysis: Analysis, frames: int, untouched: int, job: Job) -> Wanted:
    to_end = (samples.frames - analysis.start) / samples.rate
    place = (untouched - analysis.start) / samples.rate
    last = (analysis.frames - 4) / analysis.fps
    soon = job.continue_at is not None
    added = (frames - (0 if job.ending == "loop" else samples.frames)) / samples.rate
    return Wanted(
        added=added,
        seconds=to_end,
        start=min(place, last) if soon else _head(analysis),
        soon=soon,
        spacing=min(8.0, max(1.5, 0.06 * analysis.seconds), _shortest_jump(to_end, added)),
        tail=_quiet_tail(analysis) if analysis.seconds > to_end - 0.1 else 0.0,
        ends=_has_ending(analysis),
        take=job.take,
        ending=job.ending,
    )


def _head(analysis: Analysis) -> float:
    """Seconds at the beginning that are always heard as they are."""
    return min(4.0, 0.2 * analysis.seconds)


def _shortest_jump(seconds: float, added: float) -> float:
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


def _joins(
    samples: Samples, analysis: Analysis, jumps: Jumps, path: Path, untouched: int, spacing: float
) -> tuple[Join, ...]:
    joiner = Joiner(samples, analysis, untouched, spacing / 2)
    made: dict[tuple[int, bool], Join] = {}
    joins: list[Join] = []
    for i, jump in enumerate(path.jumps):
        key = jump, i == 0
        if key not in made:
            leave, lag, confidence = int(jumps.leave[jump]), float(jumps.lag[jump]), float(jumps.accepted[jump])
            made[key] = joiner.join(leave, lag, confidence, first=i == 0)
        joins.append(made[key])
    return tuple(joins)


def _fade_frames(frames: int, rate: int) -> int:
    """A tenth of the result, between two and eight seconds, at most half of it."""
    seconds = min(8.0, max(2.0, 0.1 * frames / rate))
    return min(frames // 2, int(seconds * rate))


def _doubts(joins: tuple[Join, ...]) -> tuple[str, ...]:
    unsure = sum(join.confidence < _UNSURE for join in joins)
    if not unsure:
        return ()
    return (
        f"{unsure} of {len(joins)} joins may be heard: the track has few places that sound alike. "
        "Another take, a few seconds more or less, or options.ending fade may sound better; "
        "other providers make new music.",
    )


def _off_length(plan: Plan, frames: int, rate: int) -> tuple[str, ...]:
    """A loop is as long as its music is."""
    if abs(plan.frames - frames) < _SAME_LENGTH * rate:
        return ()
    return (
        f"The loop lasts {plan.frames / rate:.2f} s, which is as near to {frames / rate:.2f} s as the music allows.",
    )
