"""A task in words: every line is made from its view alone, so that text and data cannot say different things."""

from __future__ import annotations

from collections.abc import Iterator

from fermata_mcp.domain.foreign.text import visible
from fermata_mcp.domain.moments import clock

from .task_view import ClipView, CreditsOfTask, SeamView, TaskView, cost_words

# A signed link of an object store can have 2,000 characters; one that is cut leads nowhere.
LONGEST_LINE = 4000
# More than these are not listed one by one.
MOST_JOINS_NAMED = 6


def task_text(view: TaskView) -> str:
    """Outcome, every clip, joins, cost, what was not done and why, and what to do next; a line each."""
    return "\n".join(line for line in (visible(line, LONGEST_LINE) for line in _lines(view)) if line)


def clip_text(view: TaskView, index: int) -> str:
    """Where to hear one clip of a task, and the facts of exactly that one."""
    clip = view.clips[index]
    lines = [
        f"{clip.clip} ({index + 1} of {len(view.clips)}): {clip.file or clip.url or 'not here yet'}",
        ", ".join(_facts(clip)),
        f"Link: {clip.url}" if clip.url and clip.file else "",
        _joins(clip),
        f'Next: open the file, or call extend_track with source "{clip.clip}" to go on from here.',
    ]
    return "\n".join(visible(line, LONGEST_LINE) for line in lines if line)


def _lines(view: TaskView) -> Iterator[str]:
    delivered = _delivered_clip(view)
    yield _outcome(view, delivered)
    yield from (f"Clip {clip.clip}: {_clip(clip)}" for clip in view.clips if clip is not delivered)
    if delivered is not None:
        yield _joins(delivered)
    yield _steps(view)
    yield view.honesty or ""
    if view.status == "partial" and view.error:
        yield f"It stopped: {view.error.message}"
    yield from view.warnings
    yield f"Provider {view.provider_reason}." if view.provider_reason else ""
    yield _cost(view)
    yield f"Next: {view.next}"


def _outcome(view: TaskView, delivered: ClipView | None) -> str:
    match view.status:
        case "succeeded" | "partial":
            return _done(view, delivered)
        case "queued" if view.task_id is None:
            return f"Would be done by {view.provider}."
        case "queued" | "running":
            done = "" if view.progress.fraction is None else f", {view.progress.fraction:.0%}"
            usual = "" if view.progress.expected_seconds is None else f" of about {view.progress.expected_seconds:.0f}"
            after = f"{view.progress.elapsed_seconds:.0f}{usual} s"
            return f"Still {view.status}{done} after {after} ({view.provider}: {view.progress.message}): {view.task_id}"
        case "cancelled":
            return f"Cancelled: {view.task_id}"
        case _:
            problem = f"{view.error.code}: {view.error.message}" if view.error else view.status
            return problem if view.task_id is None else f"{problem} ({view.task_id})"


def _done(view: TaskView, delivered: ClipView | None) -> str:
    audio = view.audio
    word = "Done" if view.status == "succeeded" else "Partly done"
    if audio is None or not (audio.file or audio.url):
        return f"{word}, but the audio is not here yet: {view.task_id}"
    length = f"{audio.duration_seconds:.2f} s" if audio.duration_seconds else "unknown length"
    before = f", before {view.source.duration_seconds:.2f} s" if view.source.duration_seconds else ""
    named = delivered.clip if delivered else view.task_id
    part = "; only the new part" if audio.whole_track is False else ""
    return f"{word}: {audio.file or audio.url} ({length}{before}{part}), {named}"


def _delivered_clip(view: TaskView) -> ClipView | None:
    if view.audio is None:
        return None
    place = (view.audio.file, view.audio.url)
    return next((clip for clip in view.clips if (clip.file, clip.url) == place), None)


def _clip(clip: ClipView) -> str:
    return f"{clip.file or clip.url or 'not here yet'} ({', '.join(_facts(clip))})"


def _facts(clip: ClipView) -> list[str]:
    length = "unknown length" if clip.duration_seconds is None else f"{clip.duration_seconds:.2f} s"
    whole = {True: "the whole track", False: "only its new part", None: "the whole track or only its new part"}
    return [fact for fact in (length, whole[clip.whole_track], clip.model, clip.title) if fact]


def _joins(clip: ClipView) -> str:
    if not clip.seams:
        return ""
    named = sorted(sorted(clip.seams, key=_confidence)[:MOST_JOINS_NAMED], key=lambda seam: seam.at)
    places = ", ".join(f"{clock(seam.at)} ({seam.confidence:.0%} sure)" for seam in named)
    if len(named) == clip.seams_total:
        return f"Joins: {places}"
    return f"Joins: {clip.seams_total}, the least sure: {places}"


def _confidence(seam: SeamView) -> float:
    return seam.confidence


def _steps(view: TaskView) -> str:
    if not view.steps:
        return ""
    states = dict.fromkeys(step.status for step in view.steps)
    counted = (f"{sum(step.status == state for step in view.steps)} {state}" for state in states)
    return f"Steps: {', '.join(counted)}"


def _cost(view: TaskView) -> str:
    credits = view.credits
    if view.status in ("failed", "cancelled", "unknown"):
        return _paid_for_nothing(
            credits, stopped=view.status == "cancelled"
        )  # a warning says what may have been charged
    spent = view.status in ("succeeded", "partial")
    if spent or credits.charged:
        return f"Cost: {cost_words(credits)}." if credits.charged is not None else _sentence(cost_words(credits))
    return f"Cost: {cost_words(credits, spent=False)}."


def _paid_for_nothing(credits: CreditsOfTask, *, stopped: bool) -> str:
    return f"Cost: {cost_words(credits)}." if credits.charged or (stopped and credits.charged is not None) else ""


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
