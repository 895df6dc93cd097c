"""What follows a finished step: a further step, or the end of its task and how that is told."""

from __future__ import annotations

from dataclasses import dataclass

from fermata_mcp.config import Settings
from fermata_mcp.domain.change import Change, NewStep, TaskPatch
from fermata_mcp.domain.credits import parts_of
from fermata_mcp.domain.errors import Cancelled, FermataError
from fermata_mcp.domain.requests.cost import missing_seconds, work_cost
from fermata_mcp.domain.requests.wire_request import default_point
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Audio, Clip, Step, Task, Work, new_id

from .further import extensions, not_carried, sent_further, unused_prompts
from .money import money_of_failure
from .moves import cancelled, ended

# A chain has reached its target when it is this close: provider lengths are never exact.
NEAR_ENOUGH_SECONDS = 1.0
# An extension that adds less than this shows that the provider will not go on.
TOO_LITTLE_SECONDS = 5.0


@dataclass(frozen=True)
class Next:
    """What is recorded together with the finished step."""

    task: TaskPatch
    step: NewStep | None = None


def cap_of(task: Task, settings: Settings) -> int | None:
    """What the whole task may cost, in parts of its unit, or None."""
    caps = [cap for cap in (task.cap, settings.limits(task.unit).per_call) if cap is not None]
    return parts_of(min(caps), task.unit) if caps else None


def affordable(task: Task, work: Work, spec: ProviderSpec, settings: Settings) -> bool:
    """Whether one more submit stays below the caps of this task. The finished step's own price is still held."""
    cap = cap_of(task, settings)
    return cap is None or task.charged + task.held + work_cost(work, spec).high <= cap


def after_step(
    task: Task, step: Step, clips: tuple[Clip, ...], warnings: tuple[str, ...], spec: ProviderSpec, settings: Settings,
    now: int,
) -> Next:  # fmt: skip
    """What to record now that `step` has delivered `clips`."""
    said = (*task.warnings, *warnings)
    if step.work.action == "upload":
        return Next({"message": "uploaded"}, _step(step, _from_upload(step.work, clips[0], spec), spec))
    clip = task.carried_on(clips)
    audio = _audio(clip)
    if task.cancel_at is not None:
        return Next(ended("cancelled", now, audio=audio) | {"warnings": (*said, *what_is_missing(task, clips))})
    if _needs_concat(task, step, clip, spec, settings):
        patch: TaskPatch = {"message": "being joined by the provider", "audio": audio, "warnings": said}
        return Next(patch, _step(step, _concat_work(step.work, clip), spec))
    if task.kind == "chain" and not spec.lengths.any_result:
        return _after_link(task, step, clips, said, spec, settings, now)
    short = 0.0 if spec.lengths.any_result else _short_by(task, audio)
    said = (*said, *what_is_missing(task, _with_other_takes(task, step, clips)))
    if short:
        said = (*said, f"The track is {short:.0f} s short of the target.")
    return Next(ended("partial" if short else "succeeded", now, audio=audio) | {"warnings": said})


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
    """Whether the provider has to make the whole of a part that nobody here can put in its place."""
    return (
        clip.whole_track is not True
        and step.work.action == "extend"
        and clip.file is not None
        and clip.provider_clip_id is not None
        and task.request.get("stitch") != "never"
        and "concat" in spec.other_prices
        and affordable(task, _concat_work(step.work, clip), spec, settings)
    )


def _concat_work(work: Work, clip: Clip) -> Work:
    update = {"action": "concat", "source_clip": clip.provider_clip_id, "continue_at": None}
    return work.model_copy(update=update | {"source_seconds": clip.own_seconds, "before_seconds": None})


def _from_upload(work: Work, clip: Clip, spec: ProviderSpec) -> Work:
    seconds = work.source_seconds or clip.duration_seconds
    point = work.continue_at
    if point is None and spec.point.needed:
        point = default_point(seconds)
    update = {"action": "extend", "source_clip": clip.provider_clip_id, "source_url": None, "source_seconds": seconds}
    return work.model_copy(update=update | {"continue_at": point, "before_seconds": work.before_seconds or seconds})


