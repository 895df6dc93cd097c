"""Our durable tasks as tasks of the protocol: the same ids, and nothing kept beside the rows."""

from __future__ import annotations

from typing import Any, cast

from mcp.types import CallToolResult, ElicitRequest, ElicitRequestFormParams, ElicitResult

from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from fermata_mcp.surface.clients import can_be_asked
from fermata_mcp.surface.results.task_view import TaskView
from fermata_mcp.surface.results.view import iso
from fermata_mcp.surface.tools import Toolbox

from .wire import RequestContext, WireStatus, WireTask

STARTING = frozenset({"extend_track", "chain_extend"})
# How soon there may be news: work of this machine takes seconds, a provider's minutes.
POLL_HERE_MS, POLL_THERE_MS = 1000, 5000
QUESTION = "resolve"
CHOICES = {
    "check": "Look for evidence again",
    "resubmit": "Send it again; it may cost twice",
    "give_up": "Give it up; it may have been charged",
}
FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "action": {
            "type": "string",
            "title": "What now?",
            "oneOf": [{"const": action, "title": words} for action, words in CHOICES.items()],
            "default": "check",
        }
    },
    "required": ["action"],
}


class Rows:
    """See `Board`."""

    def __init__(self, box: Toolbox) -> None:
        self._box = box

    @property
    def _service(self) -> Service:
        return self._box.service

    def starts(self, tool: str) -> bool:
        return tool in STARTING

    async def begun(self, result: CallToolResult, ctx: RequestContext) -> WireTask | None:
        told = cast("dict[str, Any]", result.structured_content or {})
        if result.is_error or told.get("task_id") is None or told.get("status") not in ("queued", "running"):
            return None
        return await self._wire(await self._service.get(told["task_id"]), ctx)

    async def get(self, task_id: str, ctx: RequestContext) -> WireTask:
        task = await self._service.wait(task_id, 0.0)
        return await self._wire(await self._service.with_missing_audio(task), ctx)

    async def answer(self, task_id: str, answers: dict[str, ElicitResult]) -> None:
        task = await self._service.get(task_id)
        answer = answers.get(QUESTION)
        if answer is None or not task.needs_person:
            return
        action = (answer.content or {}).get("action") if answer.action == "accept" else None
        match action:
            case "check" | "resubmit" | "give_up":
                await self._service.resolve(task_id, action)
            case _:  # a person who says nothing has decided nothing
                return

    async def cancel(self, task_id: str) -> None:
        await self._service.cancel(task_id)

    async def _wire(self, task: Task, ctx: RequestContext) -> WireTask:
        view = self._box.view(task)
        status = _status(task, askable=can_be_asked(ctx.session.client_capabilities))
        repeatable = self._service.spec(task.provider).submit == "repeatable"
        return WireTask(
            task_id=task.id,
            status=status,
            created_at=iso(task.created_at),
            last_updated_at=iso(task.updated_at),
            poll_interval_ms=POLL_HERE_MS if repeatable else POLL_THERE_MS,
            status_message=_words(view),
            result=await self._box.shown(task, ctx) if status == "completed" else None,
            input_requests=_question(view) if status == "input_required" else None,
        )


def _status(task: Task, *, askable: bool) -> WireStatus:
    match task.status:
        case "queued" | "running":
            return "working"
        case "cancelled":
            return "cancelled"
        case "unknown" if not task.needs_person:
            return "working"
        case "unknown" if askable:
            return "input_required"
        case _:
            return "completed"


def _words(view: TaskView) -> str:
    """What a person reads while it works, and why it ended as it did."""
    progress = view.progress
    match view.status:
        case "running":
            usual = "" if progress.expected_seconds is None else f" of about {progress.expected_seconds:.0f}"
            return f"{view.provider}: {progress.message}, {progress.elapsed_seconds:.0f} s{usual}"
        case "cancelled":
            return " ".join(["Cancelled.", *view.warnings])
        case _:
            return view.summary


def _question(view: TaskView) -> dict[str, Any]:
    message = " ".join([view.summary, *view.warnings])
    asked = ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=FORM))
    return {QUESTION: asked.model_dump(mode="json", by_alias=True, exclude_none=True)}
