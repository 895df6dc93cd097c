"""Decides how to lengthen: rearranged along alike places, repeated from the beginning, or by silence."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.rearrange.cache import Cache
from fermata_mcp.rearrange.features.analysis import Analysis, analyse
from fermata_mcp.rearrange.transitions.crossfade import Crossfade, Crossfader
from fermata_mcp.rearrange.transitions.jumps import Jumps, find_jumps
from fermata_mcp.rearrange.transitions.self_distance import JumpBounds

from .objective import Objective
from .repeat import repeat_crossfades
from .search import JumpSequence, find_sequence
from .timeline import Timeline, loop_timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata_mcp.rearrange.job import Ending, Job, Mode, Part
    from fermata_mcp.rearrange.samples import Samples

# Chosen 2026-11-22; not tuned.
_STRETCH_SECONDS = 15 * 60  # longer sources are analysed in part, which bounds memory
_SHORTEST_TO_REARRANGE = 3.0  # seconds
_SILENT_BELOW = 35.0  # dB under the body, at the end of the track
_NOTHING = -70.0  # dB
_STOPPING = 10.0  # dB under the body, which the end of a track that just stops does not reach
_FADING = 5.0  # dB under the body, below which a track fades 5 to 8 s before its end
_UNSURE = 0.5  # confidence
_NOTICED_PAUSE = 0.5  # seconds of silence after the end that are told (chosen: a pause between two tracks is two)
_SAME_LENGTH = 0.05  # seconds


@dataclass(frozen=True)
class Arrangement:
    """What to play, how it came about, and what the listener should know."""

    timeline: Timeline
    mode: Mode
    warnings: tuple[str, ...]


def arrange(samples: Samples, job: Job, progress: Callable[[float], None]) -> Arrangement:
    """Analyse `samples` and decide on the whole result of `job`; `progress` is told the share done, 0 to 1."""
    frames = round(job.length_seconds * samples.rate)
    untouched = min(samples.frames, math.ceil((job.continue_at or 0) * samples.rate - 1e-6))
    start, stop = _stretch(samples, untouched if job.continue_at is not None else None)
    cache = Cache(job.cache, job.source)
    analysis = analyse(samples, start, stop, cache, lambda part: progress(part * 0.5))
    place = untouched if job.continue_at is not None else None
    if analysis.silent:
        silence = "The track is silent, and so is what was added."
        return _repeat(samples, analysis, frames, None, job.ending, "silence", silence)
    arrangement = _rearrange(samples, analysis, frames, untouched, job, cache, progress)
    if arrangement is not None:
        return arrangement
    why = "The track is too short or too even to find places that sound alike, so it was repeated (more music helps)."
    return _repeat(samples, analysis, frames, place, job.ending, "repeated", why)


def _stretch(samples: Samples, continue_at: int | None) -> tuple[int, int]:
    """Which frames to analyse: all, or a quarter of an hour around the place to continue at, or the last."""
    size = _STRETCH_SECONDS * samples.rate
    if samples.frames <= size:
        return 0, samples.frames
    centre = samples.frames if continue_at is None else continue_at
    start = min(max(0, centre - size * 2 // 3), samples.frames - size)
    return start, start + size


def _repeat(
    samples: Samples, analysis: Analysis, frames: int, place: int | None, ending: Ending, mode: Mode, warning: str
) -> Arrangement:
    """The fallback: from the beginning again, leaving at frame `place` if that is given."""
    crossfades = repeat_crossfades(samples, analysis, frames, place)
    if ending == "loop":
        timeline = loop_timeline(crossfades, crossfades[0])
        return Arrangement(timeline, mode, (warning, *_off_length(timeline, frames, samples.rate)))
    fade = 0 if mode == "silence" else _fade_frames(frames, samples.rate)
    return Arrangement(Timeline(frames, crossfades, fade), mode, (warning,))


def _rearrange(
    samples: Samples,
    analysis: Analysis,
    frames: int,
    untouched: int,
    job: Job,
    cache: Cache,
    progress: Callable[[float], None],
) -> Arrangement | None:
    """Along jumps between alike places; None where there are none that reach the length."""
    if analysis.seconds < _SHORTEST_TO_REARRANGE:
        return None
    objective = _objective(samples, analysis, frames, untouched, job)
    entry = objective.start if objective.soon else None
    bounds = JumpBounds(
        min(objective.start, _head(analysis)), _shortest_jump(objective.seconds, objective.added), entry
    )
    jumps = find_jumps(analysis, bounds, cache)
    jumps, sequence, warnings = _find_sequence(jumps, objective, job, lambda part: progress(0.8 + 0.15 * part))
    if sequence is None:
        return None
    crossfades = _crossfades(samples, analysis, jumps, sequence, untouched, objective.spacing)
    progress(1.0)
    warnings = (*warnings, *_doubts(crossfades))
    if job.ending == "loop":
        timeline = loop_timeline(crossfades[:-1], crossfades[-1])
        return Arrangement(timeline, "rearranged", (*warnings, *_off_length(timeline, frames, samples.rate)))
    fade = _fade_frames(frames, samples.rate) if sequence.fades else 0
    played = samples.frames + sum(crossfade.lag for crossfade in crossfades)
    warnings = (*warnings, *_pause(played, frames, samples.rate))
    return Arrangement(Timeline(frames, crossfades, fade), "rearranged", warnings)


def _find_sequence(
    jumps: Jumps, objective: Objective, job: Job, progress: Callable[[float], None]
) -> tuple[Jumps, JumpSequence | None, tuple[str, ...]]:
    """The sequence that was asked for, or the nearest to it, the jumps it is made of, and what was not possible."""
    warnings: list[str] = []
    sequence = None
    if job.part is not None:
        inside = jumps.within(*_span(job.part, objective.seconds))
        within = replace(objective, ending=_ending_after(job))
        sequence = find_sequence(inside, within, lambda share: progress(share / 2))
        if sequence is not None and (not sequence.fades or job.part == "outro"):
            jumps = inside
        else:
            sequence = None
            warnings.append(f"The {job.part} has too few places that sound alike; other parts were made longer too.")
    if sequence is None:
        sequence = find_sequence(jumps, objective, lambda share: progress(0.5 + share / 2))
    if sequence is not None and sequence.fades and job.ending == "keep":
        warnings.append("No way leads to the track's own ending at this length, so it fades out.")
    if sequence is not None and not sequence.fades and job.ending == "fade":
        warnings.append("No place leaves room for a fade at this length, so the track's own ending was kept.")
    return jumps, sequence, tuple(warnings)


def _span(part: Part, seconds: float) -> tuple[float, float]:
    """The third of the track that is meant, in seconds."""
    third = ("intro", "middle", "outro").index(part)
    return seconds * third / 3, seconds * (third + 1) / 3


def _ending_after(job: Job) -> Ending:
    """Whoever wants a longer beginning or middle wants the rest as it was."""
    return "keep" if job.ending == "auto" and job.part != "outro" else job.ending


def _objective(samples: Samples, analysis: Analysis, frames: int, untouched: int, job: Job) -> Objective:
    to_end = (samples.frames - analysis.start) / samples.rate
    place = (untouched - analysis.start) / samples.rate
    last = (analysis.frames - 4) / analysis.fps
    soon = job.continue_at is not None
    added = (frames - (0 if job.ending == "loop" else samples.frames)) / samples.rate
    return Objective(
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


def _crossfades(
    samples: Samples, analysis: Analysis, jumps: Jumps, sequence: JumpSequence, untouched: int, spacing: float
) -> tuple[Crossfade, ...]:
    crossfader = Crossfader(samples, analysis, untouched, spacing / 2)
    made: dict[tuple[int, bool], Crossfade] = {}
    crossfades: list[Crossfade] = []
    for i, jump in enumerate(sequence.jumps):
        key = jump, i == 0
        if key not in made:
            leave, lag, confidence = int(jumps.leave[jump]), float(jumps.lag[jump]), float(jumps.acceptance[jump])
            made[key] = crossfader.fit(leave, lag, confidence, first=i == 0)
        crossfades.append(made[key])
    return tuple(crossfades)


def _fade_frames(frames: int, rate: int) -> int:
    """A tenth of the result, between two and eight seconds, at most half of it."""
    seconds = min(8.0, max(2.0, 0.1 * frames / rate))
    return min(frames // 2, int(seconds * rate))


def _doubts(crossfades: tuple[Crossfade, ...]) -> tuple[str, ...]:
    unsure = sum(crossfade.confidence < _UNSURE for crossfade in crossfades)
    if not unsure:
        return ()
    return (
        f"{unsure} of {len(crossfades)} joins may be heard: the track has few places that sound alike. "
        "Another take, a few seconds more or less, or options.ending fade may sound better; "
        "other providers make new music.",
    )


def _pause(played: int, frames: int, rate: int) -> tuple[str, ...]:
    """Music is made longer by whole phrases; what is missing after the last one is silent."""
    missing = (frames - played) / rate
    if missing < _NOTICED_PAUSE:
        return ()
    return (
        f"The music ends {missing:.1f} s before {frames / rate:.2f} s, and silence follows: its phrases fit "
        f"{played / rate:.2f} s. That length, or options.ending fade, has no silence.",
    )


def _off_length(timeline: Timeline, frames: int, rate: int) -> tuple[str, ...]:
    """A loop is as long as its music is."""
    if abs(timeline.frames - frames) < _SAME_LENGTH * rate:
        return ()
    seconds, wanted = timeline.frames / rate, frames / rate
    return (f"The loop lasts {seconds:.2f} s, which is as near to {wanted:.2f} s as the music allows.",)
