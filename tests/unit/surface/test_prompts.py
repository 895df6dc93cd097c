"""Prompts: filled in, completed, and refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import PromptReference

from support.engines import House
from support.remote import Remote

pytestmark = pytest.mark.anyio
NAMES = ("make_longer", "full_song")


def words_of(result: Any) -> str:
    return result.messages[0].content.text


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_given_is_in_the_request(house: House, name: str) -> None:
    given = {"source": "/a b.wav", "provider": "kie", "ending": "loop"}
    async with house.server() as client:
        words = words_of(await client.get_prompt(name, given))
        bare = words_of(await client.get_prompt(name, {"source": "/a b.wav"}))
    assert all(
        part in words for part in ("/a b.wav", "provider kie", 'options {"ending": "loop"}', "dry_run", "get_task")
    )
    assert "provider" not in bare
    assert "options" not in bare


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("make_shorter", {}, "there is no prompt"),
        ("make_longer", {}, "missing: source"),
        ("make_longer", {"source": "a", "colour": "red"}, "unknown: colour"),
        ("full_song", {"colour": "red"}, "missing: source; unknown: colour"),
    ],
)
async def test_a_wrong_one_is_refused_in_words(
    house: House, name: str, arguments: dict[str, str], said: str, mode: str
) -> None:
    async with house.server(mode) as client:
        with pytest.raises(MCPError, match=said) as refused:
            await client.get_prompt(name, arguments)
    assert refused.value.error.code == -32602


@pytest.mark.parametrize("name", NAMES)
async def test_arguments_are_completed(house: House, remote: Remote, name: str) -> None:
    reference = PromptReference(type="ref/prompt", name=name)
    async with house.server() as client:
        made = await client.call_tool(
            "extend_track", {"source": str(house.track), "provider": "paid", "wait_seconds": 60}
        )
        assert made.structured_content
        task_id = made.structured_content["task_id"]

        async def completed(argument: str, value: str) -> list[str]:
            answer = await client.complete(reference, {"name": argument, "value": value})
            return answer.completion.values

        assert await completed("source", "") == [task_id]
        assert await completed("source", task_id[:10]) == [task_id]
        assert await completed("source", "SONG") == [task_id]
        assert await completed("source", "other") == []
        assert await completed("provider", "lo") == ["local"]
        assert await completed("ending", "") == ["keep", "fade", "loop"]
