"""Decides how to reach a length: rearranged along alike places, repeated from the beginning, or by silence."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fermata_mcp.rearrange.cache import Cache
from fermata_mcp.rearrange.features.analysis import Analysis, analyse
from fermata_mcp.rearrange.transitions.crossfade import Crossfade, Crossfader
from fermata_mcp.rearrange.transitions.jumps import Jumps, find_jumps
from fermata_mcp.rearrange.transitions.self_distance import JumpBounds

from .advice import bounds_hint, doubts, marks, no_own_ending, off_length, other_length, pause, round_and_round, sure
from .objective import Objective, head, objective_of, shortest_jump
from .repeat import even_crossfades, intro_wrap, loop_crossfade, passage_crossfade, repeat_crossfades
from .search import JumpSequence, find_sequence
from .shorten import all_at_once, better_length, fitted, shorten
from .talk import talk_warning
from .timeline import Timeline, intro_loop_timeline, loop_timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata_mcp.rearrange.job import Ending, Job, Mode, Part
    from fermata_mcp.rearrange.samples import Samples

# Chosen 2026-11-22; not tuned.
_STRETCH_SECONDS = 15 * 60  # longer sources are analysed in part, which bounds memory
_SHORTEST_TO_REARRANGE = 3.0  # seconds
_NO_PAUSE, _FITTED_SECONDS = 0.3, 900.0  # seconds of silence nobody hears; results up to which others are looked for
_SAME_JOIN = 1.0  # seconds from a join that is not wanted again within which another is the same


@dataclass(frozen=True)
class Arrangement:
    """What to play, how it came about, and what the listener should know."""

    timeline: Timeline
    mode: Mode
    warnings: tuple[str, ...]


def arrange(samples: Samples, job: Job, progress: Callable[[float], None]) -> Arrangement:
    """Analyse `samples` and decide on the whole result of `job`; `progress` is told the share done, 0 to 1."""
    place = _place(samples, job)
    start, stop = _stretch(samples, place if job.repeat is None else round(job.repeat[1] * samples.rate))
    cache = Cache(job.cache, job.source)
    analysis = analyse(samples, start, stop, cache, lambda part: progress(part * 0.5))
    if job.repeat is not None:
        return _passage(samples, analysis, job, job.repeat)
    whole = _whole(samples, analysis, job, cache, progress)
    longer = job.loops or _wanted(samples, job) > samples.frames
    return replace(whole, warnings=(*whole.warnings, *talk_warning(analysis, longer)))


def _place(samples: Samples, job: Job) -> int | None:
    """The frame to continue at, where one was named."""
    if job.continue_at is None:
        return None
    return min(samples.frames, math.ceil(job.continue_at * samples.rate - 1e-6))


def _wanted(samples: Samples, job: Job) -> int:
    """Frames of the result."""
    return round(job.length_seconds * samples.rate)


def _whole(
    samples: Samples, analysis: Analysis, job: Job, cache: Cache, progress: Callable[[float], None]
) -> Arrangement:
    """Of the length that is wanted, by whatever way there is."""
    frames, place = _wanted(samples, job), _place(samples, job)
    if analysis.silent:
        silence = "The track is silent, and so is what was added."
        return _repeat(samples, analysis, frames, None, job, "silence", silence)
    if analysis.even and job.ending != "intro_loop":
        evenly = _evenly(samples, analysis, frames, place, job)
        if evenly is not None:
            return evenly
    arrangement = _rearrange(samples, analysis, frames, place or 0, job, cache, progress)
    if arrangement is not None:
        return arrangement
    done = "repeated (more music helps)" if frames > samples.frames or job.loops else "cut, and fades out"
    why = f"The track is too short or too even to find places that sound alike, so it was {done}."
    return _repeat(samples, analysis, frames, place, job, "repeated", why)


def _evenly(samples: Samples, analysis: Analysis, frames: int, place: int | None, job: Job) -> Arrangement | None:
    """An even sound, which may go round anywhere: few long blends rather than many joins; None without room."""
    added = frames - (0 if job.loops else samples.frames)
    crossfades = even_crossfades(samples, analysis, added, place, job)
    if crossfades is None:
        return None
    told = (round_and_round(crossfades, samples.rate),)
    if job.loops:
        return Arrangement(loop_timeline(crossfades[:-1], crossfades[-1]), "rearranged", told)
    fade = _fade_frames(frames, samples.rate, job) if job.ending == "fade" else 0
    return Arrangement(Timeline(frames, crossfades, fade), "rearranged", told)


def _passage(samples: Samples, analysis: Analysis, job: Job, passage: tuple[float, float]) -> Arrangement:
    """A passage heard several times, and everything else as it is."""
    crossfade = passage_crossfade(samples, analysis, *passage, job.avoid, _SAME_JOIN)
    crossfades = (crossfade,) * (job.times - 1)
    frames = samples.frames + sum(one.lag for one in crossfades)
    fade = _fade_frames(frames, samples.rate, job) if job.ending == "fade" else 0
    return Arrangement(Timeline(frames, crossfades, fade), "rearranged", doubts(crossfades, bounds_hint(*passage)))


def _stretch(samples: Samples, continue_at: int | None) -> tuple[int, int]:
    """Which frames to analyse: all, or a quarter of an hour around the place to continue at, or the last."""
    size = _STRETCH_SECONDS * samples.rate
    if samples.frames <= size:
        return 0, samples.frames
    centre = samples.frames if continue_at is None else continue_at
    start = min(max(0, centre - size * 2 // 3), samples.frames - size)
    return start, start + size


def _repeat(
    samples: Samples, analysis: Analysis, frames: int, place: int | None, job: Job, mode: Mode, warning: str
) -> Arrangement:
    """The fallback: from the beginning again, leaving at frame `place` if that is given."""
    crossfades = repeat_crossfades(samples, analysis, frames, place, job.avoid)
    if job.loops:
        wrap = crossfades[0] if crossfades else loop_crossfade(samples, frames)
        timeline = loop_timeline(crossfades, wrap)
        return Arrangement(timeline, mode, (warning, *off_length(timeline, frames, samples.rate)))
    fade = 0 if mode == "silence" else _fade_frames(frames, samples.rate, job)
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
    objective = objective_of(samples, analysis, frames, untouched, job)
    entry = objective.start if objective.soon else None
    bounds = JumpBounds(
        min(objective.start, head(analysis)), shortest_jump(objective.seconds, abs(objective.added)), entry
    )
    jumps = find_jumps(analysis, bounds, cache)
    if objective.shortens:
        jumps = jumps.beside(all_at_once(analysis, bounds, objective)).reversed(analysis)
    ahead = analysis.start / samples.rate
    jumps = jumps.apart_from([(leave - ahead, enter - ahead) for leave, enter in job.avoid], _SAME_JOIN)
    if job.ending == "intro_loop":
        return _intro_loop(samples, analysis, jumps, frames, job)
    jumps, sequence, warnings = _find_sequence(
        jumps, analysis, objective, job, lambda part: progress(0.8 + 0.15 * part)
    )
    if sequence is None:
        return None
    crossfades = _crossfades(samples, analysis, jumps, sequence, frames, untouched, job, objective.spacing)
    progress(1.0)
    better = "" if sure(crossfades) and not sequence.fades else other_length(better_length(jumps, objective))
    warnings = (*warnings, *doubts(crossfades, better))
    if job.loops:
        timeline = loop_timeline(crossfades[:-1], crossfades[-1])
        return Arrangement(timeline, "rearranged", (*warnings, *off_length(timeline, frames, samples.rate)))
    fade = _fade_frames(frames, samples.rate, job) if sequence.fades or job.ending == "fade" else 0
    played = samples.frames + sum(crossfade.lag for crossfade in crossfades)
    if not fade:
        warnings = (*warnings, *pause(played, frames, samples.rate))
    elif objective.shortens and job.ending == "auto":
        warnings = (*warnings, *no_own_ending(job, better))
    return Arrangement(Timeline(frames, crossfades, fade), "rearranged", warnings)


def _intro_loop(samples: Samples, analysis: Analysis, jumps: Jumps, frames: int, job: Job) -> Arrangement | None:
    """A beginning that is heard once, and what can follow for ever; no longer than the track itself."""
    shorter = frames < samples.frames
    wrap = intro_wrap(
        jumps, analysis.seconds, frames / samples.rate - analysis.start / samples.rate if shorter else None, job.take
    )
    if wrap is None:
        return None
    crossfader = Crossfader(samples, analysis, 0, float(jumps.gain_seconds[wrap]) / 3)
    leave, lag, confidence = int(jumps.leave[wrap]), float(jumps.lag[wrap]), float(jumps.acceptance[wrap])
    crossfade = crossfader.fit(leave, lag, confidence, first=True)
    timeline = intro_loop_timeline(crossfade)
    told = (marks(timeline, samples.rate), *doubts((crossfade,), ""))
    return Arrangement(
        timeline, "rearranged", (*told, *(off_length(timeline, frames, samples.rate) if shorter else ()))
    )


def _find_sequence(
    jumps: Jumps, analysis: Analysis, objective: Objective, job: Job, progress: Callable[[float], None]
) -> tuple[Jumps, JumpSequence | None, tuple[str, ...]]:
    """The sequence that was asked for, or the nearest to it, the jumps it is made of, and what was not possible."""
    warnings: list[str] = []
    sequence = None
    if job.part is not None:
        inside = jumps.within(*_span(job.part, objective.seconds))
        within = replace(objective, ending=_ending_after(job))
        sequence = _best(inside, within, lambda share: progress(share / 2))
        if sequence is not None and (not sequence.fades or job.part == "outro"):
            jumps = inside
        else:
            sequence = None
            warnings.append(f"The {job.part} has too few places that sound alike; other parts were made longer too.")
    if sequence is None:
        sequence = _best(jumps, objective, lambda share: progress(0.5 + share / 2))
    if sequence is not None and _leaves_silence(jumps, sequence, objective):
        jumps, sequence = fitted(jumps, analysis, objective, sequence)
    if sequence is not None and sequence.fades and job.ending == "keep":
        warnings.append("No way leads to the track's own ending at this length, so it fades out.")
    return jumps, sequence, tuple(warnings)


def _leaves_silence(jumps: Jumps, sequence: JumpSequence, objective: Objective) -> bool:
    """Whether a track that is made longer would be followed by a pause, and is short enough to look for another way."""
    if sequence.fades or objective.loops or objective.shortens or objective.soon:
        return False
    missing = objective.added - float(jumps.gain_seconds[list(sequence.jumps)].sum())
    return missing > _NO_PAUSE and objective.seconds + objective.added <= _FITTED_SECONDS


def _best(jumps: Jumps, objective: Objective, progress: Callable[[float], None]) -> JumpSequence | None:
    return (shorten if objective.shortens else find_sequence)(jumps, objective, progress)


def _span(part: Part, seconds: float) -> tuple[float, float]:
    """The third of the track that is meant, in seconds."""
    third = ("intro", "middle", "outro").index(part)
    return seconds * third / 3, seconds * (third + 1) / 3


def _ending_after(job: Job) -> Ending:
    """Whoever wants a longer beginning or middle wants the rest as it was."""
    return "keep" if job.ending == "auto" and job.part != "outro" else job.ending


def _crossfades(
    samples: Samples, analysis: Analysis, jumps: Jumps, sequence: JumpSequence, frames: int, untouched: int, job: Job,
    spacing: float,
) -> tuple[Crossfade, ...]:  # fmt: skip
    crossfader = Crossfader(samples, analysis, untouched, spacing / 2)
    made: dict[tuple[int, bool], Crossfade] = {}
    crossfades: list[Crossfade] = []
    for i, jump in enumerate(sequence.jumps):
        key = jump, i == 0
        if key not in made:
            leave, lag, confidence = int(jumps.leave[jump]), float(jumps.lag[jump]), float(jumps.acceptance[jump])
            made[key] = crossfader.fit(leave, lag, confidence, first=i == 0)
        crossfades.append(made[key])
    if sequence.fades:
        return tuple(crossfades)
    missing = frames - sum(one.lag for one in crossfades) - (0 if job.loops else samples.frames)
    return _exactly(crossfader, crossfades, missing)


def _exactly(crossfader: Crossfader, crossfades: list[Crossfade], missing: int) -> tuple[Crossfade, ...]:
    """The crossfades, one of them moved by the few frames that are missing, where that is not heard."""
    for place in range(len(crossfades) if missing else 0):
        moved = crossfader.nudged(crossfades[place], missing)
        if moved is not None:
            return (*crossfades[:place], moved, *crossfades[place + 1 :])
    return tuple(crossfades)


def _fade_frames(frames: int, rate: int, job: Job) -> int:
    """As long as was asked for, or a tenth of the result, between two and eight seconds, at most half of it."""
    if job.fade_seconds is not None:
        return min(frames, round(job.fade_seconds * rate))
    seconds = min(8.0, max(2.0, 0.1 * frames / rate))
    return min(frames // 2, int(seconds * rate))
