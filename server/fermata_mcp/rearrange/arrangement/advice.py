"""What the listener should know of an arrangement, and what would be better: lengths, endings, takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fermata_mcp.domain.moments import clock, counted

if TYPE_CHECKING:
    from fermata_mcp.rearrange.job import Job
    from fermata_mcp.rearrange.transitions.crossfade import Crossfade

    from .timeline import Timeline

# Chosen 2026-11-22; not tuned.
_UNSURE = 0.5  # confidence
_NOTICED_PAUSE = 0.5  # seconds of silence after the end that are told (chosen: a pause between two tracks is two)
_SAME_LENGTH = 0.05  # seconds


def sure(crossfades: tuple[Crossfade, ...]) -> bool:
    """Whether no join is likely to be heard."""
    return all(crossfade.confidence >= _UNSURE for crossfade in crossfades)


def other_length(seconds: float | None) -> str:
    """A length nearby that is better, in words; "" where there is none."""
    return "" if seconds is None else f"{seconds:.1f} s ({clock(seconds)}) has surer joins and the track's own ending."


def doubts(crossfades: tuple[Crossfade, ...], better: str) -> tuple[str, ...]:
    """Joins that may be heard, and what would be `better`; "" for nothing that is known of."""
    unsure = sum(crossfade.confidence < _UNSURE for crossfade in crossfades)
    if not unsure:
        return ()
    few = "the track has few places that sound alike"
    other = (
        better or "No take or length nearby has better ones: options.ending fade may, other providers make new music."
    )
    return (f"{unsure} of {counted(len(crossfades), 'join')} may be heard: {few}. {other}",)


def pause(played: int, frames: int, rate: int) -> tuple[str, ...]:
    """Music is made longer by whole phrases; what is missing after the last one is silent."""
    missing = (frames - played) / rate
    if missing < _NOTICED_PAUSE:
        return ()
    return (
        f"The music ends {missing:.1f} s before {frames / rate:.2f} s, and silence follows: its phrases fit "
        f"{played / rate:.2f} s. That length, or options.ending fade, has no silence.",
    )


def no_own_ending(job: Job, better: str) -> tuple[str, ...]:
    """A track that was cut to a length and could not keep how it ends."""
    return (
        f"No way to the track's own ending sounds well at {job.length_seconds:.2f} s, so it fades out. "
        f"{better or 'options.ending keep has the ending, by joins that may be heard.'}",
    )


def off_length(timeline: Timeline, frames: int, rate: int) -> tuple[str, ...]:
    """A loop is as long as its music is."""
    if abs(timeline.frames - frames) < _SAME_LENGTH * rate:
        return ()
    seconds, wanted = timeline.frames / rate, frames / rate
    return (f"The loop lasts {seconds:.2f} s, which is as near to {wanted:.2f} s as the music allows.",)


def marks(timeline: Timeline, rate: int) -> str:
    """Where a file that plays an intro once goes round."""
    start, length = timeline.loop_start or 0, timeline.frames - (timeline.loop_start or 0)
    return (
        f"It plays {start / rate:.2f} s once, and then a loop of {length / rate:.2f} s for ever: the file is marked so "
        f"(loop start {start}, length {length} samples)."
    )


def bounds_hint(start: float, stop: float) -> str:
    """What to try where a passage that was named does not lead well into itself."""
    return f"Other bounds than {clock(start)}-{clock(stop)}, on the beat or a whole phrase, may have a better one."


def round_and_round(crossfades: tuple[Crossfade, ...], rate: int) -> str:
    """How an even sound was made longer."""
    first = crossfades[0]
    blend = f"a blend of {(first.before + first.after) / rate:.1f} s"
    if first.lag < 0:
        return f"The sound is even throughout, so {-first.lag / rate:.1f} s were left out in one piece, with {blend}."
    times = f"{len(crossfades)} times" if len(crossfades) > 1 else "once"
    return f"The sound is even throughout, so one stretch of {first.lag / rate:.1f} s goes round {times}, by {blend}."
