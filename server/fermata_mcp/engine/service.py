"""Extend, chain, wait, cancel, resolve, credits, history: the concrete type that every surface calls."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

import anyio

from fermata_mcp.domain.access.principal import ONE_PERSON, Principal
from fermata_mcp.domain.change import Change, NewStep
from fermata_mcp.domain.errors import FermataError, InvalidRequest, NotFound, ScopeMissing, StoreUnavailable
from fermata_mcp.domain.moments import counted
from fermata_mcp.domain.requests.request import Request
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import TASK_STATUSES, Step, Task, TaskStatus
from fermata_mcp.engine.callers.belongings import make_folder, settings_of
from fermata_mcp.engine.intake.earlier_joins import EarlierJoins
from fermata_mcp.engine.intake.prepare import Preparer, Proposal
from fermata_mcp.engine.intake.sources import Sources
from fermata_mcp.engine.steps.chain import stopped_in_time
from fermata_mcp.engine.upkeep.purging import Purging
from fermata_mcp.engine.watching.tracing import keep_trace
from fermata_mcp.media import files
from fermata_mcp.media.objects.keys import key_in
from fermata_mcp.store.base import Created, KeyReused, NameTaken, Page

from .audio.links import Links
from .audio.uploads import Announced, Uploads
from .credits import CreditsReport, credits_report, evidence
from .shared import Engine
from .steps import moves
from .steps.learned import learn_by_news
from .turns import with_place

# A waiting caller hears from us at least this often, so that nobody takes silence for death.
REPORT_SECONDS = 2.0
CANCEL_TRIES = 5
# So many tasks of somebody are looked at for what another process has changed.
NEWEST = 100
# How long a call waits for what it has cancelled to end.
CANCEL_SECONDS = 2.0
CANCELLABLE: tuple[TaskStatus, ...] = ("queued", "running")
# How long `get_task` waits for audio that it has just asked for again.
FETCH_PATIENCE_SECONDS = 20.0

Report = Callable[[Task], Awaitable[None]]
Resolution = Literal["check", "resubmit", "give_up"]


class Service:
    """Everything Fermata does, for one principal: a light view of the engine that all of them share."""

    def __init__(self, engine: Engine, principal: Principal = ONE_PERSON) -> None:
        self._engine = engine
        self.principal = principal
        self.changes = engine.changes
        self.settings = settings_of(principal.name, engine.settings)
        self.previews = engine.previews
        self.operating = engine.operating
        self.tokens = engine.tokens
        self._store, self._registry, self._runner = engine.store, engine.registry, engine.runner
        self._clock, self._home, self._shelf = engine.clock, engine.home, engine.shelf
        self._principal = principal.name

    def of(self, principal: Principal) -> Service:
        """The same engine for another principal."""
        return self if principal == self.principal else Service(self._engine, principal)

    @cached_property
    def purging(self) -> Purging:
        return Purging(self._store, self.settings, self._clock, self._principal, self._engine.library)

    @cached_property
    def _preparer(self) -> Preparer:
        engine = self._engine
        sources = Sources(
            self._store, self._principal, engine.decoder, self._shelf, engine.library, engine.uploads,
            any_clip=self.principal.may("admin"),
        )  # fmt: skip
        joins = EarlierJoins(self._store, self._registry, sources, self.settings, self._principal)
        return Preparer(self._registry, sources, self.settings, self._clock, self._principal, joins, engine.uploads)

    async def owner_of(self, task_id: str) -> str | None:
        """Whose task it is, whoever asks: for the program itself."""
        return await self._store.owner(task_id)

    async def statuses_of(self, principal: str, followed: AbstractSet[str]) -> dict[str, TaskStatus]:
        """Of the newest tasks of somebody, and of those that they follow; whoever asks: for the program itself."""
        page = await self._store.page(principal=principal, status=None, provider=None, limit=NEWEST, cursor=None)
        found: dict[str, TaskStatus] = {task.id: task.status for task in page.tasks}
        for task_id in followed - found.keys():
            task = await self._store.get(task_id, principal=principal)
            found |= {} if task is None else {task_id: task.status}
        return found

    # --- starting -------------------------------------------------------------------------------------------------

    async def prepare(self, request: Request) -> Proposal:
        """Check, work out and quote one extension or chain; nothing is recorded.

        Raises:
            FermataError: The request cannot be carried out; everything that is wrong with it is named at once.
        """
        if request.save_as is not None and self.principal != ONE_PERSON:
            await make_folder(self.settings.output_dir)
        return await self._preparer.prepare(request)

    async def start(self, proposal: Proposal) -> Created:
        """Durably record it; it is then carried out whoever listens.

        Returns at once, with the earlier task where the request repeats one.

        Raises:
            InvalidRequest: Its key belongs to another request, or its name to another task.
            ScopeMissing: It may cost credits, which this principal may not spend.
        """
        if proposal.task.quote.high and not self.principal.may("spend"):
            raise ScopeMissing("spend")
        task, step = proposal.task, proposal.step
        if task.quote.high:
            await self._check_store()
        claimed = self._runner.has_room(step)
        self._runner.attend(task.id)
        created = await self._create(task, step, claimed)
        self._runner.attend(created.task.id)
        if claimed and created.replayed is None:
            self._runner.take(created.task)
        else:
            self._runner.wake()
        return created

    async def _check_store(self) -> None:
        damage = await self._store.damage()
        if damage is not None:
            raise StoreUnavailable(
                f"{damage} What was paid before cannot be seen, so nothing is paid for now.",
                "restore a copy or go on without one (fermata-mcp restore), or use provider local.",
            )

    async def _create(self, task: Task, step: NewStep, claimed: bool) -> Created:
        create = partial(self._store.create, task, step, home=self._home, now=self._clock.now(), claimed=claimed)
        try:
            created = await create()
            if created.replayed and self._audio_is_gone(created.task):
                created = await create(replay_finished=False)
        except KeyReused:
            raise InvalidRequest(
                "this idempotency_key was already used for a different request.",
                "use a new key for a new request, and the same key only when trying the same one again.",
            ) from None
        except NameTaken as taken:
            raise InvalidRequest(
                f"{taken} is saved under that name already, and is not replaced.", "choose another name in save_as."
            ) from None
        if created.replayed is None:
            await keep_trace(created.task.id, self._store)
            await self._engine.library.also_needs(created.task.id, created.task.source.file)
            await self.changes.status_changed(created.task.id)
        return created

    def _audio_is_gone(self, task: Task) -> bool:
        saved = task.audio.file if task.audio else None
        return task.finished and saved is not None and not self._engine.library.is_there(saved)

    # --- following ------------------------------------------------------------------------------------------------

    async def get(self, task_id: str) -> Task:
        task = await self._store.get(task_id, principal=self._principal)
        if task is None:
            raise NotFound(f"there is no task {task_id!r:.60}.")
        return await with_place(task, self._store, self._clock.now())

    async def _look(self, task_id: str) -> Task:
        """The same, read by one look with those of all who ask just now."""
        task = await self._engine.looks.add(task_id)
        return task if task is not None and task.principal == self._principal else await self.get(task_id)

    async def with_missing_audio(self, task: Task) -> Task:
        """The task after `fetch_missing`, where it lacks any."""
        if _lacks_audio(task) is None:
            return task
        await self.fetch_missing(task.id)
        return await self.get(task.id)

    async def fetch_missing(self, task_id: str) -> None:
        """Ask at once for audio that could not be fetched when the work succeeded, and wait a moment for it."""
        task = await self.get(task_id)
        step = _lacks_audio(task)
        if step is None:
            return
        await self._apply(step, moves.fetch_now(step, self._clock.now()))
        self._runner.wake()
        with anyio.move_on_after(FETCH_PATIENCE_SECONDS):
            while (now := _lacks_audio(task)) is not None and now.polls == step.polls:
                with self.changes.next_change(task_id) as changed:
                    task = await self.get(task_id)
                    if (now := _lacks_audio(task)) is not None and now.polls == step.polls:
                        await changed.wait()

    async def clip_of(self, task_id: str, index: int) -> Task:
        """The task, once it is sure that it has a clip at `index`."""
        task = await self.get(task_id)
        if index >= len(task.clips):
            raise NotFound(
                f"{task_id} has no audio {index}: it is {task.status} and has {counted(len(task.clips), 'clip')}.",
                f"give an index from 0 to {len(task.clips) - 1}." if task.clips else "use get_task to follow it.",
            )
        return task

    async def saved_file(self, written: str) -> Path:
        """Where a file that was saved for a task is on this machine, brought here where it has to be.

        Raises:
            NotFound, FileNotAllowed: See `Shelf.saved`.
            ObjectsUnavailable: It cannot be fetched now.
        """
        return self._shelf.saved(written) if key_in(written) is None else await self._engine.library.at_hand(written)

    async def link_to(self, task_id: str, which: str, file: str, base_url: str | None) -> str | None:
        """A link to a saved file of a task. See `Links.to`."""
        return await self._engine.links.to(task_id, which, file, base_url)

    def shown_path(self, file: str, *, over_http: bool) -> str | None:
        """Where a saved file is, for callers to whom that says something: those on this machine."""
        elsewhere = over_http and (self.principal != ONE_PERSON or self.settings.public_url is not None)
        if elsewhere or (over_http and key_in(file) is not None):
            return None
        here = self._engine.library.here(file)
        return str(here) if key_in(file) is None or here.is_file() else None

    @property
    def uploads(self) -> Uploads:
        return self._engine.uploads

    @property
    def links(self) -> Links:
        return self._engine.links

    async def announce_upload(self, name: str, size: int, base_url: str, *, resumable: bool = False) -> Announced:
        """Make room for a file that this principal brings. See `Uploads.announce`."""
        return await self.uploads.announce(name, size, self._principal, base_url, resumable=resumable)

    async def source_file(self, task: Task) -> Path:
        """The file that a task lengthens, if it is here and still what it was. See `Shelf.saved`."""
        if task.source.file is None:
            raise NotFound(f"what {task.id} lengthens is not a file here.", "listen to it where it comes from.")
        path = await self.saved_file(task.source.file)
        files.check_seal(path, task.source.seal)
        return path

    async def wait(self, task_id: str, seconds: float, report: Report | None = None) -> Task:
        """The task once it needs nothing more from us, or as it is after `seconds`.

        Ending the wait never ends the work. `report` hears at once, on changes, and every two seconds; without one
        nothing is read until the task changes. Work that took
        so long that nobody asks for it any more is asked for again.
        """
        deadline = self._clock.monotonic() + seconds
        told, tell_again, attended = None, 0.0 if report else math.inf, False
        while True:
            with self.changes.next_change(task_id) as changed:
                task = await self._look(task_id)
                if not attended:
                    attended = True
                    self._runner.attend(task_id)
                    await self._resume(task)
                now = self._clock.monotonic()
                if task.finished or task.needs_person or now >= deadline or self.changes.draining.is_set():
                    return task
                if report and ((task.fraction, task.message) != told or now >= tell_again):
                    told, tell_again = (task.fraction, task.message), now + REPORT_SECONDS
                    await report(task)
                with anyio.move_on_after(min(deadline, tell_again) - now):
                    await changed.wait()

    async def _resume(self, task: Task) -> None:
        step = _open_step(task)
        if step is not None and step.state == "expired":
            await self._apply(step, moves.resumed(step, self._clock.now()))
            self._runner.wake()

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
        await self._cancel(task_id)
        self._runner.wake()
        return await self.wait(task_id, CANCEL_SECONDS)

    async def cancel_many(self, task_ids: Sequence[str]) -> tuple[list[Task], dict[str, FermataError]]:
        """The same for several, none of which holds up the others; what became of them, and what was refused."""
        refused = dict[str, FermataError]()
        for task_id in task_ids:
            try:
                await self._cancel(task_id)
            except FermataError as error:
                refused[task_id] = error
        self._runner.wake()
        known = [task_id for task_id in task_ids if task_id not in refused]
        with anyio.move_on_after(CANCEL_SECONDS):
            for task_id in known:
                await self.wait(task_id, CANCEL_SECONDS)
        return [await self.get(task_id) for task_id in known], refused

    async def unfinished(self, status: TaskStatus | None, most: int) -> list[str]:
        """Ids of tasks that wait or run, newest first; `status`: only these."""
        found = list[str]()
        for one in (status,) if status else CANCELLABLE:
            found += [task.id for task in (await self.tasks(one, None, most - len(found), None)).tasks]
        return found

    async def _cancel(self, task_id: str) -> None:
        for _ in range(CANCEL_TRIES):
            task = await self.get(task_id)
            step = _open_step(task)
            if task.finished or task.status == "unknown" or step is None:
                return
            if await self._apply(step, self._cancelling(task, step)):
                return

    def _cancelling(self, task: Task, step: Step) -> Change:
        now = self._clock.now()
        if step.state == "queued":
            return stopped_in_time(step, task, now)
        if self._registry.spec(task.provider).submit == "repeatable":
            return moves.asked_to_cancel(step, now)
        return moves.no_further(step, task, now)

    async def resolve(self, task_id: str, action: Resolution) -> Task:
        """A person's word on a paid submit whose outcome is unknown. `resubmit` alone can pay twice."""
        task = await self.get(task_id)
        step = _open_step(task)
        if step is None or step.state not in ("unknown", "needs_user"):
            raise InvalidRequest(
                f"the outcome of {task_id} is not unknown: it is {task.status}.", "use get_task to follow it."
            )
        now = self._clock.now()
        if action == "check":
            provider = self._registry.get(task.provider)
            learned = await learn_by_news(step, provider, self._store, self._runner.recorder, self._clock)
            if learned != "its id":
                told = await evidence(provider, self._store, task.held, now)
                await self._apply(step, moves.looked_again(step, task, told))
        elif action == "give_up":
            await self._apply(step, moves.given_up(step, now, task.held))
        elif not self.principal.may("spend"):
            raise ScopeMissing("spend")
        else:
            await self._apply(step, moves.resubmit(step, now, task.held))
            self._runner.wake()
        return await self.get(task_id)

    async def _apply(self, step: Step, change: Change) -> bool:
        return await self._runner.recorder.apply(step, change, by_person=True)

    # --- telling --------------------------------------------------------------------------------------------------

    def providers(self) -> list[ProviderSpec]:
        return [self._registry.spec(name) for name in self._registry.names()]

    def ready_providers(self) -> list[str]:
        """The names of those that have what they need."""
        return self._registry.configured()

    def spec(self, provider: str) -> ProviderSpec:
        return self._registry.spec(provider)

    def default_provider(self) -> str:
        return self._registry.default()

    async def credits(self, provider: str | None) -> CreditsReport:
        """Balances and prices of all providers that cost something and of those that are ready, or of one."""
        names = self._of_interest() if provider is None else [self._registry.spec(provider).name]
        providers = [self._registry.get(name) for name in names]
        return await credits_report(providers, self._store, self.principal, self.settings, self._clock.now())

    def _of_interest(self) -> list[str]:
        """Those that are ready, then those that only lack a key."""
        ready = self._registry.configured()
        return [*ready, *(name for name in self._registry.names() if name not in ready)]


def _open_step(task: Task) -> Step | None:
    """The step that is still going on, if any."""
    last = task.steps[-1] if task.steps else None
    return None if last is None or last.state in ("succeeded", "failed", "cancelled", "abandoned") else last


def _lacks_audio(task: Task) -> Step | None:
    """The finished step whose audio is not all here, if any."""
    made = [step for step in task.steps if step.state == "succeeded" and step.work.action != "upload"]
    last = made[-1] if made and task.finished else None
    return last if last is not None and any(clip.missing for clip in last.clips) else None


def parse_status(text: str | None) -> TaskStatus | None:
    """A task status by its name, or an InvalidRequest that lists them."""
    if text is None:
        return None
    for status in TASK_STATUSES:
        if status == text:
            return status
    raise InvalidRequest(f"there is no status {text!r:.40}.", f"use one of: {', '.join(TASK_STATUSES)}.")
