"""Fetches the audio of finished work until it is there, and says how its task ends."""

from __future__ import annotations

from dataclasses import replace

from fermata_mcp.domain.change import TaskPatch
from fermata_mcp.domain.credits import Unit, amount_of, bare, in_words, parts_of
from fermata_mcp.domain.errors import FermataError, GenerationFailed, TooLarge
from fermata_mcp.domain.task import Audio, Clip, Step, Task
from fermata_mcp.engine.pace import backoff
from fermata_mcp.engine.steps.audio.delivery import NOT_SAVED, Delivery, deliver, discard_arrived, not_saved
from fermata_mcp.media.network.addresses import AddressRefused
from fermata_mcp.providers.base import Provider, Snapshot

from . import moves
from .chain import after_step, what_is_missing
from .context import StepContext
from .publish import publish, tidy, with_earlier_parts

# A caller waits this long for the audio of finished work; after it the task is over, and the search goes on behind it.
WAIT_FOR_AUDIO_SECONDS = 600.0
# Links of the providers live at least as long.
LOOK_FOR_AUDIO_SECONDS = 86_400.0
BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 5.0, 60.0
LATE_BACKOFF_SECONDS, LONGEST_LATE_BACKOFF_SECONDS = 60.0, 1800.0
# Trying again cannot make these true.
_HOPELESS = (AddressRefused, TooLarge)


class Collector:
    """See `collect` and `fetch_again`."""

    def __init__(self, context: StepContext) -> None:
        self._context, self._recorder = context, context.recorder
        self._settings, self._clock = context.settings, context.clock

    async def collect(self, step: Step, task: Task, provider: Provider, snapshot: Snapshot) -> None:
        """Save the audio of finished work; until all of it is here the task runs on, but not for ever."""
        now, waiting = self._clock.now(), self._still_waits(step)
        delivered = await self._deliver(snapshot.clips, step, task, insist=waiting)
        if waiting and (not delivered.clips or _worth_waiting_for(delivered)):
            due = now + self._pause(step.error_streak, BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS)
            await self._recorder.apply(step, moves.fetching(step, task, delivered.clips, now, due))
        elif not delivered.clips:
            error = GenerationFailed(f"{provider.spec.name} says that it is done, but its links have expired.")
            await self._recorder.fail(step, task, error, snapshot.cost)
        else:
            await self._finish(step, task, provider, snapshot, delivered)

    async def _deliver(self, clips: tuple[Clip, ...], step: Step, task: Task, *, insist: bool = False) -> Delivery:
        context = self._context
        return await deliver(clips, step, task, context.settings, context.decoder, context.library, insist=insist)

    def _still_waits(self, step: Step) -> bool:
        passed = 0 if step.made_at is None else self._clock.now() - step.made_at
        return passed < self._settings.milliseconds(WAIT_FOR_AUDIO_SECONDS)

    def _pause(self, tries: int, first: float, longest: float) -> int:
        return self._settings.milliseconds(backoff(tries, first, longest))

    async def _finish(
        self, step: Step, task: Task, provider: Provider, snapshot: Snapshot, delivered: Delivery
    ) -> None:
        said = (*snapshot.warnings, *delivered.warnings, *dict.fromkeys(map(not_saved, delivered.missing)))
        fresh = await self._as_it_is(task)
        now = self._clock.now()
        if fresh.cancel_at is not None and provider.spec.submit == "repeatable":
            await provider.stop(step.remote_id or "")  # cancelled meanwhile: its result is not wanted
            await self._recorder.apply(step, moves.cancelled(step, now, self._recorder.money_of_end(step, fresh)))
            return
        cost = None if snapshot.cost is None else parts_of(snapshot.cost, task.unit)
        said = (*said, *_other_price(task.held, cost, task.unit))
        follows = after_step(fresh, step, delivered.clips, said, provider.spec, self._settings, now)
        library = self._context.library
        patch, clips = await publish(follows.task, delivered.clips, fresh, library)
        patch, clips = await with_earlier_parts(patch, clips, fresh, step, library)
        again = now + self._pause(0, LATE_BACKOFF_SECONDS, LONGEST_LATE_BACKOFF_SECONDS)
        late = again if any(clip.missing for clip in clips) and step.work.action != "upload" else None
        end = moves.finished(step, clips, patch, task.held, follows.step, cost=cost, fetch_at=late)
        await self._recorder.keep(step, end)
        await discard_arrived(snapshot.clips, delivered.clips)
        if "finished_at" in patch and late is None:
            await tidy(fresh, clips, patch.get("audio"), library)

    async def _as_it_is(self, task: Task) -> Task:
        """The task as the store has it now."""
        found = await self._context.store.get(task.id)
        return task if found is None else self._context.library.task_here(found)

    async def fetch_again(self, step: Step, task: Task, provider: Provider) -> None:
        """Once more for the audio of a step that is over, until it is here or nobody keeps it any longer."""
        clips = await self._fresh_links(step, provider)
        delivered = await self._deliver(clips, step, task)
        now = self._clock.now()
        done = not any(clip.missing for clip in delivered.clips)
        old = now - (step.made_at or step.updated_at) > self._settings.milliseconds(LOOK_FOR_AUDIO_SECONDS)
        pause = self._pause(step.error_streak, LATE_BACKOFF_SECONDS, LONGEST_LATE_BACKOFF_SECONDS)
        patch, clips = await self._with_late_audio(step, task, delivered)
        due = None if done or old else now + pause
        if await self._recorder.apply(step, moves.fetched(step, clips, patch, due)) and done:
            await discard_arrived(step.clips, clips)
            await tidy(task, clips, patch.get("audio") or task.audio, self._context.library)

    async def _fresh_links(self, step: Step, provider: Provider) -> tuple[Clip, ...]:
        try:
            snapshot = await provider.poll(step.remote_id or "", step.work)
        except FermataError:
            return step.clips
        return merged(step.clips, snapshot.clips) if snapshot.state == "succeeded" else step.clips

    async def _with_late_audio(self, step: Step, task: Task, delivered: Delivery) -> tuple[TaskPatch, tuple[Clip, ...]]:
        """The task with the deliverable that has come, if this step is the one that makes it."""
        fresh = await self._as_it_is(task)
        clip = fresh.carried_on(delivered.clips)
        before = fresh.carried_on(step.clips)
        if step.seq != fresh.steps[-1].seq or clip.file is None or clip == before:
            return {}, delivered.clips
        audio = Audio(**clip.model_dump(include=set(Audio.model_fields)))
        ended: TaskPatch = {"audio": audio, "finished_at": fresh.finished_at or self._clock.now()}
        patch, clips = await publish(ended, delivered.clips, fresh, self._context.library)
        kept = tuple(said for said in fresh.warnings if not said.startswith(NOT_SAVED) and "incomplete" not in said)
        missing = (*map(not_saved, delivered.missing), *delivered.warnings, *what_is_missing(fresh, delivered.clips))
        return patch | {"warnings": tuple(dict.fromkeys((*kept, *missing)))}, clips


