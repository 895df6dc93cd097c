"""Tasks as the extension `io.modelcontextprotocol/tasks` writes them (SEP-2663)."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from mcp.server.context import ServerRequestContext
from mcp.types import CallToolResult, ElicitResult, RequestParams
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

EXTENSION = "io.modelcontextprotocol/tasks"
RequestContext = ServerRequestContext[Any, Any]
WireStatus = Literal["working", "input_required", "completed", "failed", "cancelled"]


class WireTask(BaseModel):
    """A task on the wire. Times are ISO 8601 in UTC; `ttl_ms` None is for ever.

    A tool that answers with an error is `completed`; `failed` is for errors of the protocol, which carry `error`.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, defer_build=True)

    task_id: str
    status: WireStatus
    created_at: str
    last_updated_at: str
    ttl_ms: int | None = None
    poll_interval_ms: int
    status_message: str | None = None
    result: CallToolResult | None = None
    error: dict[str, Any] | None = None
    input_requests: dict[str, Any] | None = None

    def created(self) -> dict[str, Any]:
        """As the answer to the call that began it."""
        return {"resultType": "task", **self._dumped({"result", "error", "input_requests"})}

    def detailed(self) -> dict[str, Any]:
        """As the answer to `tasks/get`."""
        return {"resultType": "complete", **self._dumped(set())}

    def _dumped(self, without: set[str]) -> dict[str, Any]:
        fields = self.model_dump(mode="json", by_alias=True, exclude=without, exclude_none=True)
        return fields | {"ttlMs": self.ttl_ms}


class TaskIdParams(RequestParams):
    task_id: str = Field(alias="taskId")


class UpdateParams(TaskIdParams):
    input_responses: dict[str, Any] = Field(alias="inputResponses")


class Board(Protocol):
    """Where tasks are kept. Every method raises NotFound for an id that it does not know."""

    def starts(self, tool: str) -> bool:
        """Whether calls of this tool may be answered with a task."""
        ...

    async def begun(self, result: CallToolResult, ctx: RequestContext) -> WireTask | None:
        """The task that a call has begun, or None where its result is all there is to say."""
        ...

    async def get(self, task_id: str, ctx: RequestContext) -> WireTask:
        """The task as it stands."""
        ...

    async def answer(self, task_id: str, answers: dict[str, ElicitResult]) -> None:
        """Take a person's answers; those that nobody asked for are left aside."""
        ...

    async def cancel(self, task_id: str) -> None:
        """Stop it, as far as it can be stopped; what is over stays as it is."""
        ...
