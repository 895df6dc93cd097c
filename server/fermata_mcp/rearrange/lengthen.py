"""Makes an audio file longer or shorter from its own material: the one entry to the offline engine."""

from __future__ import annotations

import math
from contextlib import closing
from typing import TYPE_CHECKING

from fermata_mcp.domain.errors import InvalidRequest, TooLarge
from fermata_mcp.media.audio import probe
from fermata_mcp.media.codecs.targets import Target, kept, most_channels, target
from fermata_mcp.media.facts import DECODER_DELAY_SECONDS
from fermata_mcp.media.files import check_seal

from .job import LONGEST_RESULT_SECONDS, LONGEST_SOURCE_SECONDS, SHORTEST_SECONDS, Job, Result, Seam

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata_mcp.media.facts import AudioFacts
    from fermata_mcp.rearrange.arrangement.arrange import Arrangement

    from .samples import Samples


def lengthen(job: Job, progress: Callable[[float, str], None]) -> Result:
    """Write `job.target`, atomically: it appears complete or not at all.

    Args:
        job: What to do.
        progress: Told the share done (0 to 1) and what is being done.

    Raises:
        InvalidRequest: A length or place that makes no sense for this file, or a file under half a second.
        FileNotAllowed: The source is not the file any more that was checked.
        NotAudio: Nothing in the source decodes.
        TooLarge: Source or result is longer than the limits above.
        StoreUnavailable: The result cannot be written.
    """
    check_seal(job.source, job.seal)
    facts = probe(job.source)
    _check(job, facts)
    wanted = _target(job, facts)
    # numpy and soundfile cost a server half of its start-up time, and it never needs them
    from fermata_mcp.rearrange.arrangement.arrange import arrange
    from fermata_mcp.rearrange.output.encode import write_result
    from fermata_mcp.rearrange.output.render import render

    from .samples import open_samples

    reading = _stage(progress, 0.0, 0.25, "reading")
    with closing(open_samples(job.source, facts, job.target.parent, reading)) as samples:
        _check_decoded(job, samples)
        arrangement = arrange(samples, job, _stage(progress, 0.25, 0.6, "listening"))
        blocks = render(samples, arrangement.timeline)
        moves, loop_start = arrangement.timeline.moves(samples.rate, samples.frames), arrangement.timeline.loop_start
        writing = _stage(progress, 0.6, 1.0, "writing")
        written, lost = write_result(job, facts, wanted, moves, blocks, writing, loop_start)
        said = [] if wanted.warning is None else [wanted.warning]
        return _result(written, arrangement, samples, [*_warnings(facts, samples), *said, *lost])


def _stage(progress: Callable[[float, str], None], start: float, stop: float, message: str) -> Callable[[float], None]:
    return lambda part: progress(start + (stop - start) * part, message)


def _check(job: Job, facts: AudioFacts) -> None:
    if not math.isfinite(job.length_seconds):
        raise InvalidRequest("The length must be a number of seconds.")
    if job.take < 1:
        raise InvalidRequest("take counts from 1.")
    if facts.duration_seconds < SHORTEST_SECONDS:
        raise InvalidRequest(
            f"The track lasts {facts.duration_seconds:.2f} s; at least {SHORTEST_SECONDS} s are needed.",
            "give a longer track.",
        )
    if facts.duration_seconds > LONGEST_SOURCE_SECONDS:
        raise TooLarge(f"The track is longer than {LONGEST_SOURCE_SECONDS // 3600} hours.", "cut it first.")
    if job.length_seconds > LONGEST_RESULT_SECONDS:
        raise TooLarge(f"The result would be longer than {LONGEST_RESULT_SECONDS // 3600} hours.", "ask for less.")
    if job.length_seconds < SHORTEST_SECONDS:
        raise InvalidRequest(
            f"A track cannot be made {job.length_seconds:.2f} s long; at least {SHORTEST_SECONDS} s are needed.",
            f"ask for at least {SHORTEST_SECONDS} s.",
        )
    if round(job.length_seconds * facts.sample_rate) == facts.frames and job.ending == "auto":
        raise InvalidRequest(
            f"The track already lasts {facts.duration_seconds:.2f} s.", "ask for another length, or use it as it is."
        )
    _check_place(job.continue_at, facts.duration_seconds)


def _target(job: Job, facts: AudioFacts) -> Target:
    """How the result is written, by the ending of its name. Raises InvalidRequest."""
    ending = job.target.suffix.lower()
    found = target(facts, ending)
    if found is None:
        raise InvalidRequest(f"A {ending} file cannot be written here.", f"let its name end in {kept(facts).ending}.")
    most = most_channels(found)
    if most is not None and facts.channels > most and (not found.same or found.needs_library):
        raise InvalidRequest(
            f"A {ending} file holds up to {most} channels; the track has {facts.channels}.", "choose .wav or .flac."
        )
    return found


def _check_place(continue_at: float | None, duration: float) -> None:
    if continue_at is None:
        return
    if not math.isfinite(continue_at) or continue_at < 0:
        raise InvalidRequest("continue_at must be a number of seconds from the beginning.")
    if continue_at > duration + 0.05:
        raise InvalidRequest(
            f"continue_at is {continue_at:.2f} s, but the track ends at {duration:.2f} s.",
            f"choose a place between 0 and {duration:.2f} s.",
        )


def _check_decoded(job: Job, samples: Samples) -> None:
    seconds = samples.frames / samples.rate
    if seconds < SHORTEST_SECONDS:
        raise InvalidRequest(
            f"Only {seconds:.2f} s of the track can be decoded; at least {SHORTEST_SECONDS} s are needed.",
            "give an undamaged file.",
        )
    _check_place(job.continue_at, seconds)


def _warnings(facts: AudioFacts, samples: Samples) -> list[str]:
    warnings: list[str] = []
    lost = (max(facts.frames, facts.told_frames or 0) - samples.frames) / facts.sample_rate
    if lost > DECODER_DELAY_SECONDS:
        warnings.append(f"The file is damaged: its last {lost:.1f} s cannot be decoded, and were left out.")
    elif facts.note is not None:
        warnings.append(facts.note)
    if samples.repaired:
        warnings.append("Samples that were no numbers were set to zero.")
    return warnings


def _result(facts: AudioFacts, arrangement: Arrangement, samples: Samples, warnings: list[str]) -> Result:
    rate, timeline = samples.rate, arrangement.timeline
    seams = tuple(
        Seam(
            at / rate,
            crossfade.leave / rate,
            crossfade.enter / rate,
            1000 * (crossfade.before + crossfade.after) / rate,
            round(crossfade.confidence, 3),
        )
        for at, crossfade in timeline.seams()
        if at < timeline.frames or timeline.loop_start is not None
    )
    ending = "loops" if timeline.loop_start is not None else "faded" if timeline.fade else "kept"
    return Result(facts, arrangement.mode, seams, ending, (*warnings, *arrangement.warnings))
