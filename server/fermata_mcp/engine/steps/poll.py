"""Looks at work that a provider has taken on, at its pace, until there is audio or it is too late."""

from __future__ import annotations

from dataclasses import replace

from fermata_mcp.domain.errors import (
    Cancelled,
    GenerationFailed,
    ProviderError,
    ProviderUnavailable,
    UnknownTrack,
)
from fermata_mcp.domain.lease import LATEST_START
from fermata_mcp.domain.task import Step, Task
from fermata_mcp.engine.pace import backoff, left_alone
from fermata_mcp.engine.steps.audio.delivery import is_here, load_audio_room
from fermata_mcp.providers.base import Provider, Snapshot
from fermata_mcp.store.base import POLL_LEASE_MS

from . import moves
from .collector import Collector, as_made
from .context import StepContext

FEWEST_POLLS = 20
# Providers list what they took on within a minute; after two, and so many looks, they will not.
UNLISTED_SECONDS, FEWEST_UNLISTED = 120.0, 5
FREE_UNLISTED_SECONDS = 60.0
ERROR_BACKOFF_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 60.0


class Poller:
    """See `poll`."""

    def __init__(self, context: StepContext, collector: Collector) -> None:
        self._context, self._recorder = context, context.recorder
        self._settings, self._clock = context.settings, context.clock
        self._collector = collector
        self._loaded = False

    async def poll(self, step: Step, task: Task, provider: Provider) -> None:
        assert step.remote_id is not None
        self._context.follow(step.remote_id, step)
        now = self._clock.now()
        if task.cancel_at is not None and (await provider.stop(step.remote_id) or _is_free(provider)):
            await self._recorder.apply(step, moves.cancelled(step, now, self._recorder.money_of_end(step, task)))
            return
        if step.arrived and all(map(is_here, step.clips)):
            await self._collector.collect(step, task, provider, Snapshot("succeeded", 1.0, clips=step.clips))
            return
        wait = await self._context.paces.turn(provider, urgent=False, now=now)
        if wait:
            await self._recorder.apply(step, moves.poll_again(step, now + wait))
            return
        if self._overslept(step):
            return
        try:
            snapshot = await provider.poll(step.remote_id, step.work)
        except ProviderError as error:
            if step.made_at is None:
                await self.failed(step, task, provider, error)
                return
            snapshot = Snapshot("succeeded", clips=step.clips)
        await self._take_in(step, task, provider, as_made(step, snapshot))

    def _overslept(self, step: Step) -> bool:
        """Whether the claim ends so soon that another may look as well: on a busy machine one can begin late."""
        return step.due_at is not None and self._clock.now() > step.due_at - POLL_LEASE_MS * (1 - LATEST_START)

    async def failed(self, step: Step, task: Task, provider: Provider, error: ProviderError) -> None:
        """One failed look is invisible: the work goes on, we look again later, until it is too late for an answer."""
        if self._too_late(step, provider):
            await self._expire(step, task, error)
            return
        wait = backoff(step.error_streak, ERROR_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS)
        due = self._clock.now() + self._settings.milliseconds(left_alone(error, wait))
        await self._recorder.apply(step, moves.poll_failed(step, due))

    def _too_late(self, step: Step, provider: Provider) -> bool:
        """Whether the time is over, and we have looked often enough to know: clocks jump, and machines sleep."""
        if provider.spec.here or step.polls < FEWEST_POLLS:
            return False
        passed = self._clock.now() - (step.submitted_at or step.created_at)
        return passed > self._settings.milliseconds(provider.spec.pace.give_up)

    def _is_unknown(self, step: Step, provider: Provider) -> bool:
        """Whether a provider that does not list the work had time enough to do so."""
        passed = self._clock.now() - (step.submitted_at or step.created_at)
        grace = FREE_UNLISTED_SECONDS if _is_free(provider) else UNLISTED_SECONDS
        return step.polls >= FEWEST_UNLISTED and passed > self._settings.milliseconds(grace)

    async def _expire(self, step: Step, task: Task, error: ProviderError) -> None:
        if task.finished:  # nobody waits for the audio of a cancelled task for ever
            await self._recorder.fail(step, task, error)
            return
        message = f"{error.message.rstrip('.')}; get_task asks again"
        await self._recorder.apply(step, moves.expired(step, message))

    async def _take_in(self, step: Step, task: Task, provider: Provider, snapshot: Snapshot) -> None:
        now = self._clock.now()
        if snapshot.state != "running" and step.made_at is None:
            await self._context.paces.found_end(step, provider.spec, now)
        match snapshot.state:
            case "running" if snapshot.unlisted and self._is_unknown(step, provider) and _is_free(provider):
                await self._recorder.apply(step, moves.put_back(step, now, now, task.held))
            case "running" if snapshot.unlisted and self._is_unknown(step, provider):
                error = UnknownTrack(f"{provider.spec.name} took the work on, but knows nothing of it any more.")
                await self._recorder.fail(step, task, error, snapshot.cost)
            case "running" if not self._too_late(step, provider):
                due = now + round(1000 * await self._context.paces.again(step, provider.spec, now))
                await self._recorder.apply(step, moves.still_running(step, task, snapshot, due))
                await self._load(provider)
            case "succeeded":
                await self._collector.collect(step, task, provider, snapshot)
            case "running" if not snapshot.clips:
                error = ProviderUnavailable(f"{provider.spec.name} takes longer than it ever did.")
                await self._expire(step, task, error)
            case "running":
                late = (*snapshot.warnings, "The provider did not finish everything in time.")
                await self._collector.collect(step, task, provider, replace(snapshot, warnings=late))
            case "lost" if _is_free(provider):
                await self._recorder.apply(step, moves.put_back(step, now, now, task.held))
            case _:
                error = snapshot.error or GenerationFailed(f"{provider.spec.name} did not finish the work.")
                if isinstance(error, Cancelled):
                    await self._recorder.apply(
                        step, moves.cancelled(step, now, self._recorder.money_of_end(step, task))
                    )
                else:
                    await self._recorder.fail(step, task, error, snapshot.cost)

    async def _load(self, provider: Provider) -> None:
        """Use the time while others work: what saves their audio takes a moment to get ready."""
        if not self._loaded and provider.spec.submit != "repeatable":
            self._loaded = True
            await load_audio_room(self._context.decoder)


def _is_free(provider: Provider) -> bool:
    """Whether its work may be dropped, and done again, by itself."""
    return provider.spec.submit == "repeatable"
