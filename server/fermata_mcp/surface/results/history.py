"""The history of tasks: one short row each, whole as data and as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from urllib.parse import unquote, urlsplit

from pydantic import Field

from fermata_mcp.domain.foreign.text import visible
from fermata_mcp.domain.moments import clock
from fermata_mcp.domain.task import Task
from fermata_mcp.media.places.naming import as_text
from fermata_mcp.store.base import Page

from .view import Rounded, View, iso_minutes

LONGEST_NAME = 40


class ShortTask(View):
    task_id: str
    kind: str
    provider: str
    status: str
    source: str
    title: str | None = Field(default=None, exclude_if=lambda title: title is None)
    duration_seconds: Rounded | None
    file: str | None
    created_at: str


Shown = Callable[[str], str | None]


class TaskList(View):
    tasks: list[ShortTask]
    next_cursor: str | None
    unreadable: list[str] = Field(default=[], exclude_if=lambda ids: not ids)


def short(task: Task, shown: Shown = str) -> ShortTask:
    return ShortTask(
        task_id=task.id,
        kind=task.kind,
        provider=task.provider,
        status=task.status,
        source=task.source.called,
        title=_title(task),
        duration_seconds=task.audio.duration_seconds if task.audio else None,
        file=shown(task.audio.file) if task.audio and task.audio.file else None,
        created_at=iso_minutes(task.created_at),
    )


def _title(task: Task) -> str | None:
    """What its source is not called anyhow: every word is paid for in each row."""
    title = task.request.get("title") or task.source.title
    return None if title == as_text(PurePath(short_name(task.source.called)).stem) else title


def task_list(page: Page, shown: Shown = str) -> TaskList:
    """Some tasks in short. `shown` gives of a file's path what says something to the caller."""
    return TaskList(
        tasks=[short(task, shown) for task in page.tasks],
        next_cursor=page.next_cursor,
        unreadable=list(page.unreadable),
    )


def list_text(page: TaskList, filters: str = "") -> str:
    """A line for each task, newest first.

    Args:
        filters: What the list was narrowed to, in words.
    """
    if not page.tasks and not page.unreadable:
        return f"No tasks with {filters}.\nNext: leave the filter out." if filters else _NO_TASKS
    lines = [*map(_row, page.tasks), _unreadable(page.unreadable), _next(page)]
    return "\n".join(line for line in lines if line)


_NO_TASKS = "No tasks yet.\nNext: call extend_track with a source."


def _row(task: ShortTask) -> str:
    made = "" if task.duration_seconds is None else f" {clock(task.duration_seconds)}"
    source = visible(short_name(task.source), LONGEST_NAME)
    return f"{task.task_id} {task.created_at[5:16]} {task.status}{made} {task.provider} {source}"


def short_name(source: str) -> str:
    """What a person calls a source: the name of its file, without folders."""
    if "://" in source:
        parts = urlsplit(source)
        return unquote(PurePath(parts.path).name) or parts.netloc
    return source if source.startswith(("tsk_", "clip:")) else PurePath(source).name or source


def _unreadable(ids: list[str]) -> str:
    if not ids:
        return ""
    named = ", ".join(ids[:3]) + (", ..." if len(ids) > 3 else "")
    return f"{len(ids)} cannot be read and are not shown: {named}"


def _next(page: TaskList) -> str:
    if page.next_cursor:
        return f'Next: get_task with a task_id, or list_tasks with cursor "{page.next_cursor}" for older ones.'
    return "Next: get_task with a task_id."