def _step(step: Step, work: Work, spec: ProviderSpec) -> NewStep:
    return NewStep(new_id("stp"), step.seq + 1, work, spec.here)


# --- the next link of a chain -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Link:
    """What the next step of a chain goes on from: the provider's clip, and the whole track so far.

    Attributes:
        clip: The clip that an extension made.
        track: What is delivered of it; the same clip, or what the provider joined it to.
        so_far: Seconds of the whole track now.
    """

    clip: Clip
    track: Clip
    so_far: float

    @property
    def left_out(self) -> float:
        """Seconds that were generated, or there before, and are not heard so that the beat goes on."""
        return sum(max(0.0, seam.to - seam.from_) for seam in self.track.seams)


def _link(task: Task, step: Step, clip: Clip) -> _Link:
    if step.work.action != "concat":
        return _Link(clip, clip, _so_far(clip))
    extended = next(one for one in reversed(task.steps) if one.work.action == "extend" and one.clips)
    return _Link(task.carried_on(extended.clips), clip, _so_far(clip))


def _so_far(clip: Clip) -> float:
    """Seconds of the whole track that ends with this clip, as far as that is known."""
    before = 0.0 if clip.whole_track is not False else clip.continue_at or 0.0
    return before + (clip.duration_seconds or 0.0)


def _after_link(
    task: Task, step: Step, clips: tuple[Clip, ...], said: tuple[str, ...], spec: ProviderSpec, settings: Settings,
    now: int,
) -> Next:  # fmt: skip
    link = _link(task, step, task.carried_on(clips))
    audio, target = _audio_so_far(task, link), float(task.request["target_seconds"])
    stop = _reason_to_stop(task, step, link, spec, settings)
    if stop is None:
        work = _next_work(task, step, link, spec)
        said = tuple(dict.fromkeys((*said, *not_carried(task, work.fields, spec))))
        patch: TaskPatch = {
            "message": f"{link.so_far:.0f} s of {target:.0f} s",
            "audio": audio,
            "warnings": said,
            "status": "running",
            "fraction": min(0.99, link.so_far / target),
        }
        return Next(patch, _step(step, work, spec))
    reached = link.so_far >= target - NEAR_ENOUGH_SECONDS and audio != task.audio
    missing = (*what_is_missing(task, _with_other_takes(task, step, clips)), *unused_prompts(task))
    if audio == task.audio and link.track.file is not None:
        missing = (*missing, f"The last part is not in the delivered track; it is kept as {task.id}/0.")
    patch = ended("succeeded" if reached else "partial", now, audio=audio)
    return Next(patch | {"warnings": (*said, *missing) if reached else (*said, *missing, stop)})


def _audio_so_far(task: Task, link: _Link) -> Audio:
    """What can be delivered: the track with the last part, or as it was before where that could not be put in place."""
    before = task.audio
    apart = link.track.whole_track is not True and task.request.get("stitch") != "never"
    if before is not None and before.file is not None and before.whole_track and apart:
        return before
    return _audio(link.track)


