"""Extend, chain, wait, cancel, resolve, credits, history: the concrete type that every surface calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import anyio
import anyio.to_thread

from fermata_mcp.config import Settings
from fermata_mcp.domain.credits import MILLI
from fermata_mcp.domain.errors import FermataError, InvalidRequest, NotFound, OverBudget, UnknownTrack
from fermata_mcp.domain.plan import Plan, check_fields, check_source_form, clean_text, make_plan
from fermata_mcp.domain.request import ChainRequest, Request, request_hash
from fermata_mcp.domain.source import FileSource, Source, TaskSource, parse_source
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import (
    TASK_STATUSES,
    Change,
    NewStep,
    SourceFacts,
    Step,
    Task,
    TaskKind,
    TaskStatus,
    Work,
    new_id,
)
from fermata_mcp.media import audio, files
from fermata_mcp.providers.base import Provider
from fermata_mcp.providers.registry import Registry
from fermata_mcp.store.base import Created, KeyReused, Page, Store

from . import moves
from .clock import Clock
from .progress import Changes
from .runner import Runner

# A waiting caller hears from us at least this often, so that nobody takes silence for death.
REPORT_SECONDS = 2.0
ONE_PERSON = "local"
DAY_MS = 86_400_000

Report = Callable[[Task], Awaitable[None]]
Action = Literal["check", "resubmit", "give_up"]


@dataclass(frozen=True)
class Started:
    """A task as its caller gets it. `task` has no id where nothing was started (`dry_run`)."""

    task: Task
    replayed: Literal["key", "request"] | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class ProviderCredits:
    """One provider's money, in credits. None where it cannot be told."""

    provider: str
    configured: bool
    balance: float | None
    price_per_extend: float | None
    extends_left: int | None
    note: str | None
    error: str | None


@dataclass(frozen=True)
class Credits:
    providers: tuple[ProviderCredits, ...]
    spent_today: float
    cap_today: float | None


