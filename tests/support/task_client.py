"""A client that knows the tasks extension, and shows what came over the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import anyio
from mcp.client import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.types import CallToolResult, Request, RequestParams, Result
from pydantic import ConfigDict, TypeAdapter

from .engines import PATIENCE

EXTENSION = "io.modelcontextprotocol/tasks"
OVER = ("completed", "failed", "cancelled")
_ANYTHING: TypeAdapter[Any] = TypeAdapter(dict[str, Any])
Wire = dict[str, Any]


class _Created(Result):
    model_config = ConfigDict(extra="allow", populate_by_name=True)
    result_type: Literal["task"] = "task"


class KnowsTasks(ClientExtension):
    """Takes a task for an answer, and hands on what it said as the data of a result."""

    identifier = EXTENSION

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return (ResultClaim(result_type="task", model=_Created, resolve=_as_data),)


async def _as_data(created: _Created, ctx: ClaimContext) -> CallToolResult:
    return CallToolResult(content=[], structured_content={"task": created.model_dump(mode="json", by_alias=True)})


class _Params(RequestParams):
    model_config = ConfigDict(extra="allow")
    taskId: str


class _TaskRequest(Request[_Params, str]):
    name_param = "taskId"


async def created(client: Client, tool: str, arguments: dict[str, Any]) -> Wire:
    """What a call that begins a task answers."""
    result = await client.call_tool(tool, arguments)
    assert result.structured_content is not None
    assert set(result.structured_content) == {"task"}, result
    return result.structured_content["task"]


async def ask(client: Client, method: str, task_id: str, **params: Any) -> Wire:
    """One request of the extension."""
    request = _TaskRequest(method=method, params=_Params(taskId=task_id, **params))
    answer: Wire = await client.session.send_request(request, _ANYTHING)
    return {name: value for name, value in answer.items() if name != "_meta"}


async def until(client: Client, task_id: str, *statuses: str) -> Wire:
    """The task once it has one of these statuses."""
    with anyio.fail_after(PATIENCE):
        while (task := await ask(client, "tasks/get", task_id))["status"] not in statuses:  # noqa: ASYNC110
            await anyio.sleep(0.02)
    return task
