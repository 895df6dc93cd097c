"""Tasks of the conformance suite on our extension: its tools, and a board that keeps them beside the product's.

The suite prescribes work (sleeping, failing, asking) that no music provider does, so it is kept in memory here;
methods, answers, errors and headers are the product's own.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import anyio
from anyio.abc import TaskGroup
from mcp.server import MCPServer
from mcp.server.mcpserver import Context, require_client_extension
from mcp.types import CallToolResult, ElicitResult, InputRequiredResult, TextContent

from e2e.conformance_questions import form, question
from fermata_mcp.domain.errors import NotFound
from fermata_mcp.surface.tasks.rows import Rows
from fermata_mcp.surface.tasks.wire import EXTENSION, RequestContext, WireStatus, WireTask
from fermata_mcp.surface.tools import Toolbox, as_task

YES = form(confirm={"type": "boolean"})
Work = Callable[["Job"], Awaitable[CallToolResult]]


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def said(words: str, *, is_error: bool = False) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=words)], is_error=is_error)


@dataclass
class Job:
    """One piece of work. `asking` are the questions that nobody has answered yet."""

    id: str = field(default_factory=lambda: f"tsk_{secrets.token_hex(16)}")
    created: str = field(default_factory=now)
    status: WireStatus = "working"
    result: CallToolResult | None = None
    error: dict[str, Any] | None = None
    asking: dict[str, Any] = field(default_factory=dict[str, Any])
    answered: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    async def ask(self, *names: str) -> None:
        self.asking = {name: question(f"About {name}?", name) for name in names}
        self.status = "input_required"
        await self.answered.wait()
        self.status = "working"

    async def carry_out(self, work: Work) -> None:
        with self.scope:
            try:
                self.result = await work(self)
                self.status = "completed"
            except ZeroDivisionError as error:
                self.error, self.status = {"code": -32603, "message": str(error)}, "failed"
        if self.scope.cancel_called:
            self.status = "cancelled"


class Jobs(Rows):
    """The product's board, and the suite's jobs beside it."""

    def __init__(self, box: Toolbox, spawn: TaskGroup) -> None:
        super().__init__(box)
        self._spawn = spawn
        self._jobs: dict[str, Job] = {}

    async def start(self, work: Work) -> CallToolResult:
        """A job as a task where the call wants one, else its result."""
        job = Job()
        if not as_task.get():
            await job.carry_out(work)
            assert job.result
            return job.result
        self._jobs[job.id] = job
        self._spawn.start_soon(job.carry_out, work)
        return CallToolResult(content=[], structured_content={"job": job.id})

    def starts(self, tool: str) -> bool:
        return True

    async def begun(self, result: CallToolResult, ctx: RequestContext) -> WireTask | None:
        told = cast("dict[str, Any]", result.structured_content or {})
        job = self._jobs.get(told.get("job", ""))
        return self._of(job) if job else await super().begun(result, ctx)

    async def get(self, task_id: str, ctx: RequestContext) -> WireTask:
        job = self._jobs.get(task_id)
        return self._of(job) if job else await super().get(task_id, ctx)

    async def answer(self, task_id: str, answers: dict[str, ElicitResult]) -> None:
        job = self._jobs.get(task_id)
        if job is None:
            raise NotFound(f"there is no task {task_id}.")
        job.asking = {name: asked for name, asked in job.asking.items() if name not in answers}
        if not job.asking:
            job.answered.set()

    async def cancel(self, task_id: str) -> None:
        job = self._jobs.get(task_id)
        if job is None:
            await super().cancel(task_id)
        elif job.status in ("working", "input_required"):
            job.scope.cancel()

    def _of(self, job: Job) -> WireTask:
        asking = {
            name: asked.model_dump(mode="json", by_alias=True, exclude_none=True) for name, asked in job.asking.items()
        }
        return WireTask(
            task_id=job.id, status=job.status, created_at=job.created, last_updated_at=now(), poll_interval_ms=100,
            result=job.result, error=job.error, input_requests=asking if job.status == "input_required" else None,
        )  # fmt: skip


def mount_tasks(server: MCPServer[Any], jobs: Jobs) -> None:
    """The tools that the suite's scenarios of tasks call."""

    @server.tool()
    def greet(name: str = "you") -> str:
        """Say hello."""
        return f"Hello, {name}!"

    @server.tool()
    async def slow_compute(seconds: float = 1, label: str = "") -> CallToolResult:
        """Sleep for some seconds."""

        async def sleep(_: Job) -> CallToolResult:
            await anyio.sleep(seconds)
            return said(f"slept {seconds} s {label}")

        return await jobs.start(sleep)

    @server.tool()
    async def failing_job(ctx: Context) -> CallToolResult:
        """Fail, as a task only."""
        require_client_extension(ctx.request_context, EXTENSION)
        return await jobs.start(_fail)

    @server.tool()
    async def protocol_error_job() -> CallToolResult:
        """Break the protocol."""
        return await jobs.start(_break)

    @server.tool()
    async def confirm_delete(filename: str) -> CallToolResult:
        """Ask once."""

        async def ask(job: Job) -> CallToolResult:
            await job.ask("confirm")
            return said(f"deleted {filename}")

        return await jobs.start(ask)

    @server.tool()
    async def multi_input() -> CallToolResult:
        """Ask twice at once."""
        return await jobs.start(_ask_twice)

    @server.tool()
    async def test_tool_with_task(ctx: Context) -> CallToolResult | InputRequiredResult:
        """Ask first, then work."""
        answer = (ctx.input_responses or {}).get("user_name")
        if not isinstance(answer, ElicitResult):
            return InputRequiredResult(input_requests={"user_name": question("Who are you?", "name")})
        name = (answer.content or {}).get("name")

        async def greeted(_: Job) -> CallToolResult:
            return said(f"Hello, {name}!")

        return await jobs.start(greeted)


async def _fail(_: Job) -> CallToolResult:
    await anyio.sleep(0.2)
    return said("it did not work", is_error=True)


async def _break(_: Job) -> CallToolResult:
    raise ZeroDivisionError("out of order")


async def _ask_twice(job: Job) -> CallToolResult:
    await job.ask("first", "second")
    return said("both are answered")
