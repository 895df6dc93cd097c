"""What trace a task belongs to: kept with it, so that a step in another process joins the same one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from opentelemetry.context import Context

from fermata_mcp import spans
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.domain.task import Step, Task
from fermata_mcp.logs import about
from fermata_mcp.store.base import Store


async def keep_trace(task_id: str, store: Store) -> None:
    """Remember the open trace with a new task; what cannot be remembered is only not traced."""
    parent = spans.current_parent() if spans.are_recorded() else None
    if parent is not None:
        with suppress(FermataError):
            await store.keep_trace(task_id, parent)


@asynccontextmanager
async def carrying_out(step: Step, task: Task, store: Store) -> AsyncGenerator[None]:
    """What happens inside is a span of the task's trace, and lines of the log say whose it is."""
    told = {"fermata.task": task.id, "fermata.step": step.id, "fermata.provider": step.provider}
    context = await _trace_of(task.id, store)
    with about(task=task.id, principal=task.principal), spans.span(f"step {step.state}", told, context):
        yield


async def _trace_of(task_id: str, store: Store) -> Context | None:
    if not spans.are_recorded() or spans.is_open():
        return None
    with suppress(FermataError):
        parent = await store.trace_of(task_id)
        return spans.under(parent) if parent else None
    return None