def _reason_to_stop(task: Task, step: Step, link: _Link, spec: ProviderSpec, settings: Settings) -> str | None:
    target = float(task.request["target_seconds"])
    so_far, before = link.so_far, step.work.before_seconds
    longest = spec.models.get(str(step.work.fields.get("model") or spec.default_model), float("inf"))
    if so_far >= target - NEAR_ENOUGH_SECONDS:
        return "The target is reached."
    if so_far + link.left_out >= target - NEAR_ENOUGH_SECONDS:
        return f"Only what was left out around the join lacks of the target, so nothing more is paid: {so_far:.0f} s."
    if link.track.file is None:
        return f"The chain stopped at {so_far:.0f} s: it does not pay for more before it has what is paid for already."
    if link.track.whole_track is not True and task.request.get("stitch") != "never":
        return f"The chain stopped before it paid for more that it could not join. {_what_to_give(spec)}"
    if link.clip.provider_clip_id is None and spec.window is None:
        return "The provider named no clip to go on from."
    if before is not None and so_far - before < TOO_LITTLE_SECONDS:
        return f"The last extension added only {max(0.0, so_far - before):.0f} s, so the chain stopped."
    if extensions(task) >= int(task.request["max_steps"]):
        return f"It stopped after max_steps {task.request['max_steps']} at {so_far:.0f} s."
    if not affordable(task, _next_work(task, step, link, spec), spec, settings):
        return f"One more extension would exceed {_cap_called(task)}; it stopped at {so_far:.0f} s."
    if spec.window is None and (link.clip.own_seconds or 0.0) >= longest - TOO_LITTLE_SECONDS:
        return f"The model makes tracks of at most {longest:.0f} s; it stopped at {so_far:.0f} s."
    return None


def _cap_called(task: Task) -> str:
    return "the credit cap" if task.unit == "credits" else "the cap in dollars"


def _what_to_give(spec: ProviderSpec) -> str:
    forms = [word for kind, word in (("file", "a file"), ("url", "a link")) if kind in spec.sources]
    own = f"Give the source as {' or '.join(forms)}" if forms else "Give an earlier task (tsk_…) as source"
    return f"{own}, or pass stitch never to go on at your own risk: the parts then stay apart."


def _next_work(task: Task, step: Step, link: _Link, spec: ProviderSpec) -> Work:
    own = link.track.duration_seconds if spec.window else link.clip.own_seconds or link.clip.duration_seconds
    sent = sent_further(task, step.work, own, spec)
    point = sent.fields.get("continue_at")
    behind = 0.0 if point is None or own is None else own - point
    missing = float(task.request["target_seconds"]) - link.so_far + behind
    add = missing_seconds(missing, spec) if "add_seconds" in spec.fields else None
    return step.work.model_copy(
        update={
            "action": "extend",
            "source_file": link.track.file if spec.window else None, "source_seal": None, "source_url": None,
            "source_clip": None if spec.window else link.clip.provider_clip_id, "source_seconds": own,
            "sent_file": None, "sent_from": None, "sent_seconds": None,
            "before_file": link.track.file if link.track.whole_track else None, "before_seconds": link.so_far,
            "continue_at": point, "add_seconds": add, "options": sent.options, "native_point": None,
            "fields": {name: value for name, value in sent.fields.items() if name != "continue_at"},
        }
    )  # fmt: skip


# --- what a delivery lacks --------------------------------------------------------------------------------------------


def what_is_missing(task: Task, clips: tuple[Clip, ...]) -> tuple[str, ...]:
    """A plain warning for every saved take that does not certainly hold the whole track."""
    kept = task.request.get("stitch") == "never"
    lacking: dict[str, list[str]] = {}
    for index, clip in enumerate(clips):
        if clip.file is not None and clip.whole_track is not True:
            lacking.setdefault(_lack(clip, kept), []).append(f"take {index + 1}" if index else "the file")
    return tuple(f"{' and '.join(takes).capitalize()} {lack}" for lack, takes in lacking.items())


def _lack(clip: Clip, asked_for: bool) -> str:
    if clip.whole_track is None:
        return (
            "may be the whole track or only its new part: the source's audio is not at hand or cannot be compared, so "
            "nobody here can tell. Listen to the beginning."
        )
    place = "" if clip.continue_at is None else f", from second {clip.continue_at:.1f} of the track on"
    return f"can only hold the new part{place}{', as asked (stitch never)' if asked_for else ''}."


def _with_other_takes(task: Task, step: Step, clips: tuple[Clip, ...]) -> tuple[Clip, ...]:
    """The clips that a task shows once `step` has made these: a joined one stands before the other takes."""
    if step.work.action != "concat":
        return clips
    extended = next((one for one in reversed(task.steps) if one.work.action == "extend" and one.clips), None)
    return clips + (extended.clips[1:] if extended else ())
