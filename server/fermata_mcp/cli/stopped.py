"""What becomes of a task whose command was stopped by Ctrl-C or killed."""

from __future__ import annotations

import time
from collections.abc import Collection

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.domain.task import Task
from fermata_mcp.store.opening import open_store

LEFT_LYING_MS = 2_000


async def how_it_stands(settings: Settings, about: Collection[str]) -> str:
    """Words about the tasks that a command was about, as they are recorded now that it has ended."""
    store = open_store(settings)
    try:
        found = [await store.get(task_id) for task_id in sorted(about)]
    except FermataError as error:
        return f"Stopped. {error}"
    finally:
        await store.close()
    lines = [_words(task) for task in found if task is not None]
    return "\n".join(lines) or "Stopped; nothing was begun."


async def stopped_among(settings: Settings, task_ids: Collection[str]) -> list[str]:
    """Those tasks whose work is done here and which no process carries out any more."""
    store = open_store(settings)
    try:
        found = [await store.get(task_id) for task_id in task_ids]
    except FermataError:
        return []
    finally:
        await store.close()
    now = time.time_ns() // 1_000_000
    return [task.id for task in found if task is not None and not _is_paid(task) and _nobody_works(task, now)]


def _nobody_works(task: Task, now: int) -> bool:
    """Whether it was handed over, or is due and left lying: who carries a step out takes it when it falls due."""
    step = task.steps[-1] if task.steps else None
    if task.finished or step is None or step.due_at is None:
        return False
    return step.home is None or step.due_at < now - LEFT_LYING_MS


def _words(task: Task) -> str:
    look = f"fermata-mcp task {task.id}"
    step = task.steps[-1] if task.steps else None
    if task.finished or step is None:
        return f"Stopped; the task is {task.status}. See: {look}"
    if step.home is not None:
        return f"Stopped waiting; another Fermata process goes on with the task. See: {look}"
    if not _is_paid(task):
        return f"Stopped; the task is kept. Go on with: {look}"
    if step.state in ("submitting", "unknown", "needs_user"):
        return (
            "Stopped while a paid request was under way: it may have been charged, and is not sent again by itself.\n"
            f"See how it stands: {look}"
        )
    if step.state == "queued":
        return (
            "Stopped before the paid request was sent; the task is kept.\n"
            f"Send it with: {look}, or drop it with: fermata-mcp cancel {task.id}"
        )
    return f"Stopped waiting; {task.provider} goes on with the paid work. Fetch it with: {look}"


def _is_paid(task: Task) -> bool:
    return bool(task.quote.high or task.held or task.charged)
