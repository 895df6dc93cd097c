"""A task as people name it, by any beginning of its id that no other has; and with all that is known of it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from difflib import get_close_matches
from typing import Any, cast

from mcp.client import Client
from mcp.types import CallToolResult

from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.moments import counted

from .presenting.clock import ago
from .presenting.task_list import name_of

WHOLE = 36  # characters of tsk_ and 128 bits
_A_PAGE = 100
_MOST_NAMED = 10
View = dict[str, Any]


async def whole_id(client: Client, beginning: str) -> str:
    """The one task id that begins so; `beginning` itself where none does, which the server then says.

    Raises:
        InvalidRequest: Several do; each is named.
    """
    if len(beginning) >= WHOLE:
        return beginning
    begins = beginning if beginning.startswith("tsk_") else f"tsk_{beginning}"
    found = [
        task async for page in _pages(client, {}) for task in _tasks_of(page) if task["task_id"].startswith(begins)
    ]
    if len(found) > 1:
        more = f"\n  and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        named = "".join(f"\n  {_line(task)}" for task in found[:_MOST_NAMED])
        told = counted(len(found), "task")
        raise InvalidRequest(f"{told} begin with {begins}.", f"give more of the id:{named}{more}")
    return found[0]["task_id"] if found else beginning


def _line(task: View) -> str:
    return f"{task['task_id']}  {task['status']:<9}  {ago(task['created_at']):>10}  {name_of(task['source'])}"


async def all_tasks(
    client: Client, status: str | None, provider: str | None, wanted: Callable[[View], bool], most: int | None
) -> CallToolResult:
    """The history with what is `wanted` of it, newest first, as one answer of `list_tasks`; or its refusal.

    `next_cursor` then only tells that there are more than `most`.
    """
    asked = {name: value for name, value in (("status", status), ("provider", provider)) if value is not None}
    found: list[View] = []
    unreadable: list[str] = []
    async for page in _pages(client, asked):
        if page.is_error:
            return page
        found += [task for task in _tasks_of(page) if wanted(task)]
        unreadable += _view(page).get("unreadable", ())
        if most is not None and len(found) > most:
            break
    kept = found if most is None else found[:most]
    told = {"tasks": kept, "next_cursor": kept[-1]["task_id"] if len(kept) < len(found) else None}
    told |= {"unreadable": unreadable} if unreadable else {}
    return CallToolResult(content=[], structured_content=told)


async def whole_view(client: Client, view: View) -> View:
    """A TaskView with every join, of which a tool's result names only the least sure."""
    return await _read(client, f"fermata://tasks/{view['task_id']}")


async def provider_table(client: Client) -> View:
    """What each provider can do, needs and costs."""
    return await _read(client, "fermata://providers")


def provider_of(facts: View, name: str) -> View:
    """All about one provider. Raises InvalidRequest."""
    known = {one["name"]: one for one in facts["providers"]}
    if name in known:
        return known[name]
    close = get_close_matches(name, known, n=1)
    meant = f"did you mean {close[0]}?" if close else f"use one of: {', '.join(known)}."
    raise InvalidRequest(f"there is no provider {name!r:.40}.", meant)


async def _read(client: Client, address: str) -> View:
    contents: Any = (await client.read_resource(address)).contents[0]
    return json.loads(contents.text)


async def _pages(client: Client, asked: View) -> AsyncGenerator[CallToolResult]:
    """The history, newest first."""
    asked = asked | {"limit": _A_PAGE}
    while True:
        page = await client.call_tool("list_tasks", asked)
        yield page
        if not _view(page).get("next_cursor"):
            return
        asked["cursor"] = _view(page)["next_cursor"]


def _tasks_of(page: CallToolResult) -> list[View]:
    return _view(page).get("tasks", [])


def _view(page: CallToolResult) -> View:
    return cast(View, page.structured_content or {})