class Service:
    """Everything Fermata does, for one principal.

    Args:
        input_roots: Folders that callers' files may be read from; None allows any, () none.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        runner: Runner,
        changes: Changes,
        settings: Settings,
        clock: Clock,
        home: str,
        input_roots: tuple[Path, ...] | None,
    ) -> None:
        self._store = store
        self._registry = registry
        self._runner = runner
        self.changes = changes
        self.settings = settings
        self._clock = clock
        self._home = home
        self._roots = input_roots
        self._principal = ONE_PERSON

    # --- starting -------------------------------------------------------------------------------------------------

    async def start(self, request: Request) -> Started:
        """Check, quote and durably record one extension or chain; it is then carried out whoever listens.

        Returns at once, with the earlier task where the request repeats one.

        Raises:
            FermataError: The request was refused and nothing was recorded.
        """
        source = parse_source(request.source)
        provider = self._registry.get(request.provider or self._registry.default())
        check_fields(request, provider.spec)
        check_source_form(source, provider.spec)
        facts = await self._facts(source)
        plan = make_plan(request, provider.spec, facts)
        self._check_caps(plan)
        task, step = self._new_task(request, provider, facts, plan)
        if request.dry_run:
            return Started(task, dry_run=True)
        created = await self._create(task, step)
        self._runner.wake()
        return Started(created.task, created.replayed)

    async def _facts(self, source: Source) -> SourceFacts:
        match source:
            case FileSource(path):
                return await self._file_facts(files.readable_file(path, self._roots), path)
            case TaskSource():
                return await self._task_facts(source)
            case _:
                raise InvalidRequest("this version lengthens files and earlier tasks only.", "give a file path.")

    async def _file_facts(self, path: Path, ref: str) -> SourceFacts:
        facts = await anyio.to_thread.run_sync(audio.probe, path)
        return SourceFacts(
            ref=ref, duration_seconds=facts.duration_seconds, file=str(path), identity=files.identity(path)
        )

    async def _task_facts(self, source: TaskSource) -> SourceFacts:
        ref = source.task_id if source.index is None else f"{source.task_id}/{source.index}"
        task = await self._store.get(source.task_id, principal=self._principal)
        if task is None:
            raise UnknownTrack(f"there is no task {source.task_id}.")
        clips = task.clips
        index = source.index or 0
        if index >= len(clips):
            raise UnknownTrack(f"{ref} has no audio: the task is {task.status} and has {len(clips)} clips.")
        saved = clips[index].file
        if saved is None or not files.is_there(saved):
            raise UnknownTrack(f"the saved audio of {ref} is no longer there.", "give the file where it is now.")
        return await self._file_facts(Path(saved), ref)

    def _check_caps(self, plan: Plan) -> None:
        cap = self.settings.max_credits_per_call
        if cap is not None and plan.quote.credits > cap:
            raise OverBudget(
                f"this can cost {plan.quote.credits:g} credits; FERMATA_MAX_CREDITS_PER_CALL is {cap:g}.",
                "ask for less, or have the operator raise the cap.",
            )

    def _new_task(self, request: Request, provider: Provider, source: SourceFacts, plan: Plan) -> tuple[Task, NewStep]:
        kind: TaskKind = "chain" if isinstance(request, ChainRequest) else "extend"
        now = self._clock.now()
        task_id = new_id("tsk")
        asked = request.identity() | {"source": source.identity, "provider": provider.spec.name}
        task = Task(
            id=task_id,
            principal=self._principal,
            kind=kind,
            provider=provider.spec.name,
            account_id=provider.account_id,
            request=request.identity(),
            request_hash=request_hash(kind, provider.spec.name, provider.account_id, source.identity, asked),
            idempotency_key=request.idempotency_key,
            source=source,
            status="queued",
            fraction=None,
            message="waiting to start",
            audio=None,
            error=None,
            warnings=(),
            quote=plan.quote,
            held=0,
            charged=0,
            refunded=0,
            cancel_at=None,
            created_at=now,
            updated_at=now,
            finished_at=None,
        )
        return task, NewStep(new_id("stp"), 0, self._work(request, provider.spec, source, plan, task_id))

    def _work(self, request: Request, spec: ProviderSpec, source: SourceFacts, plan: Plan, task_id: str) -> Work:
        title = clean_text(request.title) if request.title else None
        named = Path(source.file or source.ref)
        stem = files.stem_for(title, str(named))
        target = files.output_path(self.settings.output_dir, stem, task_id[4:10], named.suffix.lower())
        fields = request.model_dump(include=set(spec.fields) - {"continue_at", "add_seconds"}, exclude_none=True)
        return Work(
            source_file=source.file,
            continue_at=request.continue_at,
            add_seconds=plan.add_seconds,
            length_seconds=plan.length_seconds,
            fields=fields | ({"title": title} if title else {}),
            options=request.options or {},
            take=request.take,
            save_as=str(target),
        )

    async def _create(self, task: Task, step: NewStep) -> Created:
        try:
            created = await self._store.create(task, step, home=self._home, now=self._clock.now())
            if created.replayed and _audio_is_gone(created.task):
                created = await self._store.create(
                    task, step, home=self._home, now=self._clock.now(), replay_finished=False
                )
        except KeyReused:
            raise InvalidRequest(
                "this idempotency_key was already used for a different request.",
                "use a new key for a new request, and the same key only when trying the same one again.",
            ) from None
        if created.replayed is None:
            await self.changes.status_changed(created.task.id)
        return created

    # --- following ------------------------------------------------------------------------------------------------

    async def get(self, task_id: str) -> Task:
        task = await self._store.get(task_id, principal=self._principal)
        if task is None:
            raise NotFound(f"there is no task {task_id!r:.60}.")
        return task

    async def clip_of(self, task_id: str, index: int) -> Task:
        """The task, once it is sure that it has a clip at `index`."""
        task = await self.get(task_id)
        if index >= len(task.clips):
            raise NotFound(
                f"{task_id} has no audio {index}: it is {task.status} and has {len(task.clips)} clips.",
                "use get_task to follow it.",
            )
        return task

    async def wait(self, task_id: str, seconds: float, report: Report) -> Task:
        """The task once it needs nothing more from us, or as it is after `seconds`.

        Ending the wait never ends the work. `report` hears at once, on changes, and every two seconds.
        """
        deadline = self._clock.monotonic() + seconds
        told, tell_again = None, 0.0
        while True:
            with self.changes.next_change(task_id) as changed:
                task = await self.get(task_id)
                now = self._clock.monotonic()
                if task.finished or task.status == "unknown" or now >= deadline or self.changes.draining.is_set():
                    return task
                if (task.fraction, task.message) != told or now >= tell_again:
                    told, tell_again = (task.fraction, task.message), now + REPORT_SECONDS
                    await report(task)
                with anyio.move_on_after(min(deadline, tell_again) - now):
                    await changed.wait()

    async def tasks(self, status: TaskStatus | None, provider: str | None, limit: int, cursor: str | None) -> Page:
        """History, newest first."""
        return await self._store.page(
            principal=self._principal, status=status, provider=provider, limit=limit, cursor=cursor
        )

    async def ids_like(self, prefix: str) -> list[str]:
        return await self._store.ids_like(prefix, principal=self._principal, limit=100)

    # --- deciding -------------------------------------------------------------------------------------------------

    async def cancel(self, task_id: str) -> Task:
        """Stop the wait and every later step; a finished task is left as it is."""
        task = await self.get(task_id)
        step = _open_step(task)
        if task.finished or step is None:
            return task
        now = self._clock.now()
        if step.state == "queued" and await self._apply(task, moves.cancelled(step, now)):
            return await self.get(task_id)
        await self._apply(task, moves.asked_to_cancel(step, now))
        self._runner.wake()
        return await self.wait(task_id, 2.0, _ignore)

    async def resolve(self, task_id: str, action: Action) -> Task:
        """A person's word on a paid submit whose outcome is unknown. `resubmit` alone can pay twice."""
        task = await self.get(task_id)
        step = _open_step(task)
        if step is None or step.state not in ("unknown", "needs_user"):
            raise InvalidRequest(
                f"the outcome of {task_id} is not unknown: it is {task.status}.", "use get_task to follow it."
            )
        now = self._clock.now()
        if action == "give_up":
            await self._apply(task, moves.given_up(step, now, task.held))
        elif action == "resubmit":
            await self._apply(task, moves.put_back(step, now, now, task.held))
            self._runner.wake()
        return await self.get(task_id)

    async def _apply(self, task: Task, change: Change) -> bool:
        done = await self._store.apply(change, now=self._clock.now())
        await self.changes.status_changed(task.id)
        return done

    # --- telling --------------------------------------------------------------------------------------------------

    def providers(self) -> list[ProviderSpec]:
        return [self._registry.spec(name) for name in self._registry.names()]

    def spec(self, provider: str) -> ProviderSpec:
        return self._registry.spec(provider)

    def default_provider(self) -> str:
        return self._registry.default()

    async def credits(self, provider: str | None) -> Credits:
        """Balances of all configured providers at once, or of one."""
        names = self._registry.names() if provider is None else [self._registry.spec(provider).name]
        told: dict[str, ProviderCredits] = {}

        async def ask(name: str) -> None:
            told[name] = await _credits_of(self._registry.get(name))

        async with anyio.create_task_group() as group:
            for name in names:
                group.start_soon(ask, name)
        now = self._clock.now()
        spent = await self._store.spent(principal=self._principal, since=now - now % DAY_MS)
        total = sum(amount for name, amount in spent.items() if name in names) / MILLI
        return Credits(tuple(told[name] for name in names), total, self.settings.max_credits_per_day)


