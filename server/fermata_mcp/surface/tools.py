"""The eight tools."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, cast

from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, ResourceLink, ToolAnnotations
from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, model_validator

from fermata_mcp.domain.errors import NotSupported
from fermata_mcp.domain.requests.cost import cap_in
from fermata_mcp.domain.requests.request import Arguments, ChainRequest, ExtendRequest, Request
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import CANCELLABLE, Resolution, Service, parse_status
from fermata_mcp.providers.registry import BUILT_IN
from fermata_mcp.store.base import Replayed
from fermata_mcp.surface.access.callers import Callers

from .clients import name_of, reads_links, wait_for, wants_progress
from .people.confirm import confirm
from .people.top_up import offer_top_up, offered_for
from .player.app import OPENS_PLAYER
from .player.audio import audio_path
from .player.opening import Opening, page_link
from .reporter import Reporter
from .results.cancelled import cancelled, cancelled_text
from .results.credits import CreditsView, credits_text, credits_view
from .results.history import TaskList, list_text, task_list
from .results.reach import within_reach
from .results.result import audio_links, result
from .results.task_text import clip_text, task_text
from .results.task_view import TaskView, clip_view, share_done, task_view
from .results.upload import UploadView, upload_text, upload_view
from .tool_class import Ctx, ToolResult, make_tool

Wait = Annotated[FiniteFloat, Field(ge=0, le=3600)]
AnyContext = Ctx | ServerRequestContext[Any, Any]
# Hosts that search among many tools look through this, too.
SEARCH = {
    "anthropic/searchHint": "music audio song track longer extend loop fade intro suno length video soundtrack rain"
}
FAILED = ("failed", "unknown")
# What `cancel_task` takes in place of ids, and how many tasks one call of it ends.
GROUPS = ("all", *CANCELLABLE)
MOST_CANCELLED = 1000
# Whether this call answers with a task of the protocol as soon as its own is recorded; see `tasks/`.
as_task: ContextVar[bool] = ContextVar("as_task", default=False)


_CLIP = re.compile(r"(tsk_[0-9a-f]{32})/(\d{1,2})")


def _without_clip(task_id: str) -> str:
    named = _CLIP.fullmatch(task_id.strip())
    return named[1] if named else task_id


class TaskArgs(Arguments):
    task_id: Annotated[str, AfterValidator(_without_clip)] = Field(description="tsk_...")


def _several(given: Any) -> Any:
    """Ids in a list, or in a text with commas or spaces between them."""
    return [part for part in re.split(r"[\s,]+", given) if part] if isinstance(given, str) else given


_Ids = Annotated[list[Annotated[str, AfterValidator(_without_clip)]], Field(min_length=1, max_length=MOST_CANCELLED)]


class CancelArgs(Arguments):
    # Told as text, which every model writes; a list is understood.
    task_id: Annotated[str | _Ids, BeforeValidator(_several)] = Field(description="tsk_..., several, or all")

    @property
    def ids(self) -> list[str]:
        """Each once."""
        return list(dict.fromkeys(cast("list[str]", self.task_id)))


class GetTaskArgs(TaskArgs):
    wait_seconds: Wait = Field(0, description="Wait up to this long, with progress")


class CreditsArgs(Arguments):
    provider: str | None = Field(None, description="Only this one. Default: all configured")


class ListArgs(Arguments):
    status: str | None = Field(None, description="queued, running, succeeded, partial, failed, cancelled or unknown")
    provider: str | None = Field(None, description="Only this provider's")
    limit: Annotated[int, Field(ge=1, le=100)] = Field(20, description="Most tasks")
    cursor: str | None = Field(None, description="next_cursor of the page before")


class ResolveArgs(TaskArgs):
    action: Resolution = Field(description="check: look again; resubmit: send again, may cost twice; give_up: end it")


class UploadArgs(Arguments):
    name: str = Field(description="File name with ending")
    size: Annotated[int, Field(gt=0)] = Field(description="Bytes")


class PlayArgs(TaskArgs):
    @model_validator(mode="before")
    @classmethod
    def _index_of_clip(cls, given: Any) -> Any:
        """`tsk_.../1` names its second clip, here too."""
        if not isinstance(given, dict):
            return given
        said = cast("dict[str, Any]", given)
        named = _CLIP.fullmatch(str(said.get("task_id")))
        return {"index": int(named[2]), **said} if named else said

    index: Annotated[int, Field(ge=0, le=99)] = Field(0, description="Which clip")
    play: bool = Field(False, description="stdio: play it here")


@dataclass(frozen=True)
class Toolbox:
    """What the tools work with. `now` gives Unix milliseconds."""

    callers: Callers
    now: Callable[[], int]
    opening: Opening = field(default_factory=Opening)

    @property
    def service(self) -> Service:
        """That of the principal whose call is being carried out."""
        return self.callers.service

    async def extend_track(self, args: ExtendRequest, ctx: Ctx) -> ToolResult:
        return await self._start(args, ctx)

    async def chain_extend(self, args: ChainRequest, ctx: Ctx) -> ToolResult:
        return await self._start(args, ctx)

    async def get_task(self, args: GetTaskArgs, ctx: Ctx) -> CallToolResult:
        task = await self._wait(args.task_id, args.wait_seconds, ctx)
        return await self.shown(await self.service.with_missing_audio(task), ctx)

    async def get_credits(self, args: CreditsArgs, ctx: Ctx) -> CallToolResult:
        view = credits_view(await self.service.credits(args.provider))
        return result(credits_text(view), view)

    async def list_tasks(self, args: ListArgs, ctx: Ctx) -> CallToolResult:
        page = await self.service.tasks(parse_status(args.status), args.provider, args.limit, args.cursor)
        view = task_list(page, self.shown_path)
        return result(list_text(view, filters=_filters(args)), view)

    async def cancel_task(self, args: CancelArgs, ctx: Ctx) -> CallToolResult:
        first, *others = args.ids
        if others or first in GROUPS:
            return await self._cancel_many([first, *others])
        return await self.shown(await self.service.cancel(first), ctx)

    async def _cancel_many(self, named: list[str]) -> CallToolResult:
        """Those that are named, or all of a group, as many as one call may take."""
        group = named[0] if len(named) == 1 else None
        status = None if group in (None, "all") else parse_status(group)
        ids = named if group is None else await self.service.unfinished(status, MOST_CANCELLED)
        tasks, refused = await self.service.cancel_many(ids)
        why = {task_id: str(error) for task_id, error in refused.items()}
        view = cancelled(tasks, why, more=group is not None and len(ids) == MOST_CANCELLED)
        return result(cancelled_text(view), view, is_error=not tasks and bool(refused))

    async def resolve_task(self, args: ResolveArgs, ctx: Ctx) -> CallToolResult:
        return await self.shown(await self.service.resolve(args.task_id, args.action), ctx)

    async def play_track(self, args: PlayArgs, ctx: Ctx) -> ToolResult:
        task = await self.service.get(args.task_id)
        if not task.finished and not task.clips:
            return await self.shown(task, ctx)  # the player follows it
        task = await self.service.clip_of(args.task_id, args.index)
        view = clip_view(task, args.index, self.now(), self.service.spec(task.provider))
        links = [link for link in self._links(view, ctx) if link.uri.endswith(f"/{args.index}")]
        base = self.base_url
        view = await within_reach(view, self.service, base)
        if not args.play:
            return _playable(view, args.index, page_link(args.task_id, args.index, base), links)
        file = await audio_path(self.service, args.task_id, str(args.index))
        done = await self.opening.play(file, page_link(args.task_id, args.index, base), ctx)
        if not isinstance(done, str):
            return done
        told = view.model_copy(update={"warnings": [*view.warnings, done]})
        return result(f"{done}\n{clip_text(view, args.index)}", told, links)

    async def upload_track(self, args: UploadArgs, ctx: Ctx) -> ToolResult:
        base = self.base_url
        if base is None:
            raise NotSupported("over stdio nothing is uploaded.", "give the path of the file as source.")
        announced = await self.service.announce_upload(args.name, args.size, base)
        view = upload_view(announced.upload, announced.put_url)
        return result(upload_text(view), view)

    async def _start(self, args: Request, ctx: Ctx) -> ToolResult:
        failed = offered_for(ctx)
        if failed is not None:
            return await self.shown(await self.service.get(failed), ctx)
        proposal, settings = await self.service.prepare(args), self.service.settings
        if args.dry_run:
            return await self.shown(proposal.task, ctx, dry_run=True)
        quote = proposal.task.quote
        limit = settings.limits(quote.unit).confirm_above
        question = await confirm(quote, cap_in(args, quote.unit), limit, ctx)
        if question is not None:
            return question
        created = await self.service.start(proposal)
        if as_task.get():
            return await self.shown(created.task, ctx, created.replayed)
        decided = "wait_seconds" in settings.model_fields_set
        seconds = wait_for(ctx, args.wait_seconds, settings.wait_seconds, decided=decided)
        task = await self._wait(created.task.id, seconds, ctx)
        offer = await offer_top_up(task, self.service.spec(task.provider), ctx)
        return offer or await self.shown(task, ctx, created.replayed)

    async def _wait(self, task_id: str, seconds: float, ctx: Ctx) -> Task:
        reporter = Reporter(ctx, lambda task: share_done(task, self.service.spec(task.provider), self.now()))
        task = await self.service.wait(task_id, seconds, reporter.report if wants_progress(ctx) else None)
        await reporter.last(task)
        return task

    async def shown(
        self, task: Task, ctx: AnyContext, replayed: Replayed = None, *, dry_run: bool = False
    ) -> CallToolResult:
        """A task as the result of a call. What did not work is an error, as long as it is the task that did not."""
        view = self.view(task, replayed, dry_run=dry_run)
        links = self._links(view, ctx)
        view = await within_reach(view, self.service, self.base_url)
        return result(task_text(view), view, links, is_error=view.status in FAILED)

    @property
    def base_url(self) -> str | None:
        """Where the caller reaches this server; None on a pipe."""
        return self.callers.base_url

    def shown_path(self, file: str) -> str | None:
        """A saved file's path, where it says something to the caller."""
        return self.service.shown_path(file, over_http=self.base_url is not None)

    def view(self, task: Task, replayed: Replayed = None, *, dry_run: bool = False) -> TaskView:
        return task_view(task, self.now(), self.service.spec(task.provider), replayed, dry_run=dry_run)

    def _links(self, view: TaskView, ctx: AnyContext) -> list[ResourceLink]:
        return audio_links(view) if reads_links(name_of(ctx.session), self.service.settings.result_links) else []


