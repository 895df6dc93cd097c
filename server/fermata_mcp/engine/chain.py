"""What follows a finished step: a further step, or the end of its task and how that is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fermata_mcp.config import Settings
from fermata_mcp.domain.credits import MILLI
from fermata_mcp.domain.errors import Cancelled, FermataError
from fermata_mcp.domain.plan import default_point
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Audio, Change, Clip, NewStep, Step, Task, TaskPatch, Work, new_id

from .moves import cancelled, ended, money_of_failure

# A chain has reached its target when it is this close: provider lengths are never exact.
NEAR_ENOUGH_SECONDS = 1.0
# An extension that adds less than this shows that the provider will not go on.
TOO_LITTLE_SECONDS = 5.0
SHORTEST_ADD_SECONDS = 5.0


@dataclass(frozen=True)
class Next:
    """What is recorded together with the finished step."""

    task: TaskPatch
    step: NewStep | None = None


def cap_of(task: Task, settings: Settings) -> int | None:
    """Milli-credits that the whole task may cost, or None."""
    caps = [cap for cap in (task.max_credits, settings.max_credits_per_call) if cap is not None]
    return round(min(caps) * MILLI) if caps else None


def affordable(task: Task, spec: ProviderSpec, settings: Settings, action: Any) -> bool:
    """Whether one more submit stays below the caps of this task. The finished step's own price is still held."""
    cap = cap_of(task, settings)
    return cap is None or task.charged + task.held + round(spec.price_of(action).high * MILLI) <= cap


def after_step(
    task: Task, step: Step, clips: tuple[Clip, ...], warnings: tuple[str, ...], spec: ProviderSpec, settings: Settings,
    now: int,
) -> Next:  # fmt: skip
    """What to record now that `step` has delivered `clips`."""
    told = (*task.warnings, *warnings)
    if step.work.action == "upload":
        return Next({"message": "uploaded"}, _step(step, _from_upload(step.work, clips[0], spec)))
    clip = chosen(task, clips)
    audio = _audio(clip)
    if task.cancel_at is not None:
        return Next(ended("cancelled", now, audio=audio) | {"warnings": told})
    if _needs_concat(task, step, clip, spec, settings):
        return Next(
            {"message": "joining", "audio": audio, "warnings": told}, _step(step, _concat_work(step.work, clip))
        )
    if task.kind == "chain" and not spec.any_length and step.work.action == "extend":
        return _after_link(task, step, clip, told, spec, settings, now)
    short = _short_by(task, audio)
    if short:
        told = (*told, f"The track is {short:.0f} s short of the target.")
    return Next(ended("partial" if short else "succeeded", now, audio=audio) | {"warnings": told})


def chosen(task: Task, clips: tuple[Clip, ...]) -> Clip:
    """The clip to carry on: the asked-for variation of a chain where it is there, else the first."""
    variation = int(task.request.get("variation", 0)) if task.kind == "chain" else 0
    return clips[variation if variation < len(clips) else 0]


def ended_by(task: Task, error: FermataError, now: int) -> TaskPatch:
    """How a task ends when a step did not succeed: a chain that has delivered something keeps it."""
    if isinstance(error, Cancelled) or task.cancel_at is not None:
        return ended("cancelled", now, audio=task.audio)
    if task.audio is not None:
        return ended("partial", now, audio=task.audio, error=error)
    return ended("failed", now, error=error)


def stopped_in_time(step: Step, task: Task, now: int) -> Change:
    """A step that was cancelled before anything was sent for it."""
    money = money_of_failure(task.held, taken_on=False, refunds=False)
    return cancelled(step, now, money, ended_by(task, Cancelled("it was cancelled."), now))


def _audio(clip: Clip) -> Audio:
    return Audio(file=clip.file, url=clip.url, duration_seconds=clip.duration_seconds, whole_track=clip.whole_track)


def _short_by(task: Task, audio: Audio) -> float:
    target = task.request.get("target_seconds")
    if target is None or audio.duration_seconds is None:
        return 0.0
    missing = float(target) - audio.duration_seconds
    return missing if missing > NEAR_ENOUGH_SECONDS else 0.0


# --- the provider's own joining ---------------------------------------------------------------------------------------


def _needs_concat(task: Task, step: Step, clip: Clip, spec: ProviderSpec, settings: Settings) -> bool:
    return (
        clip.whole_track is False
        and task.kind == "extend"
        and step.work.action == "extend"
        and clip.provider_clip_id is not None
        and task.request.get("stitch") != "never"
        and "concat" in spec.other_prices
        and affordable(task, spec, settings, "concat")
    )


