"""Links in results: a host that ends at one must never meet one, and the others find every file."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.types import CallToolResult, Implementation, ResourceLink

from fermata_mcp.app import running_app
from support.audio_signals import noise, save
from support.engines import House, settings_in
from support.remote import Remote

pytestmark = pytest.mark.anyio


async def extended(house: House, name: str, mode: str, **settings: Any) -> CallToolResult:
    info = Implementation(name=name, version="1")
    async with (
        running_app(settings_in(house.folder, **settings), callers_are_local=True) as app,
        Client(app.server, mode=mode, client_info=info) as client,
    ):
        return await client.call_tool(
            "extend_track", {"source": str(house.track), "provider": "paid", "wait_seconds": 60}
        )


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(
    ("name", "setting", "links"),
    [
        ("claude-code", None, 1), ("langchain", None, 0), ("mcp", None, 0),
        ("langchain", "always", 1), ("claude-code", "never", 0),
    ],
)  # fmt: skip
async def test_links(house: House, remote: Remote, name: str, setting: str | None, links: int, mode: str) -> None:
    settings = {} if setting is None else {"result_links": setting}
    result = await extended(house, name, mode, **settings)
    text = result.content[0]
    assert [block.type for block in result.content] == ["text", *["resource_link"] * links]
    assert text.type == "text"
    assert result.structured_content
    assert result.structured_content["audio"]["file"] in text.text


@pytest.mark.parametrize(
    ("ending", "kind"),
    [(".wav", "audio/wav"), (".flac", "audio/flac"), (".ogg", "audio/ogg"), (".mp3", "audio/mpeg")],
)
async def test_a_link_says_what_and_how_large_it_leads_to(house: House, ending: str, kind: str) -> None:
    song = save(house.folder / f"music{ending}", noise(1.0, 22_050) * 0.3, 22_050)
    async with house.server(result_links="always") as client:
        arguments = {"source": str(song), "add_seconds": 1, "wait_seconds": 60}
        result = await client.call_tool("extend_track", arguments)
    link = result.content[1]
    view: dict[str, Any] = result.structured_content or {}
    assert isinstance(link, ResourceLink)
    assert (link.uri, link.mime_type) == (f"fermata://tasks/{view['task_id']}/audio/0", kind)
    assert link.size == (await anyio.Path(view["audio"]["file"]).stat()).st_size
