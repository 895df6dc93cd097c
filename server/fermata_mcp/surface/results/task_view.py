"""A task as data."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from pydantic import ConfigDict, Field

from fermata_mcp.domain.credits import Unit, amount_of, bare, in_words
from fermata_mcp.domain.moments import counted
from fermata_mcp.domain.requests.cost import work_cost
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Clip, Failure, Seam, Step, Task
from fermata_mcp.store.base import Replayed

from .view import Paid, Rounded, View, iso

REPLAYED = {
    "key": "This is the task that the same idempotency_key started earlier; nothing new was started.",
    "request": "This is the task of an identical call made earlier; nothing new was started. Pass take: 2 for another.",
}
NOTHING_SENT = "Dry run: checked and quoted only; nothing was sent and no task was made."
# A result goes into a conversation, where each join costs some thirty tokens; the resource of the task has them all.
MOST_SEAMS = 6


class ProgressView(View):
    fraction: Rounded | None
    elapsed_seconds: Rounded
    expected_seconds: Rounded | None
    message: str


class SourceView(View):
    ref: str
    duration_seconds: Rounded | None


class AudioView(View):
    file: str | None
    url: str | None
    duration_seconds: Rounded | None
    whole_track: bool | None


class SeamView(View):
    """A join. Seconds; `at` in the result, the others in the source. `confidence` from 0 to 1."""

    model_config = ConfigDict(serialize_by_alias=True)

    at: Rounded
    from_: Rounded = Field(alias="from")
    to: Rounded
    blend_ms: Rounded
    confidence: Rounded


class ClipView(View):
    """`seams` are at most the `MOST_SEAMS` least sure of `seams_total`, in order, unless all were asked for."""

    clip: str
    provider_clip_id: str | None
    title: str | None
    duration_seconds: Rounded | None
    whole_track: bool | None
    continue_at: Rounded | None
    url: str | None
    file: str | None
    model: str | None
    seams: list[SeamView]
    seams_total: int


class StepView(View):
    seq: int
    status: str
    task_id: str | None
    duration_seconds: Rounded | None
    credits: Paid | None


class CreditsOfTask(View):
    """What it costs, in its `unit`: credits of its provider, or US dollars."""

    unit: Unit
    quoted: Paid
    expected: Paid | None
    charged: Paid | None
    refunded: Paid


class TaskView(View):
    # What schemas name: each is paid for in every conversation, once for each tool.
    TOLD: ClassVar = ("task_id", "status", "summary", "audio", "clips", "credits", "error", "warnings", "next")

    task_id: str | None
    kind: str
    provider: str
    provider_reason: str | None
    status: str
    summary: str
    progress: ProgressView
    source: SourceView
    audio: AudioView | None
    clips: list[ClipView]
    steps: list[StepView]
    credits: CreditsOfTask
    honesty: str | None
    error: Failure | None
    warnings: list[str]
    next: str
    created_at: str
    updated_at: str
    finished_at: str | None


def share_done(task: Task, spec: ProviderSpec, now: int) -> float | None:
    """0 to 1: what is known, else for running paid work what its usual duration suggests."""
    if task.fraction is not None or task.status != "running" or spec.submit == "repeatable":
        return task.fraction
    return min(0.95, (now - task.created_at) / 1000 / usual_seconds(spec))


def usual_seconds(spec: ProviderSpec) -> float:
    """How long one extension usually takes."""
    return (spec.pace.first + spec.pace.slow_after) / 2


def task_view(
    task: Task,
    now: int,
    spec: ProviderSpec,
    replayed: Replayed = None,
    *,
    dry_run: bool = False,
    all_seams: bool = False,
) -> TaskView:
    """The view of a task as it stands.

    Args:
        now: Unix milliseconds.
        spec: Of its provider.
        replayed: How it was found, where it is an earlier one.
        dry_run: Whether it was only quoted, and is stored nowhere.
        all_seams: Every join, and not only the least sure.
    """
    credits = _credits(task, spec)
    most = None if all_seams else MOST_SEAMS
    return TaskView(
        task_id=None if dry_run else task.id,
        kind=task.kind,
        provider=task.provider,
        provider_reason=task.source.chosen,
        status=task.status,
        summary=_summary(task, credits, dry_run=dry_run),
        progress=_progress(task, now, spec),
        source=SourceView(ref=task.source.called, duration_seconds=task.source.duration_seconds),
        audio=AudioView(**task.audio.model_dump()) if task.audio else None,
        clips=[_clip(task, index, clip, most) for index, clip in enumerate(task.clips)],
        steps=[_step(step, spec) for step in task.steps] if task.kind == "chain" else [],
        credits=credits,
        honesty=_honesty(task, spec) if task.status in ("succeeded", "partial") else None,
        error=task.error,
        warnings=_warnings(task, replayed, dry_run),
        next="Call again without dry_run to start." if dry_run else _next(task, spec),
        created_at=iso(task.created_at),
        updated_at=iso(task.updated_at),
        finished_at=iso(task.finished_at) if task.finished_at else None,
    )


def clip_view(task: Task, index: int, now: int, spec: ProviderSpec) -> TaskView:
    """A task with one of its clips in the place of its deliverable, and all joins, for a player to mark."""
    view = task_view(task, now, spec, all_seams=True)
    chosen = view.clips[index].model_dump(include=set(AudioView.model_fields))
    return view.model_copy(update={"audio": AudioView(**chosen)})


def _summary(task: Task, credits: CreditsOfTask, *, dry_run: bool) -> str:
    by = f"by {task.provider}"
    match task.status:
        case _ if dry_run:
            return f"Would be made {by}; {cost_words(credits, spent=False)}."
        case "succeeded" | "partial":
            word = "Done" if task.status == "succeeded" else "Partly done"
            return f"{word}: {_lengths(task)} {by}; {cost_words(credits)}."
        case "queued" | "running":
            return f"{task.status.capitalize()} {by}: {task.message}."
        case "failed" | "unknown":
            problem = f": {task.error.code}: {task.error.message}" if task.error else ""
            return f"{'Failed' if task.status == 'failed' else 'Outcome unknown'}{problem}"
        case _:
            return f"Cancelled; {cost_words(credits)}."


def _lengths(task: Task) -> str:
    if task.audio is None or not (task.audio.file or task.audio.url):
        return "the audio is not here yet, made"
    after, before = task.audio.duration_seconds, task.source.duration_seconds
    told = "of unknown length" if after is None else f"{after:.2f} s"
    return f"{told}{f' (before {before:.2f} s)' if before else ''}"


def cost_words(credits: CreditsOfTask, *, spent: bool = True) -> str:
    """What was or would be paid, in words."""
    quoted, charged, expected, unit = credits.quoted, credits.charged, credits.expected, credits.unit
    if not quoted and not charged:
        return "free"
    if not spent:
        return f"{'' if expected is None else f'about {bare(expected, unit)}, '}up to {in_words(quoted, unit)}"
    if charged is None:
        return f"it may have cost up to {in_words(quoted, unit)}"
    refunded = f", of which the provider refunds {bare(credits.refunded, unit)}" if credits.refunded else ""
    return f"{in_words(charged, unit)}{refunded}"


def _honesty(task: Task, spec: ProviderSpec) -> str | None:
    """How it was made, and which of the provider's options were carried out."""
    given: dict[str, Any] = task.request.get("options") or {}
    done = ", ".join(f"{name} {_told(given[name])}" for name in spec.options or () if name in given)
    after, before = task.audio.duration_seconds if task.audio else None, task.source.duration_seconds
    shorter = after is not None and before is not None and after < before and spec.honesty_shorter
    return " ".join(said for said in (shorter or spec.honesty, f"As asked: {done}." if done else "") if said) or None


