"""What callers see, as data: one model per result."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from fermata_mcp.domain.credits import MILLI
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Clip, Failure, Seam, Step, Task
from fermata_mcp.engine.credits import CreditsReport, ProviderCredits
from fermata_mcp.store.base import Page, Replayed

REPLAYED = {
    "key": "This is the task that the same idempotency_key started earlier; nothing new was started.",
    "request": "This is the task of an identical call made earlier; nothing new was started. Pass take: 2 for another.",
}
NOTHING_SENT = "Dry run: checked and quoted only; nothing was sent and no task was made."


class View(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)


class ProgressView(View):
    fraction: float | None
    elapsed_seconds: float
    expected_seconds: float | None
    message: str


class SourceView(View):
    ref: str
    duration_seconds: float | None


class AudioView(View):
    file: str | None
    url: str | None
    duration_seconds: float | None
    whole_track: bool | None


class ClipView(View):
    clip: str
    provider_clip_id: str | None
    title: str | None
    duration_seconds: float | None
    whole_track: bool | None
    continue_at: float | None
    url: str | None
    file: str | None
    model: str | None
    seams: list[Seam]


class StepView(View):
    seq: int
    status: str
    task_id: str | None
    duration_seconds: float | None
    credits: float | None


class CreditsOfTask(View):
    quoted: float
    expected: float | None
    charged: float | None
    refunded: float


class TaskView(View):
    task_id: str | None
    kind: str
    provider: str
    provider_reason: str | None
    status: str
    progress: ProgressView
    source: SourceView
    audio: AudioView | None
    clips: list[ClipView]
    steps: list[StepView]
    credits: CreditsOfTask
    error: Failure | None
    warnings: list[str]
    next: str
    created_at: str
    updated_at: str
    finished_at: str | None


class ShortTask(View):
    task_id: str
    kind: str
    provider: str
    status: str
    source: str
    duration_seconds: float | None
    file: str | None
    created_at: str
    finished_at: str | None


class TaskList(View):
    tasks: list[ShortTask]
    next_cursor: str | None
    unreadable: list[str] = Field(default=[], exclude_if=lambda ids: not ids)


class CreditsView(View):
    providers: list[ProviderCredits]
    spent_today: float
    spent_this_week: float
    spent_this_month: float
    cap_today: float | None


def iso(milliseconds: int) -> str:
    """Unix milliseconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def share_done(task: Task, spec: ProviderSpec, now: int) -> float | None:
    """0 to 1: what is known, else for running paid work what its usual duration suggests."""
    if task.fraction is not None or task.status != "running" or spec.submit == "repeatable":
        return task.fraction
    return min(0.95, (now - task.created_at) / 1000 / usual_seconds(spec))


def usual_seconds(spec: ProviderSpec) -> float:
    """How long one extension usually takes."""
    return (spec.pace.first + spec.pace.slow_after) / 2


def task_view(
    task: Task, now: int, spec: ProviderSpec, replayed: Replayed = None, *, dry_run: bool = False
) -> TaskView:
    """The view of a task as it stands.

    Args:
        now: Unix milliseconds.
        spec: Of its provider.
        replayed: How it was found, where it is an earlier one.
        dry_run: Whether it was only quoted, and is stored nowhere.
    """
    return TaskView(
        task_id=None if dry_run else task.id,
        kind=task.kind,
        provider=task.provider,
        provider_reason=task.source.chosen,
        status=task.status,
        progress=_progress(task, now, spec),
        source=SourceView(ref=task.source.ref, duration_seconds=task.source.duration_seconds),
        audio=AudioView(**task.audio.model_dump()) if task.audio else None,
        clips=[_clip(task, index, clip) for index, clip in enumerate(task.clips)],
        steps=[_step(step, spec) for step in task.steps] if task.kind == "chain" else [],
        credits=_credits(task, spec),
        error=task.error,
        warnings=_warnings(task, replayed, dry_run),
        next="Call again without dry_run to start." if dry_run else _next(task),
        created_at=iso(task.created_at),
        updated_at=iso(task.updated_at),
        finished_at=iso(task.finished_at) if task.finished_at else None,
    )


