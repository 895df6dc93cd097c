"""Cancelling many is one call: by their ids, or all that wait or run."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult

from fermata_mcp.surface.tools import MOST_CANCELLED
from support.engines import House, text_of

pytestmark = pytest.mark.anyio


def data(result: CallToolResult) -> dict[str, Any]:
    assert result.structured_content is not None
    return result.structured_content


async def begun(client: Client, house: House, count: int) -> list[str]:
    """Ids of tasks that wait for a render that nobody here makes."""
    asked = {"source": str(house.track), "provider": "local", "wait_seconds": 0}
    started = [await client.call_tool("extend_track", asked | {"add_seconds": 3 + number}) for number in range(count)]
    return [str(data(result)["task_id"]) for result in started]


async def statuses(client: Client) -> list[str]:
    listed = await client.call_tool("list_tasks", {"limit": 100})
    return [task["status"] for task in reversed(data(listed)["tasks"])]


@pytest.mark.parametrize("form", [", ".join, " ".join, list])
async def test_several_by_their_ids(house: House, form: Any) -> None:
    async with house.server(renders_at_once=0) as client:
        ids = await begun(client, house, 3)
        done = await client.call_tool("cancel_task", {"task_id": form([ids[0], ids[2], ids[0]])})
        assert not done.is_error
        assert await statuses(client) == ["cancelled", "queued", "cancelled"]
        assert data(done)["counts"] == {"cancelled": 2}
        assert "2 cancelled" in text_of(done)


@pytest.mark.parametrize(("group", "left"), [("all", []), ("queued", []), ("running", ["queued"] * 3)])
async def test_all_of_a_kind(house: House, group: str, left: list[str]) -> None:
    async with house.server(renders_at_once=0) as client:
        await begun(client, house, 3)
        await client.call_tool("cancel_task", {"task_id": group})
        assert [status for status in await statuses(client) if status != "cancelled"] == left
        again = await client.call_tool("cancel_task", {"task_id": "running"})
        assert not again.is_error
        assert "There is no task to cancel." in text_of(again)


async def test_one_that_is_not_there_holds_up_no_other(house: House) -> None:
    async with house.server(renders_at_once=0) as client:
        (task_id,) = await begun(client, house, 1)
        done = await client.call_tool("cancel_task", {"task_id": f"tsk_0,{task_id}"})
        assert await statuses(client) == ["cancelled"]
        assert "tsk_0: not_found" in text_of(done)
        nothing = await client.call_tool("cancel_task", {"task_id": "tsk_0 tsk_1"})
        assert nothing.is_error


@pytest.mark.parametrize("wrong", ["  ", ["tsk_1"] * (MOST_CANCELLED + 1), [{}]])
async def test_what_cannot_be_meant_is_refused_in_words(house: House, wrong: Any) -> None:
    async with house.server(renders_at_once=0) as client:
        refused = await client.call_tool("cancel_task", {"task_id": wrong})
        assert refused.is_error
        assert text_of(refused).startswith("invalid_request: ")
        assert len(text_of(refused)) < 1000