def _worth_waiting_for(delivered: Delivery) -> bool:
    return any(not isinstance(error, _HOPELESS) for error in delivered.missing)


def _other_price(held: int, cost: int | None, unit: Unit) -> tuple[str, ...]:
    if cost is None or cost == held:
        return ()
    took, quoted = in_words(amount_of(cost, unit), unit), bare(amount_of(held, unit), unit)
    return (f"The provider charged {took} for this step, not the {quoted} that were quoted.",)


def as_made(step: Step, snapshot: Snapshot) -> Snapshot:
    """What was finished once stays finished, whatever a later reading says; a fresh link replaces an old one."""
    if step.made_at is None:
        return snapshot
    if snapshot.state != "succeeded":
        return Snapshot("succeeded", 1.0, clips=step.clips)
    return replace(snapshot, clips=merged(step.clips, snapshot.clips))


def merged(kept: tuple[Clip, ...], fresh: tuple[Clip, ...]) -> tuple[Clip, ...]:
    """The clips that are known, with what was saved of them and the newest links."""
    ours = {_name(index, clip): clip for index, clip in enumerate(kept)}
    named = [_with_link(ours.pop(_name(index, clip), None) or clip, clip) for index, clip in enumerate(fresh)]
    return (*named, *ours.values())


def _name(index: int, clip: Clip) -> str:
    return clip.provider_clip_id or f"#{index}"


def _with_link(clip: Clip, fresh: Clip) -> Clip:
    return clip.model_copy(update={"url": fresh.url or clip.url, "arrived": fresh.arrived or clip.arrived})
