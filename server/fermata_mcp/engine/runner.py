"""The pump of one process: claims what is due and has it carried out.

There is no recovery code: work that a dead process left behind falls due like any other.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from heapq import heappop, heappush

import anyio
import anyio.abc

from fermata_mcp.config import Settings
from fermata_mcp.domain.change import NewStep
from fermata_mcp.domain.errors import FermataError, InternalError, ProviderError, StoreUnavailable
from fermata_mcp.domain.task import Step, Task
from fermata_mcp.engine.steps.chain import stopped_in_time
from fermata_mcp.engine.steps.collector import Collector
from fermata_mcp.engine.steps.context import StepContext
from fermata_mcp.engine.steps.learned import kept_of_answer, learn_by_news
from fermata_mcp.engine.steps.poll import Poller
from fermata_mcp.engine.steps.recorder import Recorder
from fermata_mcp.engine.steps.submit import Submitter
from fermata_mcp.engine.watching.meter import Meter
from fermata_mcp.engine.watching.tracing import carrying_out
from fermata_mcp.media.decoding.client import Decoder
from fermata_mcp.providers.base import Provider
from fermata_mcp.providers.registry import Registry
from fermata_mcp.store.base import Store

from .audio.library import Library
from .clock import Clock
from .credits import evidence
from .pace import Paces
from .progress import Changes
from .steps import moves

AT_ONCE = 64
HEAD_START_SECONDS = 0.25
LONGEST_SLEEP_SECONDS = 1.0
# Steps that fall due this close together are taken in one transaction.
GATHER_SECONDS = 0.005
logger = logging.getLogger(__name__)


class OurBug(ProviderError):
    code = InternalError.code


class Runner:
    """`home` names the process in the rows that it takes.

    `only` are the tasks that this process carries out; None means every task that is due.
    `interrupted` are the steps whose handling has begun and not ended: what is cut off when the program leaves.
    """

    def __init__(
        self, store: Store, registry: Registry, changes: Changes, settings: Settings, clock: Clock, home: str,
        decoder: Decoder, library: Library, only: set[str] | None = None, meter: Meter | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._registry = registry
        self._settings, self._clock = settings, clock
        self._home = home
        self._library = library
        self._only = only
        self.recorder = Recorder(store, registry, changes, settings, clock, library, self._falls_due, meter)
        paces = Paces(store, settings.time_scale, listens_since=clock.now() if settings.hears_hooks else None)
        context = StepContext(store, self.recorder, paces, settings, clock, decoder, library, self._follow)
        self._submitter = Submitter(context)
        self._collector = Collector(context)
        self._poller = Poller(context, self._collector)
        self.drain_submits = self._submitter.drain_submits
        self.interrupted: set[str] = set()
        self._group: anyio.abc.TaskGroup | None = None
        self._wake = anyio.Event()
        self._steps_of: dict[str, str] = {}
        self._hurried: list[str] = []
        self._busy = 0
        self._starting: set[str] = set()
        self._renders_wait = True
        self._again: dict[str, Step] = {}
        self._due: list[int] = []
        self._sleeps_until = 0.0
        self._more = False

    def wake(self) -> None:
        """Look for due work now."""
        self._wake.set()

    def attend(self, task_id: str) -> None:
        """Somebody asks about this task: it is one to carry out."""
        if self._only is not None and task_id not in self._only:
            self._only.add(task_id)
            self.wake()

    def has_room(self, step: NewStep) -> bool:
        """Whether a new task's first step may be stored as claimed, and then be given to `take`."""
        at_once = not step.render or (self._free_processors > 0 and not self._renders_wait)
        return self._group is not None and self._busy < AT_ONCE and at_once

    @property
    def _free_processors(self) -> int:
        return max(0, self._registry.processors.value - len(self._starting))

    def take(self, task: Task) -> None:
        """Carry out the first step of a task that was stored as claimed, without looking for it."""
        self._begin(task.steps[0], task)

    def _begin(self, step: Step, task: Task | None = None) -> None:
        if self._is_render(step):
            self._starting.add(step.id)
        self.interrupted.add(step.id)  # should we leave before it begins, the next process finds it due
        if self._group is not None:
            self._busy += 1
            self._group.start_soon(self._handle, step, task)

    def _is_render(self, step: Step) -> bool:
        with suppress(FermataError):
            return step.state == "queued" and self._registry.spec(step.provider).here
        return False

    def _follow(self, remote_id: str, step: Step) -> None:
        self._steps_of[remote_id] = step.id

    def remote_changed(self, remote_id: str) -> None:
        """A provider says that its work is worth a look."""
        step_id = self._steps_of.pop(remote_id, None)
        if step_id is not None:
            self._hurried.append(step_id)
            self.wake()

    async def run(self) -> None:
        # A server that has just started answers its client first; work left by others can wait that long.
        with anyio.move_on_after(HEAD_START_SECONDS):
            await self._wake.wait()
        try:
            async with anyio.create_task_group() as group:
                self._group = group
                while True:
                    self._wake = anyio.Event()
                    if self._busy < AT_ONCE:
                        await self._claim()
                    if not (self._more and self._busy <= AT_ONCE // 2):
                        await self._sleep()
        finally:
            self._group = None

    async def _claim(self) -> None:
        free = AT_ONCE - self._busy
        self._more = False
        try:
            now = self._clock.now()
            while self._due and self._due[0] <= now:
                heappop(self._due)
            while self._hurried:
                await self._store.make_due(self._hurried.pop(), now=self._clock.now())
            room, self._renders_wait = self._free_processors, True
            steps = await self._store.claim(
                home=self._home, now=self._clock.now(), limit=free, renders=room, tasks=self._only
            )
        except FermataError as error:
            logger.warning("the store cannot be used: %s", error.message)
            return
        self._more = len(steps) == free
        # Until a claim has found fewer than there is room for, nobody is let in before those who may wait.
        self._renders_wait = sum(map(self._is_render, steps)) >= room
        tasks = await self._tasks_of(steps)
        for step in steps:
            if step.id in self.interrupted:
                self._again[step.id] = step
            else:
                self._begin(step, tasks.get(step.task_id))

    async def _tasks_of(self, steps: Sequence[Step]) -> Mapping[str, Task]:
        """Of the looks among these, which are many; what pays for work reads its own task at the last moment."""
        looks = [step.task_id for step in steps if step.state == "waiting"]
        with suppress(FermataError):
            return await self._store.get_all(looks) if looks else {}
        return {}

    async def _sleep(self) -> None:
        pause = self._until_due()
        self._sleeps_until = self._clock.now() + pause * 1000
        with anyio.move_on_after(pause):
            await self._wake.wait()

    def _until_due(self) -> float:
        """Seconds until a step that this process has put off falls due; others are looked for every second."""
        now = self._clock.now()
        if not self._due or self._busy >= AT_ONCE:
            return LONGEST_SLEEP_SECONDS
        return min(LONGEST_SLEEP_SECONDS, max(GATHER_SECONDS, (self._due[0] - now) / 1000))

    def _falls_due(self, due: int) -> None:
        heappush(self._due, due)
        if due < self._sleeps_until:
            self.wake()

    async def _handle(self, step: Step, task: Task | None = None) -> None:
        turn: Step | None = step
        try:
            while turn is not None:
                await self._handle_claimed(turn, task)
                task = None
                turn = await self._claimed_meanwhile(step.id)
            self.interrupted.discard(step.id)
        finally:
            self._busy -= 1
            if step.id in self._starting:
                self._starting.discard(step.id)
                self.wake()
            elif self._more and self._busy <= AT_ONCE // 2:
                self.wake()

    async def _claimed_meanwhile(self, step_id: str) -> Step | None:
        """The step, if it fell due again while it was being handled and there is still something to do.

        Saving long audio outlasts a claim: then it was only claimed for longer. Work that is put back is due at once,
        sometimes before its handling is quite over.
        """
        again = self._again.pop(step_id, None)
        if again is None:
            return None
        with suppress(FermataError):
            found = await self._as_it_is(again)
            if found is not None and (found[1].state, found[1].fence) == (again.state, again.fence):
                return again
        return await self._claimed_meanwhile(step_id)

    async def _handle_claimed(self, step: Step, task: Task | None) -> None:
        """`task`: as the store has it just now, where that is known."""
        try:
            task = task or await self._store.get(step.task_id)
            if task is not None:
                async with carrying_out(step, task, self._store):
                    await self._advance(self._library.step_here(step), self._library.task_here(task))
        except StoreUnavailable as error:
            logger.warning("step %s waits for the store: %s", step.id, error.message)
        except Exception:  # one step's bug must not stop the others
            logger.exception("step %s failed unexpectedly", step.id)
            with suppress(FermataError):
                await self._end_broken(step)

    async def _as_it_is(self, step: Step) -> tuple[Task, Step] | None:
        """The task and the step as the store has them now."""
        task = await self._store.get(step.task_id)
        current = next((one for one in task.steps if one.id == step.id), None) if task else None
        return None if task is None or current is None else (task, current)

    async def _end_broken(self, step: Step) -> None:
        found = await self._as_it_is(step)
        if found is None or found[1].fence != step.fence:
            return
        task, current = found
        if current.state == "queued":
            await self.recorder.fail(current, task, InternalError("the step failed."))
        elif current.state == "waiting":
            # Work that was paid for is not given up for a bug of ours: look again, until it is too late.
            await self._poller.failed(current, task, self._registry.get(task.provider), OurBug("the step failed."))

    async def _advance(self, step: Step, task: Task) -> None:
        provider = await self._provider(step, task)
        if provider is None:
            return
        match step.state:
            case "queued" if task.cancel_at is not None:
                await self.recorder.apply(step, stopped_in_time(step, task, self._clock.now()))
            case "queued":
                await self._submitter.submit(step, task, provider)
            case "unknown":
                await self._resolve_unknown(step, task, provider)
            case "succeeded":
                await self._collector.fetch_again(step, task, provider)
            case _:
                await self._poller.poll(step, task, provider)

    async def _resolve_unknown(self, step: Step, task: Task, provider: Provider) -> None:
        if await learn_by_news(step, provider, self._store, self.recorder, self._clock) != "nothing":
            return  # where it cannot be looked for now, the step falls due again with its lease
        told = await evidence(provider, self._store, task.held, self._clock.now())
        kept = kept_of_answer(step, self._settings)
        told = " ".join(said for said in (told, kept) if said) or None
        await self.recorder.apply(step, moves.unknown_resolved(step, task, provider.spec, self._clock.now(), told))

    async def _provider(self, step: Step, task: Task) -> Provider | None:
        try:
            return self._registry.get(task.provider)
        except FermataError as error:
            if step.state in ("queued", "waiting"):
                await self.recorder.fail(step, task, error)
            return None