def clip_view(task: Task, index: int, now: int, spec: ProviderSpec) -> TaskView:
    """A task with one of its clips in the place of its deliverable."""
    view = task_view(task, now, spec)
    chosen = view.clips[index].model_dump(include=set(AudioView.model_fields))
    return view.model_copy(update={"audio": AudioView(**chosen)})


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
    unsure = task.disputed or (task.held and task.status == "unknown")
    told = not unsure and (spec.price.exact or not task.charged)
    return CreditsOfTask(
        quoted=task.quote.credits,
        expected=None if task.quote.expected is None else task.quote.expected / MILLI,
        charged=task.charged / MILLI if told else None,
        refunded=task.refunded / MILLI,
    )


def _clip(task: Task, index: int, clip: Clip) -> ClipView:
    return ClipView(
        clip=f"{task.id}/{index}",
        seams=list(clip.seams),
        **clip.model_dump(exclude={"seams", "own_seconds", "told_seconds", "cut"}),
    )


def _step(step: Step, spec: ProviderSpec) -> StepView:
    clip = step.clips[0] if step.clips else None
    return StepView(
        seq=step.seq,
        status=step.state,
        task_id=step.remote_id,
        duration_seconds=clip.duration_seconds if clip else None,
        credits=spec.price_of(step.work.action).high if step.state == "succeeded" else None,
    )


def _warnings(task: Task, replayed: Replayed, dry_run: bool) -> list[str]:
    first = [REPLAYED[replayed]] if replayed else []
    first += [NOTHING_SENT] if dry_run else []
    return [*first, *task.warnings, *_disputed(task)]


def _disputed(task: Task) -> list[str]:
    unsure = task.disputed + (task.held if task.status == "unknown" else 0)
    if not unsure:
        return []
    return [f"It may have been charged up to {unsure / MILLI:g} credits: whether it was is not known."]


def _next(task: Task) -> str:
    match task.status:
        case "queued" | "running":
            return f'Call get_task with task_id "{task.id}" and wait_seconds 45.'
        case "succeeded" | "partial":
            return f'Play it, or call extend_track with source "{task.id}" to go on from here.'
        case "unknown":
            return f'Ask the person, then call resolve_task with task_id "{task.id}".'
        case "cancelled":
            return "Call again to start anew."
        case _:
            return task.error.hint if task.error else "Call again."


def short(task: Task) -> ShortTask:
    return ShortTask(
        task_id=task.id,
        kind=task.kind,
        provider=task.provider,
        status=task.status,
        source=task.source.ref,
        duration_seconds=task.audio.duration_seconds if task.audio else None,
        file=task.audio.file if task.audio else None,
        created_at=iso(task.created_at),
        finished_at=iso(task.finished_at) if task.finished_at else None,
    )


def task_list(page: Page) -> TaskList:
    return TaskList(
        tasks=[short(task) for task in page.tasks], next_cursor=page.next_cursor, unreadable=list(page.unreadable)
    )


def credits_view(told: CreditsReport) -> CreditsView:
    return CreditsView(
        providers=list(told.providers),
        spent_today=told.spent_today,
        spent_this_week=told.spent_this_week,
        spent_this_month=told.spent_this_month,
        cap_today=told.cap_today,
    )


def provider_facts(spec: ProviderSpec) -> dict[str, Any]:
    """One row of the capability table: for `fermata://providers` and the docs."""
    return {
        "name": spec.name,
        "title": spec.title,
        "summary": spec.summary,
        "needs": spec.key_variable or "nothing",
        "sources": sorted(spec.sources),
        "fields": {name: field.note for name, field in spec.fields.items()},
        "options": dict(spec.options) if spec.options is not None else "any of the provider's own",
        "models": list(spec.models),
        "credits_per_extension": {
            "low": spec.price.low,
            "high": spec.price.high,
            "words": spec.price.words,
            "stated_in": spec.price.stated_in,
        },
        "lengths_seconds": {
            "shortest_source": spec.lengths.shortest_source,
            "longest_source": _finite(spec.lengths.longest_source),
            "longest_result": _finite(spec.lengths.longest_result),
            "added_by_default": spec.lengths.default_add,
        },
        "tells_balance": spec.has_balance,
        "verified": spec.verified,
        "notes": [*([spec.honesty] if spec.honesty else []), *spec.notes],
    }


def _finite(seconds: float) -> float | None:
    return None if seconds == float("inf") else seconds