def _playable(view: TaskView, index: int, page: str | None, links: list[ResourceLink]) -> CallToolResult:
    """Where a clip can be heard; over http also the player's page."""
    if page is None:
        return result(clip_text(view, index), view, links)
    told = view.model_copy(update={"next": f"Open {page} in a browser to hear it. {view.next}"})
    return result(f"{clip_text(view, index)}\nPlayer: {page}", told, links)


def _filters(args: ListArgs) -> str:
    """What the list was narrowed to, in words; "" where it was not."""
    named = {"status": args.status, "provider": args.provider, "cursor": args.cursor}
    return " and ".join(f"{name} {value}" for name, value in named.items() if value is not None)


def _starts() -> ToolAnnotations:
    return ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True)


def _reads(open_world: Literal[True, False] = False) -> ToolAnnotations:
    return ToolAnnotations(read_only_hint=True, open_world_hint=open_world)


def make_tools(box: Toolbox, *, over_http: bool = False) -> list[Tool]:
    """Every tool, ready to be listed and called. The first 150 characters are all that some hosts show.

    Args:
        over_http: Callers may be on other machines, whose files have to come here first.
    """
    return [*_tools(box), *([_upload_tool(box)] if over_http else [])]


def _upload_tool(box: Toolbox) -> Tool:
    return make_tool(
        box.upload_track, UploadArgs, UploadView, "Bring a file",
        "Get a put_url; PUT the file there, then pass source upl_...",
        ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False),
    )  # fmt: skip


