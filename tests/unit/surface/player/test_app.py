"""`play_track` opens the player where a host shows apps, follows a running task, and says all in words elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.types import TextResourceContents

from fermata_mcp.surface.player.app import PLAYER
from fermata_mcp.surface.player.page import PLAYER_PAGE
from support.audio_signals import noise, save
from support.engines import House, text_of

pytestmark = pytest.mark.anyio


async def test_the_tool_names_the_view_and_the_view_can_be_read(house: House) -> None:
    async with house.server() as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        read = (await client.read_resource(PLAYER)).contents[0]
    assert {name for name, tool in tools.items() if tool.meta and "ui" in tool.meta} == {"play_track"}
    assert (tools["play_track"].meta or {})["ui"] == {"resourceUri": PLAYER}
    assert isinstance(read, TextResourceContents)
    assert (read.mime_type, read.text) == ("text/html;profile=mcp-app", PLAYER_PAGE.text)


async def test_a_task_that_is_not_finished_is_shown_as_it_stands(house: House) -> None:
    save(house.folder / "long.wav", noise(60.0, 22_050), 22_050)
    async with house.server() as client:
        arguments = {"source": str(house.folder / "long.wav"), "add_seconds": 30, "wait_seconds": 0}
        begun: dict[str, Any] = (await client.call_tool("extend_track", arguments)).structured_content or {}
        shown = await client.call_tool("play_track", {"task_id": begun["task_id"]})
        assert not shown.is_error
        assert (shown.structured_content or {})["task_id"] == begun["task_id"]
        assert begun["task_id"] in text_of(shown)
