"""A task as people name it, by any beginning of its id that no other has; and with all that is known of it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any, cast

from mcp.client import Client

from fermata_mcp.domain.errors import InvalidRequest

WHOLE = 36  # characters of tsk_ and 128 bits
_A_PAGE = 100


async def whole_id(client: Client, beginning: str) -> str:
    """The one task id that begins so; `beginning` itself where none does, which the server then says.

    Raises:
        InvalidRequest: Several do.
    """
    if len(beginning) >= WHOLE:
        return beginning
    begins = beginning if beginning.startswith("tsk_") else f"tsk_{beginning}"
    found = [task_id async for task_id in _all_ids(client) if task_id.startswith(begins)]
    if len(found) > 1:
        raise InvalidRequest(f"{len(found)} tasks begin with {begins}.", f"give more of it: {', '.join(found[:5])}.")
    return found[0] if found else beginning


async def whole_view(client: Client, view: dict[str, Any]) -> dict[str, Any]:
    """A TaskView with every join, of which a tool's result names only the least sure."""
    contents: Any = (await client.read_resource(f"fermata://tasks/{view['task_id']}")).contents[0]
    return json.loads(contents.text)


async def _all_ids(client: Client) -> AsyncGenerator[str]:
    """Newest first."""
    asked: dict[str, Any] = {"limit": _A_PAGE}
    while True:
        view = cast(dict[str, Any], (await client.call_tool("list_tasks", asked)).structured_content or {})
        for task in view.get("tasks", ()):
            yield task["task_id"]
        if not view.get("next_cursor"):
            return
        asked["cursor"] = view["next_cursor"]