async def _credits_of(provider: Provider) -> ProviderCredits:
    spec = provider.spec
    balance, error = None, None
    try:
        balance = await provider.balance() if spec.has_balance else None
    except FermataError as failure:
        error = str(failure)
    price = spec.price.high
    return ProviderCredits(
        provider=spec.name,
        configured=True,
        balance=balance,
        price_per_extend=price,
        extends_left=int(balance // price) if balance is not None and price else None,
        note=_credits_note(spec),
        error=error,
    )


def _credits_note(spec: ProviderSpec) -> str | None:
    if not spec.price.high:
        return "free: nothing is charged"
    return None if spec.has_balance else "this provider has no call that tells the balance"


def _open_step(task: Task) -> Step | None:
    """The step that is still going on, if any."""
    last = task.steps[-1] if task.steps else None
    return None if last is None or last.state in ("succeeded", "failed", "cancelled", "abandoned") else last


def _audio_is_gone(task: Task) -> bool:
    saved = task.audio.file if task.audio else None
    return task.finished and saved is not None and not files.is_there(saved)


async def _ignore(_: Task) -> None:
    return


def parse_status(text: str | None) -> TaskStatus | None:
    """A task status by its name, or an InvalidRequest that lists them."""
    if text is None:
        return None
    for status in TASK_STATUSES:
        if status == text:
            return status
    raise InvalidRequest(f"there is no status {text!r:.40}.", f"use one of: {', '.join(TASK_STATUSES)}.")