def _told(value: Any) -> str:
    """An option's value in words; of places the number is enough."""
    if not isinstance(value, list):
        return str(value)
    count = len(cast("list[Any]", value))
    return counted(count, "join", none="0")


def _progress(task: Task, now: int, spec: ProviderSpec) -> ProgressView:
    until = task.finished_at or now
    timed = task.kind == "extend" and spec.submit == "at_most_once"
    return ProgressView(
        fraction=share_done(task, spec, now),
        elapsed_seconds=max(0, until - task.created_at) / 1000,
        expected_seconds=usual_seconds(spec) if timed else None,
        message=task.message,
    )


def _credits(task: Task, spec: ProviderSpec) -> CreditsOfTask:
    """What was charged is not known where it is disputed, or the provider does not tell and its price is a range."""
    unsure = task.disputed or (task.held and task.status in ("unknown", "cancelled"))
    told = not unsure and (_is_exact(task, spec) or not task.charged)
    unit = task.unit
    return CreditsOfTask(
        unit=unit,
        quoted=task.quote.most,
        expected=None if task.quote.expected is None else amount_of(task.quote.expected, unit),
        charged=amount_of(task.charged, unit) if told else None,
        refunded=amount_of(task.refunded, unit),
    )


def _is_exact(task: Task, spec: ProviderSpec) -> bool:
    """Whether what its extensions cost is stated as one number."""
    models = {step.work.fields.get("model") for step in task.steps} or {None}
    return all(spec.price_of("extend", model).exact for model in models)


