"""Extend, chain, wait, cancel, resolve, credits, history: the concrete type that every surface calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import anyio

from fermata_mcp.config import Settings
from fermata_mcp.domain.credits import MILLI
from fermata_mcp.domain.errors import (
    Cancelled,
    InvalidRequest,
    MissingKey,
    NotFound,
    OverBudget,
)
from fermata_mcp.domain.plan import Plan, check_fields, check_source_form, clean_text, fill_in, make_plan, uploads_first
from fermata_mcp.domain.request import ChainRequest, Request, request_hash
from fermata_mcp.domain.source import parse_source
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import (
    TASK_STATUSES,
    Audio,
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
from fermata_mcp.media import files
from fermata_mcp.providers.base import Provider
from fermata_mcp.providers.registry import Registry
from fermata_mcp.store.base import Created, KeyReused, Page, Store

from . import moves
from .chain import SHORTEST_ADD_SECONDS, chosen, ended_by
from .clock import Clock
from .credits import Credits, ProviderCredits, credits_of
from .delivery import deliver, publish
from .progress import Changes
from .runner import Runner
from .sources import Sources

# A waiting caller hears from us at least this often, so that nobody takes silence for death.
REPORT_SECONDS = 2.0
ONE_PERSON = "local"
CANCEL_TRIES = 5
DAY_MS = 86_400_000

Report = Callable[[Task], Awaitable[None]]
Action = Literal["check", "resubmit", "give_up"]


@dataclass(frozen=True)
class Started:
    """A task as its caller gets it. `task` has no id where nothing was started (`dry_run`)."""

    task: Task
    replayed: Literal["key", "request"] | None = None
    dry_run: bool = False


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
        self._principal = ONE_PERSON
        self._sources = Sources(store, ONE_PERSON, input_roots)

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
        facts = await self._sources.facts(source, provider)
        plan = make_plan(request, provider.spec, facts)
        self._check_caps(plan)
        task, step = self._new_task(request, provider, facts, plan)
        if not provider.configured:
            raise MissingKey(
                f"{provider.spec.name} needs a key.", f"set {provider.spec.key_variable}, or use provider local."
            )
        provider.check(step.work)
        if request.dry_run:
            return Started(task, dry_run=True)
        created = await self._create(task, step)
        self._runner.wake()
        return Started(created.task, created.replayed)

    def _check_caps(self, plan: Plan) -> None:
        cap = self.settings.max_credits_per_call
        if cap is not None and plan.at_least.credits > cap:
            raise OverBudget(
                f"this costs {plan.at_least.credits:g} credits; FERMATA_MAX_CREDITS_PER_CALL is {cap:g}.",
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
            request=request.model_dump(exclude_none=True),
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
        named = source.model_copy(update={"title": source.title or (Path(source.file).stem if source.file else None)})
        sent = fill_in(request, spec, named)
        title = clean_text(sent["title"]) if sent.get("title") else None
        stem = files.stem_for(title, source.file or source.title or source.ref)
        suffix = Path(source.file or "").suffix.lower() if spec.any_length else ""
        target = files.output_path(self.settings.output_dir, stem, task_id[4:10], suffix)
        fields = {name: value for name, value in sent.items() if name not in ("continue_at", "add_seconds", "title")}
        if isinstance(request, ChainRequest) and request.prompts:
            fields["prompt"] = request.prompts[0]
        point = sent.get("continue_at")
        ahead = (source.duration_seconds or 0.0) - (source.clip_seconds or source.duration_seconds or 0.0)
        return Work(
            action="upload" if uploads_first(spec, source) else "extend",
            source_file=None if source.clip else source.file,
            source_url=source.url,
            source_clip=source.clip,
            source_seconds=source.clip_seconds or source.duration_seconds,
            before_file=source.file,
            before_seconds=source.duration_seconds,
            continue_at=None if point is None else max(0.0, point - ahead),
            add_seconds=self._add_seconds(request, spec, source, plan),
            length_seconds=plan.length_seconds,
            fields=fields | ({"title": title} if title else {}),
            options=request.options or {},
            take=request.take,
            save_as=str(target),
        )

    def _add_seconds(self, request: Request, spec: ProviderSpec, source: SourceFacts, plan: Plan) -> float | None:
        """A chain asks each step for what is missing, where the provider lets one choose."""
        if isinstance(request, ChainRequest) and "add_seconds" in spec.fields and not spec.any_length:
            missing = request.target_seconds - (source.duration_seconds or 0.0)
            return min(spec.longest_add_seconds, max(SHORTEST_ADD_SECONDS, missing))
        return plan.add_seconds

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

    async def fetch_missing(self, task_id: str) -> None:
        """Try again to save audio that could not be fetched when the work succeeded."""
        task = await self.get(task_id)
        step = next((step for step in reversed(task.steps) if step.clips), None)
        if task.status not in ("succeeded", "partial") or step is None or (task.audio and task.audio.file):
            return
        delivered = await deliver(step.clips, step, task, self.settings)
        clip = chosen(task, delivered.clips)
        if clip.file is not None:
            found = Audio(**clip.model_dump(include=set(Audio.model_fields)))
            patch = await publish({"audio": found, "finished_at": task.finished_at or 0}, task, self.settings)
            await self._apply(task, moves.fetched(step, delivered.clips, patch.get("audio") or found))

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
        """Stop the wait and every later step; what is over, or unknown, is left as it is."""
        for _ in range(CANCEL_TRIES):
            task = await self.get(task_id)
            step = _open_step(task)
            if task.finished or task.status == "unknown" or step is None:
                return task
            if await self._apply(task, self._cancelling(task, step)):
                break
        self._runner.wake()
        return await self.wait(task_id, 2.0, _ignore)

    def _cancelling(self, task: Task, step: Step) -> Change:
        now = self._clock.now()
        if step.state == "queued":
            return moves.cancelled(step, now, task.held, ended_by(task, Cancelled("it was cancelled."), now))
        if self._registry.spec(task.provider).submit == "repeatable":
            return moves.asked_to_cancel(step, now)
        return moves.no_further(step, task, now)

    async def resolve(self, task_id: str, action: Action) -> Task:
        """A person's word on a paid submit whose outcome is unknown. `resubmit` alone can pay twice."""
        task = await self.get(task_id)
        step = _open_step(task)
        if step is None or step.state not in ("unknown", "needs_user"):
            raise InvalidRequest(
                f"the outcome of {task_id} is not unknown: it is {task.status}.", "use get_task to follow it."
            )
        now = self._clock.now()
        if action == "check":
            await self._runner.gather_evidence(step, self._registry.get(task.provider))
        elif action == "give_up":
            await self._apply(task, moves.given_up(step, now, task.held))
        elif action == "resubmit":
            await self._apply(task, moves.resubmit(step, now, task.held))
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
        names = self._registry.configured() if provider is None else [self._registry.spec(provider).name]
        told: dict[str, ProviderCredits] = {}
        now = self._clock.now()

        async def ask(name: str) -> None:
            told[name] = await credits_of(self._registry.get(name), self._store, now)

        async with anyio.create_task_group() as group:
            for name in names:
                group.start_soon(ask, name)
        spent = await self._store.spent(principal=self._principal, since=now - now % DAY_MS)
        total = sum(amount for name, amount in spent.items() if name in names) / MILLI
        return Credits(tuple(told[name] for name in names), total, self.settings.max_credits_per_day)


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
