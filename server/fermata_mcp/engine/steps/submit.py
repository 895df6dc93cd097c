"""Sends the one paid request of a step: intent, request, outcome, with nothing in between."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace

import anyio

from fermata_mcp.domain.change import Change
from fermata_mcp.domain.errors import (
    FermataError,
    InvalidRequest,
    OverBudget,
    ProviderError,
    ProviderUnavailable,
    StoreUnavailable,
)
from fermata_mcp.domain.lease import LATEST_START
from fermata_mcp.domain.requests.cost import work_cost
from fermata_mcp.domain.task import Step, Task, Work, new_id
from fermata_mcp.engine.callers.belongings import settings_of
from fermata_mcp.engine.callers.budgets import caps_for
from fermata_mcp.engine.intake.sent_window import with_window
from fermata_mcp.engine.intake.source_audio import fetched_facts, is_to_be_fetched, planned_anew
from fermata_mcp.engine.pace import LONGEST_RETRY_SECONDS, left_alone
from fermata_mcp.providers.base import Accepted, Made, NotSent, Provider, Refused, Submitted, Unclear
from fermata_mcp.store.base import SUBMIT_LEASE_MS, AlreadyKnown

from . import moves
from .context import StepContext

NOT_SENT_RETRY_SECONDS = 5.0
PREPARE_RETRY_SECONDS = 5.0
MOST_PREPARE_TRIES = 4
MOST_ATTEMPTS = 30
MOST_REPEATS = 8
MIN_RETRY_MS = 100
OTHER_UNIT = "what this provider is paid in has changed since the price was quoted; nothing was sent."
logger = logging.getLogger(__name__)


class Submitter:
    """See `submit`."""

    def __init__(self, context: StepContext) -> None:
        self._context, self._recorder = context, context.recorder
        self._settings, self._clock = context.settings, context.clock
        self._under_way: set[anyio.CancelScope] = set()
        self._answered = anyio.Event()

    async def submit(self, step: Step, task: Task, provider: Provider) -> None:
        """Wait for the account's turn, prepare, then submit once."""
        now = self._clock.now()
        if step.error_streak and self._too_old(step, provider):
            await self._recorder.fail(
                step, task, ProviderUnavailable(f"{provider.spec.name} could not be reached in time.")
            )
            return
        if await self._is_in_vain(step, provider):
            error = ProviderUnavailable(
                f"{provider.spec.name} lost the work {MOST_REPEATS} times, or said nothing of it.", provider.spec.start
            )
            await self._recorder.fail(step, task, error)
            return
        wait = await self._context.paces.turn(provider, urgent=True, now=now)
        if wait:
            await self._recorder.apply(step, moves.put_off(step, now + wait, failed=False))
            return
        try:
            step, task = await self._with_source(step, task, provider)
            await self._context.library.bring(step.work)
            work = await provider.prepare(await self._with_window(step, provider))
        except StoreUnavailable:
            raise  # our own disk or database: the step waits for it
        except ProviderError as error:
            await self._prepare_failed(step, task, error)
            return
        except FermataError as error:
            await self._recorder.fail(step, task, error)
            return
        if work != step.work and not await self._recorder.apply(step, moves.prepared(step, work)):
            return
        if work_cost(work, provider.spec).high and task.unit != provider.spec.unit:
            await self._recorder.fail(step, task, InvalidRequest(OTHER_UNIT, "call again for a quote of today."))
            return
        await self._submit(replace(step, work=work), task, provider)

    async def _with_source(self, step: Step, task: Task, provider: Provider) -> tuple[Step, Task]:
        """The step, planned anew with what its source turns out to be once its audio is here.

        Raises:
            FermataError: The work cannot be done with this source, or it is to be done here and cannot be fetched.
        """
        if not is_to_be_fetched(step, task):
            return step, task
        with suppress(StoreUnavailable):  # only words
            await self._recorder.apply(step, moves.fetching_source(step))
        try:
            context = self._context
            facts = await fetched_facts(task, context.settings, context.decoder, context.library)
        except FermataError:
            if provider.spec.here or provider.spec.window:
                raise
            return step, task  # it can be fetched again when the result is here
        work = planned_anew(task, facts, provider.spec, settings_of(task.principal, self._settings))
        with suppress(StoreUnavailable):  # it can be learned again
            await self._recorder.apply(step, moves.prepared(step, work, facts))
        return replace(step, work=work), replace(task, source=facts)

    async def _with_window(self, step: Step, provider: Provider) -> Work:
        return await with_window(step, provider.spec, self._settings, self._context.decoder)

    async def drain_submits(self, seconds: float) -> None:
        """The program is about to end: hear the answers to requests that are on their way, but not for ever."""
        with anyio.move_on_after(seconds):
            while self._under_way:
                await self._answered.wait()
        for scope in self._under_way:
            scope.shield = False

    async def _prepare_failed(self, step: Step, task: Task, error: ProviderError) -> None:
        if not error.retryable or step.error_streak >= MOST_PREPARE_TRIES:
            await self._recorder.fail(step, task, error)
            return
        wait = self._settings.milliseconds(left_alone(error, PREPARE_RETRY_SECONDS * 2**step.error_streak))
        await self._recorder.apply(step, moves.put_off(step, self._clock.now() + wait, failed=True))

    async def _submit(self, step: Step, task: Task, provider: Provider) -> None:
        """Neither a caller who leaves nor a program that ends comes between intent, request and outcome."""
        with anyio.CancelScope(shield=True) as scope:
            self._under_way.add(scope)
            try:
                await self._submit_whole(step, task, provider)
            finally:
                self._under_way.discard(scope)
                self._answered.set()
                self._answered = anyio.Event()

    async def _submit_whole(self, step: Step, task: Task, provider: Provider) -> None:
        attempt = new_id("att")
        begun, started = self._clock.now(), self._clock.monotonic()
        price = work_cost(step.work, provider.spec).high
        caps = await caps_for(task.principal, task.unit, self._context.store, self._settings) if price else ()
        begin = moves.begin(step, attempt, provider.spec, price, caps, begun)
        try:
            if not await self._recorder.apply(step, begin):
                return
        except OverBudget as error:
            await self._recorder.fail(step, task, error)
            return
        except AlreadyKnown:
            raise
        except StoreUnavailable:
            # Whether it was recorded is not known, but that nothing was sent is.
            await self._recorder.keep(replace(step, attempt_id=attempt), moves.put_back(
                replace(step, attempt_id=attempt), begun, begun, price))  # fmt: skip
            return
        step = replace(step, attempt_id=attempt)
        if self._overslept(begun, started):
            now = self._clock.now()
            await self._recorder.keep(step, moves.put_back(step, now, now, price))
            return
        self._context.follow(attempt, step)
        outcome = await self._ask(provider, attempt, step)
        await self._learn(step, task, outcome, provider, price)

    def _overslept(self, begun: int, started: float) -> bool:
        """A suspended machine must not send late: others may take the step over once its lease is out."""
        limit = SUBMIT_LEASE_MS * LATEST_START / 1000
        return self._clock.monotonic() - started > limit or (self._clock.now() - begun) / 1000 > limit

    async def _ask(self, provider: Provider, attempt: str, step: Step) -> Submitted:
        try:
            return await provider.submit(attempt, step.work)
        except Exception:  # whatever went wrong here, the request may have been taken on
            logger.exception("the submit of step %s failed unexpectedly", step.id)
            return Unclear("the program failed while it waited for the answer")

    async def _learn(self, step: Step, task: Task, outcome: Submitted, provider: Provider, price: int) -> None:
        try:
            await self._recorder.keep(step, await self._outcome(step, task, outcome, provider, price))
        except AlreadyKnown:
            told = Unclear("the provider gave an id that belongs to an earlier task")
            await self._recorder.keep(step, await self._outcome(step, task, told, provider, price))

    async def _outcome(self, step: Step, task: Task, outcome: Submitted, provider: Provider, hold: int) -> Change:
        now = self._clock.now()
        match outcome:
            case Accepted(remote_id):
                self._context.follow(remote_id, step)
                return moves.accepted(step, remote_id, now + await self._first_pause(step, provider, now), now)
            case Made(remote_id, clips):
                return moves.made(step, remote_id, clips, now)
            case Refused(_, retry_after) if retry_after is not None and await self._may_try_again(step, provider):
                wait = self._settings.milliseconds(min(LONGEST_RETRY_SECONDS, retry_after))
                return moves.put_back(step, now + max(MIN_RETRY_MS, wait), now, hold)
            case NotSent(error) if error.retryable and await self._may_try_again(step, provider):
                return moves.put_back(step, now + self._settings.milliseconds(NOT_SENT_RETRY_SECONDS), now, hold)
            case Refused(error, _) | NotSent(error):
                return moves.refused(step, error, now, hold, await self._recorder.conclude(task, error))
            case _:
                return moves.unclear(step, outcome.evidence, now)

    async def _first_pause(self, step: Step, provider: Provider, now: int) -> int:
        """Milliseconds to the first look. A store that cannot be read now must not cost the id just learned."""
        try:
            return round(1000 * await self._context.paces.first(step, provider.spec, now))
        except FermataError:
            return self._settings.milliseconds(provider.spec.pace.first)

    async def _may_try_again(self, step: Step, provider: Provider) -> bool:
        attempts = await self._context.store.attempts(step.id)
        return len(attempts) < MOST_ATTEMPTS and not self._too_old(step, provider)

    async def _is_in_vain(self, step: Step, provider: Provider) -> bool:
        """Whether free work was begun anew so often that something else is wrong."""
        if provider.spec.submit != "repeatable" or provider.spec.here or step.attempt_id is None:
            return False
        return len(await self._context.store.attempts(step.id)) >= MOST_REPEATS

    def _too_old(self, step: Step, provider: Provider) -> bool:
        return self._clock.now() - step.created_at > self._settings.milliseconds(provider.spec.pace.give_up)
