"""The eight tools."""

from __future__ import annotations

import json
import logging
import mimetypes
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.types import CallToolResult, ContentBlock, InputRequiredResult, ResourceLink, TextContent, ToolAnnotations
from pydantic import BaseModel, Field, FiniteFloat, ValidationError
from pydantic_core import from_json

from fermata_mcp.domain.errors import FermataError, TooLarge
from fermata_mcp.domain.requests.request import Arguments, ChainRequest, ExtendRequest, Request
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Resolution, Service, parse_status
from fermata_mcp.store.base import Replayed

from .confirm import confirm
from .errors import MAX_ARGUMENT_BYTES, error_result, our_bug, wrong_arguments
from .schemas import input_schema, output_schema
from .text import clip_text, credits_text, list_text, task_text
from .views import CreditsView, TaskList, TaskView, clip_view, credits_view, share_done, task_list, task_view

logger = logging.getLogger(__name__)
Ctx = Context[Any, Any]
ToolResult = CallToolResult | InputRequiredResult
Wait = Annotated[FiniteFloat, Field(ge=0, le=3600)]
FAILED = ("failed", "unknown")


class TaskArgs(Arguments):
    task_id: str = Field(description="tsk_...")


class GetTaskArgs(TaskArgs):
    wait_seconds: Wait = Field(0, description="Wait up to this long for it to finish, with progress")


class CreditsArgs(Arguments):
    provider: str | None = Field(None, description="Only this one. Default: all that are configured")


class ListArgs(Arguments):
    status: str | None = Field(None, description="queued, running, succeeded, partial, failed, cancelled or unknown")
    provider: str | None = Field(None, description="Only this provider's")
    limit: Annotated[int, Field(ge=1, le=100)] = Field(20, description="Most tasks to return")
    cursor: str | None = Field(None, description="next_cursor of the page before")


class ResolveArgs(TaskArgs):
    action: Resolution = Field(
        description="check: look for evidence again; resubmit: send again, may cost twice; give_up: end it"
    )


class PlayArgs(TaskArgs):
    index: Annotated[int, Field(ge=0, le=99)] = Field(0, description="Which clip")


@dataclass(frozen=True)
class Toolbox:
    """What the tools work with."""

    service: Service
    now: Callable[[], int]

    async def extend_track(self, args: ExtendRequest, ctx: Ctx) -> ToolResult:
        return await self._start(args, ctx)

    async def chain_extend(self, args: ChainRequest, ctx: Ctx) -> ToolResult:
        return await self._start(args, ctx)

    async def get_task(self, args: GetTaskArgs, ctx: Ctx) -> CallToolResult:
        await self.service.fetch_missing(args.task_id)
        return self._shown(await self._wait(args.task_id, args.wait_seconds, ctx))

    async def get_credits(self, args: CreditsArgs, ctx: Ctx) -> CallToolResult:
        view = credits_view(await self.service.credits(args.provider))
        return _result(credits_text(view), view)

    async def list_tasks(self, args: ListArgs, ctx: Ctx) -> CallToolResult:
        page = await self.service.tasks(parse_status(args.status), args.provider, args.limit, args.cursor)
        view = task_list(page)
        return _result(list_text(view, filters=_filters(args)), view)

    async def cancel_task(self, args: TaskArgs, ctx: Ctx) -> CallToolResult:
        return self._shown(await self.service.cancel(args.task_id))

    async def resolve_task(self, args: ResolveArgs, ctx: Ctx) -> CallToolResult:
        return self._shown(await self.service.resolve(args.task_id, args.action))

    async def play_track(self, args: PlayArgs, ctx: Ctx) -> CallToolResult:
        task = await self.service.clip_of(args.task_id, args.index)
        view = clip_view(task, args.index, self.now(), self.service.spec(task.provider))
        return _result(clip_text(view, args.index), view, links=_links(view)[args.index : args.index + 1])

    async def _start(self, args: Request, ctx: Ctx) -> ToolResult:
        proposal, settings = await self.service.prepare(args), self.service.settings
        if args.dry_run:
            return self._shown(proposal.task, dry_run=True)
        quoted = proposal.task.quote.credits
        question = await confirm(quoted, args.max_credits, settings.confirm_above_credits, ctx)
        if question is not None:
            return question
        created = await self.service.start(proposal)
        seconds = settings.wait_seconds if args.wait_seconds is None else args.wait_seconds
        task = await self._wait(created.task.id, seconds, ctx)
        return self._shown(task, created.replayed)

    async def _wait(self, task_id: str, seconds: float, ctx: Ctx) -> Task:
        reporter = _Reporter(ctx, lambda task: share_done(task, self.service.spec(task.provider), self.now()))
        task = await self.service.wait(task_id, seconds, reporter.report)
        await reporter.last(task)
        return task

    def _shown(self, task: Task, replayed: Replayed = None, *, dry_run: bool = False) -> CallToolResult:
        spec = self.service.spec(task.provider)
        view = task_view(task, self.now(), spec, replayed, dry_run=dry_run)
        text = task_text(view, spec)
        return _result(text, view, links=_links(view), is_error=view.status in FAILED)


def _filters(args: ListArgs) -> str:
    """What the list was narrowed to, in words; "" where it was not."""
    named = {"status": args.status, "provider": args.provider, "cursor": args.cursor}
    return " and ".join(f"{name} {value}" for name, value in named.items() if value is not None)