def _clip(task: Task, index: int, clip: Clip, most: int | None) -> ClipView:
    return ClipView(
        clip=f"{task.id}/{index}",
        seams=[SeamView(**seam.model_dump(by_alias=True)) for seam in least_sure(clip.seams, most)],
        seams_total=len(clip.seams),
        **clip.model_dump(exclude={"seams", "arrived", "own_seconds", "told_seconds", "cut", "unstored"}),
    )


def least_sure(seams: tuple[Seam, ...], most: int | None) -> list[Seam]:
    """The `most` joins that may be heard first of all, in the order in which they come."""
    if most is None or len(seams) <= most:
        return list(seams)
    return sorted(sorted(seams, key=lambda seam: seam.confidence)[:most], key=lambda seam: seam.at)


def _step(step: Step, spec: ProviderSpec) -> StepView:
    clip = step.clips[0] if step.clips else None
    return StepView(
        seq=step.seq,
        status=step.state,
        task_id=step.remote_id,
        duration_seconds=clip.duration_seconds if clip else None,
        credits=work_cost(step.work, spec).most if step.state == "succeeded" else None,
    )


def _warnings(task: Task, replayed: Replayed, dry_run: bool) -> list[str]:
    first = [REPLAYED[replayed]] if replayed else []
    first += [NOTHING_SENT] if dry_run else []
    return [*first, *task.warnings, *_disputed(task)]


def _disputed(task: Task) -> list[str]:
    unsure = task.disputed + (task.held if task.status == "unknown" else 0)
    if not unsure:
        return []
    most = in_words(amount_of(unsure, task.unit), task.unit)
    return [f"It may have been charged up to {most}: whether it was is not known."]


def _next(task: Task, spec: ProviderSpec) -> str:
    match task.status:
        case "queued" | "running":
            return f'Call get_task with task_id "{task.id}" and wait_seconds 45.'
        case "succeeded" | "partial":
            return f'Play it, or call extend_track with source "{task.id}" to go on from here.'
        case "unknown":
            return f'Ask the person, then call resolve_task with task_id "{task.id}".'
        case "cancelled":
            return "Call again to start anew."
        case _ if task.error is None:
            return "Call again."
        case _ if task.error.code == "insufficient_credits" and spec.site:
            return f"{task.error.hint.rstrip('.')} ({spec.site})."
        case _:
            return task.error.hint