def _concat_work(work: Work, clip: Clip) -> Work:
    update = {"action": "concat", "source_clip": clip.provider_clip_id, "continue_at": None, "source_seconds": None}
    return work.model_copy(update=update)


def _from_upload(work: Work, clip: Clip, spec: ProviderSpec) -> Work:
    seconds = work.source_seconds or clip.duration_seconds
    point = work.continue_at
    if point is None and spec.needs_point:
        point = default_point(seconds)
    update = {"action": "extend", "source_clip": clip.provider_clip_id, "source_url": None, "source_seconds": seconds}
    return work.model_copy(update=update | {"continue_at": point, "before_seconds": work.before_seconds or seconds})


def _step(step: Step, work: Work) -> NewStep:
    return NewStep(new_id("stp"), step.seq + 1, work)


# --- the next link of a chain -----------------------------------------------------------------------------------------


def _after_link(
    task: Task, step: Step, clip: Clip, told: tuple[str, ...], spec: ProviderSpec, settings: Settings, now: int
) -> Next:
    so_far = _so_far(step.work, clip)
    audio = _audio(clip)
    stop = _reason_to_stop(task, step, clip, so_far, spec, settings)
    if stop is None:
        work = _next_work(task, step, clip, so_far, spec)
        message = f"{so_far:.0f} s of {task.request['target_seconds']:.0f} s"
        share = min(0.99, so_far / float(task.request["target_seconds"]))
        patch: TaskPatch = {
            "message": message,
            "audio": audio,
            "warnings": told,
            "status": "running",
            "fraction": share,
        }
        return Next(patch, _step(step, work))
    reached = so_far >= float(task.request["target_seconds"]) - NEAR_ENOUGH_SECONDS
    patch = ended("succeeded" if reached else "partial", now, audio=audio)
    return Next(patch | {"warnings": told if reached else (*told, stop)})


def _so_far(work: Work, clip: Clip) -> float:
    """Seconds of the whole track now."""
    if clip.whole_track is not False:
        return clip.duration_seconds or 0.0
    return (clip.continue_at or 0.0) + (clip.duration_seconds or 0.0)


def _reason_to_stop(
    task: Task, step: Step, clip: Clip, so_far: float, spec: ProviderSpec, settings: Settings
) -> str | None:
    target = float(task.request["target_seconds"])
    before = step.work.before_seconds or step.work.source_seconds
    longest = spec.models.get(str(step.work.fields.get("model") or spec.default_model), float("inf"))
    extensions = sum(1 for one in task.steps if one.work.action == "extend")
    if so_far >= target - NEAR_ENOUGH_SECONDS:
        return "The target is reached."
    if clip.provider_clip_id is None:
        return "The provider named no clip to go on from."
    if before is not None and so_far - before < TOO_LITTLE_SECONDS:
        return f"The last extension added only {max(0.0, so_far - before):.0f} s, so the chain stopped."
    if extensions >= int(task.request["max_steps"]):
        return f"It stopped after max_steps {task.request['max_steps']} at {so_far:.0f} s."
    if not affordable(task, spec, settings, "extend"):
        return f"One more extension would exceed the credit cap; it stopped at {so_far:.0f} s."
    if (clip.own_seconds or 0.0) >= longest - TOO_LITTLE_SECONDS:
        return f"The model makes tracks of at most {longest:.0f} s; it stopped at {so_far:.0f} s."
    return None


def _next_work(task: Task, step: Step, clip: Clip, so_far: float, spec: ProviderSpec) -> Work:
    own = clip.own_seconds or clip.duration_seconds
    fields = dict(step.work.fields)
    prompts: list[str] = task.request.get("prompts") or []
    if prompts:
        fields["prompt"] = prompts[min(step.seq + 1, len(prompts) - 1)]
    needs_point = spec.needs_point and (not spec.custom_needs or bool(spec.custom_fields & fields.keys()))
    point = default_point(own) if needs_point else None
    missing = float(task.request["target_seconds"]) - so_far
    add = min(spec.longest_add_seconds, max(SHORTEST_ADD_SECONDS, missing)) if "add_seconds" in spec.fields else None
    return step.work.model_copy(
        update={
            "source_file": None, "source_url": None, "source_clip": clip.provider_clip_id, "source_seconds": own,
            "before_file": clip.file if clip.whole_track else None, "before_seconds": so_far,
            "continue_at": point, "add_seconds": add, "fields": fields,
        }
    )  # fmt: skip