class _Reporter:
    """Progress notifications whose values only rise, as the protocol demands."""

    def __init__(self, ctx: Ctx, share: Callable[[Task], float | None]) -> None:
        self._ctx = ctx
        self._share = share
        self._value = -1.0

    async def report(self, task: Task) -> None:
        await self._send((self._share(task) or 0.0) * 100, f"{task.provider}: {task.message}")

    async def last(self, task: Task) -> None:
        """Close a wait that reported anything with where it ended."""
        if self._value >= 0:
            await self._send(100.0 if task.finished else self._value, f"{task.provider}: {task.message}")

    async def _send(self, value: float, message: str) -> None:
        self._value = value if value > self._value else self._value + 0.01
        await self._ctx.report_progress(self._value, max(100.0, self._value), message)


def _links(view: TaskView) -> list[ResourceLink]:
    links: list[ResourceLink] = []
    for index, clip in enumerate(view.clips):
        if clip.file is not None:
            path = Path(clip.file)
            kind = mimetypes.guess_type(path.name)[0]
            uri = f"fermata://tasks/{view.task_id}/audio/{index}"
            links.append(ResourceLink(type="resource_link", uri=uri, name=path.name, mime_type=kind))
    return links


def _result(
    text: str, view: BaseModel, links: list[ResourceLink] | None = None, is_error: bool = False
) -> CallToolResult:
    content: list[ContentBlock] = [TextContent(type="text", text=text), *(links or [])]
    return CallToolResult(content=content, structured_content=view.model_dump(mode="json"), is_error=is_error)


Handler = Callable[[Any, Ctx], Awaitable[ToolResult]]


class FermataTool(Tool):
    """A tool that answers every failure in words a caller can act on, and drops no argument silently."""

    args_model: type[BaseModel]

    async def run(self, arguments: dict[str, Any], context: Ctx, convert_result: bool = False) -> Any:
        try:
            return await cast(Handler, self.fn)(self._parse(arguments), context)
        except FermataError as error:
            return error_result(error)
        except Exception:  # the model needs an answer whatever happens; the log has the rest
            logger.exception("tool %s failed", self.name)
            return error_result(our_bug())

    def _parse(self, arguments: dict[str, Any]) -> BaseModel:
        size = len(json.dumps(arguments, ensure_ascii=False).encode(errors="replace"))
        if size > MAX_ARGUMENT_BYTES:
            raise TooLarge(f"the arguments are {size} bytes; the limit is {MAX_ARGUMENT_BYTES} bytes (256 KB).")
        try:
            return self.args_model.model_validate(_unpacked(arguments))
        except ValidationError as error:
            raise wrong_arguments(error, self.args_model.model_fields) from None


def _unpacked(arguments: dict[str, Any]) -> dict[str, Any]:
    """Some hosts send objects and lists as JSON text."""
    packed = {name: arguments[name] for name in ("options", "prompts") if isinstance(arguments.get(name), str)}
    for name, text in packed.items():
        try:
            packed[name] = from_json(text)
        except ValueError:
            packed[name] = text
    return arguments | packed


def _tool(
    handler: Handler,
    args: type[BaseModel],
    result: type[BaseModel],
    title: str,
    description: str,
    annotations: ToolAnnotations,
) -> FermataTool:
    return FermataTool(
        fn=handler,
        name=cast(Any, handler).__name__,
        title=title,
        description=description,
        parameters=input_schema(args),
        fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=output_schema(result)),
        is_async=True,
        context_kwarg=None,
        annotations=annotations,
        args_model=args,
    )


def _starts() -> ToolAnnotations:
    return ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True)


def _reads(open_world: Literal[True, False] = False) -> ToolAnnotations:
    return ToolAnnotations(read_only_hint=True, open_world_hint=open_world)


def make_tools(box: Toolbox) -> list[Tool]:
    """Every tool, ready to be listed and called."""
    return [
        _tool(
            box.extend_track, ExtendRequest, TaskView, "Make a track longer",
            "Lengthen one music track once and save the result as a file. Provider local is free, offline and takes "
            "seconds; others cost credits and take 1-3 minutes. Waits with progress; if it hands back a running task, "
            "follow it with get_task: calling again returns the same task and never pays twice. For a whole song use "
            "chain_extend.",
            _starts(),
        ),
        _tool(
            box.chain_extend, ChainRequest, TaskView, "Extend to a target length",
            "Lengthen a track again and again until the whole reaches target_seconds; one joined file. Each step may "
            "cost credits (see dry_run, max_credits). For a single extension use extend_track.",
            _starts(),
        ),
        _tool(
            box.get_task, GetTaskArgs, TaskView, "Follow a task",
            "State, progress and result of a task, also after a restart. Free. Use it to wait for running tasks.",
            _reads(),
        ),
        _tool(
            box.get_credits, CreditsArgs, CreditsView, "Credits left",
            "Balance, price per extension and what was spent today. Free.",
            _reads(open_world=True),
        ),
        _tool(
            box.list_tasks, ListArgs, TaskList, "Task history",
            "Earlier and running tasks, newest first.",
            _reads(),
        ),
        _tool(
            box.cancel_task, TaskArgs, TaskView, "Cancel a task",
            "Stop a task and its later steps; tells whether the running step may still be charged.",
            ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True),
        ),
        _tool(
            box.resolve_task, ResolveArgs, TaskView, "Resolve an unknown outcome",
            "Only for tasks with status unknown (the answer to a paid request was lost). Ask the person first.",
            ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True),
        ),
        _tool(
            box.play_track, PlayArgs, TaskView, "Play a result",
            "Where to hear a task's audio: its file, link and facts.",
            _reads(),
        ),
    ]  # fmt: skip
