"""The methods of the tasks extension, and the calls that are answered with a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp.server.context import CallNext, HandlerResult
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp.types import CallToolRequestParams, CallToolResult, ElicitResult
from mcp_types.jsonrpc import HEADER_MISMATCH
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from fermata_mcp.surface.clients import is_modern
from fermata_mcp.surface.errors import protocol_errors
from fermata_mcp.surface.tools import as_task

from .wire import EXTENSION, Board, RequestContext, TaskIdParams, UpdateParams

MODERN = frozenset(MODERN_PROTOCOL_VERSIONS)
ACKNOWLEDGED = {"resultType": "complete"}


class TasksExtension(Extension):
    """Answers calls with tasks of `board`, for each request that declares to know them."""

    identifier = EXTENSION

    def __init__(self, board: Board) -> None:
        self._board = board

    def methods(self) -> Sequence[MethodBinding]:
        return (
            MethodBinding("tasks/get", TaskIdParams, self._get, MODERN),
            MethodBinding("tasks/update", UpdateParams, self._update, MODERN),
            MethodBinding("tasks/cancel", TaskIdParams, self._cancel, MODERN),
        )

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: RequestContext, call_next: CallNext
    ) -> HandlerResult:
        if not (self._board.starts(params.name) and _knows_tasks(ctx)):
            return await call_next(ctx)
        begun = as_task.set(True)
        try:
            result = await call_next(ctx)
        finally:
            as_task.reset(begun)
        task = await self._board.begun(result, ctx) if isinstance(result, CallToolResult) else None
        return result if task is None else task.created()

    async def _get(self, ctx: RequestContext, params: TaskIdParams) -> HandlerResult:
        _check(ctx, params)
        with protocol_errors():
            return (await self._board.get(params.task_id, ctx)).detailed()

    async def _update(self, ctx: RequestContext, params: UpdateParams) -> HandlerResult:
        _check(ctx, params)
        with protocol_errors():
            await self._board.answer(params.task_id, _answers(params))
        return ACKNOWLEDGED

    async def _cancel(self, ctx: RequestContext, params: TaskIdParams) -> HandlerResult:
        _check(ctx, params)
        with protocol_errors():
            await self._board.cancel(params.task_id)
        return ACKNOWLEDGED


def _knows_tasks(ctx: RequestContext) -> bool:
    capabilities = ctx.session.client_capabilities
    declared = capabilities.extensions if capabilities else None
    return is_modern(ctx) and bool(declared) and EXTENSION in (declared or ())


def _check(ctx: RequestContext, params: TaskIdParams) -> None:
    """What the SDK checks for its own methods: the capability, and that the routing header names this task."""
    require_client_extension(ctx, EXTENSION)
    headers: Any = getattr(ctx.request, "headers", None)
    if headers is not None and decode_header_value(headers.get(MCP_NAME_HEADER)) != params.task_id:
        raise MCPError(code=HEADER_MISMATCH, message=f"the header {MCP_NAME_HEADER} does not name this task")


def _answers(params: UpdateParams) -> dict[str, ElicitResult]:
    """The answers that have the form of one; what else is sent under other names answers nothing."""
    found: dict[str, ElicitResult] = {}
    for name, given in params.input_responses.items():
        try:
            found[name] = ElicitResult.model_validate(given)
        except ValidationError:
            continue
    return found
