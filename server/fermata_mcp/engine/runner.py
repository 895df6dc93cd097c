"""Carries steps out: claim what is due, submit once, look at the provider's pace, finish.

There is no recovery code: work that a dead process left behind falls due like any other.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from heapq import heappop, heappush

import anyio
import anyio.abc

from fermata_mcp.config import Settings
from fermata_mcp.domain.credits import MILLI
from fermata_mcp.domain.errors import (
    Cancelled,
    FermataError,
    GenerationFailed,
    InternalError,
    OverBudget,
    ProviderError,
    ProviderUnavailable,
    StoreUnavailable,
    UnexpectedResponse,
)
from fermata_mcp.domain.task import Change, Step, Task, TaskPatch, new_id
from fermata_mcp.providers.base import Accepted, NotSent, Provider, Refused, Snapshot, Submitted, Unclear
from fermata_mcp.providers.registry import Registry
from fermata_mcp.store.base import SUBMIT_LEASE_MS, AlreadyKnown, Store

from . import moves
from .chain import after_step, ended_by
from .clock import Clock
from .delivery import deliver, not_saved, publish
from .pace import Paces
from .progress import Changes
from .resolve import settle_unknown

AT_ONCE = 64
HEAD_START_SECONDS = 0.25
LONGEST_SLEEP_SECONDS = 1.0
# Steps that fall due this close together are taken in one transaction.
GATHER_SECONDS = 0.005
NOT_SENT_RETRY_SECONDS = 5.0
PREPARE_RETRY_SECONDS = 5.0
MOST_PREPARE_TRIES = 4
MOST_FETCH_TRIES = 3
MOST_ATTEMPTS = 30
MIN_RETRY_MS = 100
LONGEST_RETRY_SECONDS = 300.0
ERROR_BACKOFF_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 60.0
logger = logging.getLogger(__name__)


class OurBug(ProviderError):
    code = InternalError.code


class Runner:
    """The pump of one process. `home` names the process in the rows that it takes.

    `interrupted` are the steps whose handling has begun and not ended: what is cut off when the program leaves.
    """

    def __init__(
        self, store: Store, registry: Registry, changes: Changes, settings: Settings, clock: Clock, home: str
    ) -> None:
        self._store = store
        self._registry = registry
        self._changes = changes
        self._settings = settings
        self._clock = clock
        self._home = home
        self._wake = anyio.Event()
        self._steps_of: dict[str, str] = {}
        self._hurried: list[str] = []
        self._pace = Paces(store, settings.time_scale)
        self._sending: set[anyio.CancelScope] = set()
        self._heard = anyio.Event()
        self._busy = 0
        self.interrupted: set[str] = set()
        self._again: dict[str, Step] = {}
        self._due: list[int] = []
        self._sleeps_until = 0.0
        self._more = False

    def wake(self) -> None:
        """Look for due work now."""
        self._wake.set()

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
        async with anyio.create_task_group() as group:
            while True:
                self._wake = anyio.Event()
                if self._busy < AT_ONCE:
                    await self._take(group)
                if not (self._more and self._busy <= AT_ONCE // 2):
                    await self._sleep()

    async def _take(self, group: anyio.abc.TaskGroup) -> None:
        free = AT_ONCE - self._busy
        self._more = False
        try:
            now = self._clock.now()
            while self._due and self._due[0] <= now:
                heappop(self._due)
            while self._hurried:
                await self._store.hasten(self._hurried.pop(), now=self._clock.now())
            steps = await self._store.claim(home=self._home, now=self._clock.now(), limit=free)
        except FermataError as error:
            logger.warning("the store cannot be used: %s", error.message)
            return
        self._more = len(steps) == free
        for step in steps:
            if step.id in self.interrupted:
                self._again[step.id] = step
                continue
            self._busy += 1
            self.interrupted.add(step.id)
            group.start_soon(self._handle, step)

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

    def _remember_due(self, change: Change) -> None:
        due = change.step.get("due_at")
        if due is not None:
            heappush(self._due, due)
            if due < self._sleeps_until:
                self.wake()

    async def _handle(self, step: Step) -> None:
        turn: Step | None = step
        try:
            while turn is not None:
                await self._handle_claimed(turn)
                turn = await self._claimed_meanwhile(step.id)
            self.interrupted.discard(step.id)
        finally:
            self._busy -= 1
            if self._more and self._busy <= AT_ONCE // 2:
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

    async def _handle_claimed(self, step: Step) -> None:
        try:
            task = await self._store.get(step.task_id)
            if task is not None:
                await self._advance(step, task)
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
            await self._fail(current, task, InternalError("the step failed."))
        elif current.state == "waiting":
            # Work that was paid for is not given up for a bug of ours: look again, until it is too late.
            await self._look_failed(current, task, self._registry.get(task.provider), OurBug("the step failed."))

    async def _advance(self, step: Step, task: Task) -> None:
        provider = await self._provider(step, task)
        if provider is None:
            return
        match step.state:
            case "queued" if task.cancel_at is not None:
                end = ended_by(task, Cancelled("it was cancelled."), self._clock.now())
                await self._apply(step, moves.cancelled(step, self._clock.now(), task.held, end))
            case "queued":
                await self._send(step, task, provider)
            case "unknown":
                await self._apply(step, settle_unknown(step, task, provider.spec, self._clock.now()))
                self.wake()
            case _:
                await self._look(step, task, provider)

    async def _provider(self, step: Step, task: Task) -> Provider | None:
        try:
            return self._registry.get(task.provider)
        except FermataError as error:
            if step.state in ("queued", "waiting"):
                await self._fail(step, task, error)
            return None

    async def _fail(self, step: Step, task: Task, error: FermataError) -> None:
        money = moves.money_of_failure(task.held, taken_on=step.state != "queued", refunds=self._refunds(task))
        end = await self._conclude(task, error)
        await self._record(step, moves.failed(step, error, self._clock.now(), money, end))

    def _refunds(self, task: Task) -> bool:
        try:
            return self._registry.spec(task.provider).refunds
        except FermataError:
            return False

    async def _conclude(self, task: Task, error: FermataError) -> TaskPatch:
        return await publish(ended_by(task, error, self._clock.now()), task, self._settings)

    # --- sending --------------------------------------------------------------------------------------------------

    async def _send(self, step: Step, task: Task, provider: Provider) -> None:
        """Wait for the account's turn, prepare, then submit once."""
        now = self._clock.now()
        if now - step.created_at > self._ms(provider.spec.pace.give_up) and step.error_streak:
            await self._fail(step, task, ProviderUnavailable(f"{provider.spec.name} could not be reached in time."))
            return
        wait = await self._turn(provider, urgent=True)
        if wait:
            await self._apply(step, moves.put_off(step, now + wait, failed=False))
            return
        try:
            work = await provider.prepare(step.work)
        except ProviderError as error:
            await self._prepare_failed(step, task, error)
            return
        except FermataError as error:
            await self._fail(step, task, error)
            return
        if work != step.work and not await self._apply(step, moves.prepared(step, work)):
            return
        await self._submit(replace(step, work=work), task, provider)

    async def _prepare_failed(self, step: Step, task: Task, error: ProviderError) -> None:
        if not error.retryable or step.error_streak >= MOST_PREPARE_TRIES:
            await self._fail(step, task, error)
            return
        wait = self._ms(PREPARE_RETRY_SECONDS * 2**step.error_streak)
        await self._apply(step, moves.put_off(step, self._clock.now() + wait, failed=True))

    async def _turn(self, provider: Provider, *, urgent: bool) -> int:
        rate = provider.spec.rate
        if rate is None:
            return 0
        return await self._store.take_turn(provider.account_id, rate, urgent=urgent, now=self._clock.now())

    async def _submit(self, step: Step, task: Task, provider: Provider) -> None:
        """Intent, request, outcome: neither a caller who leaves nor a program that ends comes between them."""
        with anyio.CancelScope(shield=True) as scope:
            self._sending.add(scope)
            try:
                await self._submit_whole(step, task, provider)
            finally:
                self._sending.discard(scope)
                self._heard.set()
                self._heard = anyio.Event()

    async def _submit_whole(self, step: Step, task: Task, provider: Provider) -> None:
        attempt = new_id("att")
        begun, started = self._clock.now(), self._clock.monotonic()
        price = round(provider.spec.price_of(step.work.action).high * MILLI)
        try:
            if not await self._apply(step, moves.begin(step, attempt, provider.spec, price, self._day_cap(), begun)):
                return
        except OverBudget as error:
            await self._fail(step, task, error)
            return
        step = replace(step, attempt_id=attempt)
        if self._overslept(begun, started):
            await self._record(step, moves.put_back(step, self._clock.now(), self._clock.now(), price))
            return
        self._steps_of[attempt] = step.id
        outcome = await self._ask(provider, attempt, step)
        await self._learn(step, task, outcome, provider, price)

    async def settle(self, seconds: float) -> None:
        """The program is about to end: hear the answers to requests that are on their way, but not for ever."""
        with anyio.move_on_after(seconds):
            while self._sending:
                await self._heard.wait()
        for scope in self._sending:
            scope.shield = False

    async def _ask(self, provider: Provider, attempt: str, step: Step) -> Submitted:
        try:
            return await provider.submit(attempt, step.work)
        except Exception:  # whatever went wrong here, the request may have been taken on
            logger.exception("the submit of step %s failed unexpectedly", step.id)
            return Unclear("the program failed while it waited for the answer")

    async def _learn(self, step: Step, task: Task, outcome: Submitted, provider: Provider, price: int) -> None:
        try:
            await self._record(step, await self._outcome(step, task, outcome, provider, price))
        except AlreadyKnown:
            told = Unclear("the provider gave an id that belongs to an earlier task")
            await self._record(step, await self._outcome(step, task, told, provider, price))

    def _day_cap(self) -> int | None:
        cap = self._settings.max_credits_per_day
        return None if cap is None else round(cap * MILLI)

    def _overslept(self, begun: int, started: float) -> bool:
        """A suspended machine must not send late: others may take the step over once its lease is out."""
        limit = SUBMIT_LEASE_MS / 3 / 1000
        return self._clock.monotonic() - started > limit or (self._clock.now() - begun) / 1000 > limit

    async def _outcome(self, step: Step, task: Task, outcome: Submitted, provider: Provider, hold: int) -> Change:
        now = self._clock.now()
        match outcome:
            case Accepted(remote_id):
                self._steps_of[remote_id] = step.id
                fresh = await self._store.get(task.id) or task
                first = now + round(1000 * await self._pace.first(step, provider.spec, now))
                return moves.accepted(step, remote_id, first, now, cancelled=fresh.cancel_at is not None)
            case Refused(_, retry_after) if retry_after is not None and await self._may_try_again(step, provider):
                wait = self._ms(min(LONGEST_RETRY_SECONDS, retry_after))
                return moves.put_back(step, now + max(MIN_RETRY_MS, wait), now, hold)
            case NotSent(error) if error.retryable and await self._may_try_again(step, provider):
                return moves.put_back(step, now + self._ms(NOT_SENT_RETRY_SECONDS), now, hold)
            case Refused(error, _) | NotSent(error):
                return moves.refused(step, error, now, hold, await self._conclude(task, error))
            case _:
                return moves.unclear(step, outcome.evidence, now)

    async def _may_try_again(self, step: Step, provider: Provider) -> bool:
        attempts = await self._store.attempts(step.id)
        too_old = self._clock.now() - step.created_at > self._ms(provider.spec.pace.give_up)
        return len(attempts) < MOST_ATTEMPTS and not too_old

    async def _record(self, step: Step, change: Change) -> None:
        """Keep trying: what was learned about money must not be lost to a full disk or a lock."""
        wait = 0.1
        while True:
            try:
                await self._apply(step, change)
            except AlreadyKnown:
                raise
            except StoreUnavailable as error:
                logger.error("cannot record the outcome of step %s yet (%s); trying again", step.id, error.message)
                await anyio.sleep(wait)
                wait = min(5.0, wait * 2)
            else:
                return

    # --- looking --------------------------------------------------------------------------------------------------

    async def _look(self, step: Step, task: Task, provider: Provider) -> None:
        assert step.remote_id is not None
        self._steps_of[step.remote_id] = step.id
        now = self._clock.now()
        if task.cancel_at is not None and await provider.stop(step.remote_id):
            await self._apply(step, moves.cancelled(step, now, task.held))
            return
        wait = await self._turn(provider, urgent=False)
        if wait:
            await self._apply(step, moves.look_again(step, now + wait))
            return
        try:
            snapshot = await provider.look(step.remote_id, step.work)
        except ProviderError as error:
            await self._look_failed(step, task, provider, error)
            return
        await self._take_in(step, task, provider, snapshot)

    async def _look_failed(self, step: Step, task: Task, provider: Provider, error: ProviderError) -> None:
        """One failed look is invisible: the work goes on, we look again later, until it is too late for an answer."""
        now = self._clock.now()
        if self._too_late(step, provider, now):
            await self._fail(step, task, error)
            return
        wait = min(LONGEST_BACKOFF_SECONDS, ERROR_BACKOFF_SECONDS * 2 ** min(step.error_streak, 10))
        await self._apply(step, moves.look_failed(step, now + self._ms(wait)))

    def _too_late(self, step: Step, provider: Provider, now: int) -> bool:
        return now - (step.submitted_at or step.created_at) > self._ms(provider.spec.pace.give_up)

    async def _take_in(self, step: Step, task: Task, provider: Provider, snapshot: Snapshot) -> None:
        now = self._clock.now()
        match snapshot.state:
            case "running" if not self._too_late(step, provider, now):
                due = now + round(1000 * await self._pace.again(step, provider.spec, now))
                await self._apply(step, moves.still_running(step, snapshot, due))
            case "succeeded" if snapshot.clips:
                await self._finish(step, task, provider, snapshot)
            case "succeeded":
                error = UnexpectedResponse(f"{provider.spec.name} says it is done, but names no audio.")
                await self._look_failed(step, task, provider, error)
            case "running" if snapshot.clips:
                late = (*snapshot.warnings, "The provider did not finish everything in time.")
                await self._finish(step, task, provider, replace(snapshot, warnings=late))
            case "lost" if provider.spec.submit == "repeatable":
                await self._apply(step, moves.put_back(step, now, now, task.held))
            case _:
                error = snapshot.error or GenerationFailed(f"{provider.spec.name} did not finish the work.")
                if isinstance(error, Cancelled):
                    await self._apply(step, moves.cancelled(step, now, task.held))
                else:
                    await self._fail(step, task, error)

    async def _finish(self, step: Step, task: Task, provider: Provider, snapshot: Snapshot) -> None:
        spec = provider.spec
        delivered = await deliver(snapshot.clips, step, task, self._settings)
        retryable = any(error.retryable for error in delivered.missing)
        if retryable and step.error_streak < MOST_FETCH_TRIES:
            wait = self._ms(ERROR_BACKOFF_SECONDS * 2**step.error_streak)
            await self._apply(step, moves.look_failed(step, self._clock.now() + wait))
            return
        warnings = (*snapshot.warnings, *delivered.warnings, *map(not_saved, delivered.missing))
        fresh = await self._store.get(task.id) or task
        follows = after_step(fresh, step, delivered.clips, warnings, spec, self._settings, self._clock.now())
        patch = await publish(follows.task, fresh, self._settings)
        await self._record(step, moves.finished(step, delivered.clips, patch, task.held, follows.step))
        self.wake()

    def _ms(self, seconds: float) -> int:
        return round(seconds * 1000 * self._settings.time_scale)

    async def _apply(self, step: Step, change: Change) -> bool:
        done = await self._store.apply(change, now=self._clock.now())
        if done:
            self._remember_due(change)
        if done and change.task is not None:
            if "status" in change.task:
                await self._changes.status_changed(step.task_id)
            else:
                self._changes.changed(step.task_id)
        return done
