"""Skills that a model can read: listed, found by their address, and what is listed is what is read."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import Request, RequestParams
from pydantic import TypeAdapter

from fermata_mcp.surface.skills.extension import SkillsExtension, address, frontmatter, skills
from support.engines import House

pytestmark = pytest.mark.anyio
_ANYTHING: TypeAdapter[Any] = TypeAdapter(dict[str, Any])


class _Params(RequestParams):
    uri: str | None = None


async def ask(client: Client, method: str, uri: str | None = None) -> dict[str, Any]:
    request: Request[Any, Any] = Request(method=method, params=_Params(uri=uri))
    answer: Any = await client.session.send_request(request, _ANYTHING)
    return answer


@pytest.mark.parametrize("name", skills())
async def test_what_is_listed_is_what_is_read(house: House, name: str) -> None:
    async with house.server() as client:
        listed = (await ask(client, "skills/list"))["skills"]
        found = (await ask(client, "skills/get", address(name)))["skill"]
        content: Any = (await client.read_resource(address(name))).contents[0]
    assert found in listed
    assert found["frontmatter"] == frontmatter(content.text)
    assert found["frontmatter"]["name"] == name
    (file,) = found["resources"]
    data = content.text.encode()
    assert (file["digest"], file["size"]) == (f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))


async def test_an_address_that_nobody_knows(house: House) -> None:
    async with house.server() as client:
        with pytest.raises(MCPError, match="no skill") as refused:
            await ask(client, "skills/get", "skill://other/SKILL.md")
    assert refused.value.error.code == -32602


async def test_every_tool_and_option_that_a_skill_names_is_there(house: House) -> None:
    async with house.server() as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        content: Any = (await client.read_resource(address("lengthen-music"))).contents[0]
    named = {word.strip("`") for word in content.text.split() if word.strip("`.,;:") in tools}
    assert {"extend_track", "chain_extend", "get_task", "resolve_task"} <= {word.strip("`.,;:") for word in named}


async def test_lists_may_be_kept_and_none_is_announced(house: House) -> None:
    async with house.server() as client:
        told = client.server_capabilities
        listed = await client.list_tools()
    assert told.extensions is not None
    assert SkillsExtension.identifier in told.extensions
    assert [part.list_changed for part in (told.tools, told.prompts, told.resources) if part] == [False] * 3
    assert listed.ttl_ms == 3_600_000