def _composers() -> str:
    return ", ".join(name for name in BUILT_IN if name != "local")


def _tools(box: Toolbox) -> list[Tool]:
    return [
        make_tool(
            box.extend_track, ExtendRequest, TaskView, "Make a track longer",
            "Make a song, beat or sound longer, once: continue a Suno song or a file, fade out, seamless loop, longer "
            "intro, repeat a passage. Saves a new file. local: free, offline, seconds, re-arranges the track's own "
            f"material. {_composers()}: compose new music, mostly for money, in minutes, often two takes. "
            "If a running task comes back, follow it with get_task: calling again returns the same task and never pays "
            "twice. For a given total length use chain_extend.",
            _starts(), SEARCH,
        ),
        make_tool(
            box.chain_extend, ChainRequest, TaskView, "Extend to a target length",
            "Make music an exact length: 3 minutes for a video, twice as long, hours of rain. Extends (local: also "
            "shortens) to target_seconds; one joined file. Each paid step costs (see dry_run); local needs one, free.",
            _starts(), SEARCH,
        ),
        make_tool(
            box.get_task, GetTaskArgs, TaskView, "Follow a task",
            "State, progress and result of a task, also after a restart. Free. Use it to wait for running tasks.",
            _reads(),
        ),
        make_tool(
            box.get_credits, CreditsArgs, CreditsView, "Credits left",
            "Balance and price per extension of every provider, and what was spent. Free.",
            _reads(open_world=True),
        ),
        make_tool(
            box.list_tasks, ListArgs, TaskList, "Task history",
            "Earlier and running extensions, newest first.",
            _reads(),
        ),
        make_tool(
            box.cancel_task, CancelArgs, TaskView, "Cancel tasks",
            "Stop tasks and their later steps; tells what may still be charged.",
            ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True),
        ),
        make_tool(
            box.resolve_task, ResolveArgs, TaskView, "Resolve an unknown outcome",
            "Only for tasks with status unknown (the answer to a paid request was lost). Ask the person first.",
            ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True),
        ),
        make_tool(
            box.play_track, PlayArgs, TaskView, "Play a result",
            "Hear one clip of a task: a player where the host has one, else its file, link and facts.",
            _reads(),
            OPENS_PLAYER,
        ),
    ]  # fmt: skip
