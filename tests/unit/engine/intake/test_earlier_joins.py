"""Not this join: seconds of a result are looked up where they were made, and what was asked for is asked again."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from support.audio_signals import form, save
from support.engines import House, text_of

pytestmark = pytest.mark.anyio
NEAR = 1.0  # seconds from an unwanted join within which another is the same


@pytest.fixture
def song(house: House) -> str:
    """Twelve seconds in which much sounds alike."""
    return str(save(house.folder / "song.wav", form("ABACAB", 2.0)))


async def _made(client: Client, tool: str = "extend_track", **arguments: Any) -> dict[str, Any]:
    done = await client.call_tool(tool, {"provider": "local", "wait_seconds": 60, **arguments})
    assert not done.is_error, text_of(done)
    assert done.structured_content is not None
    assert done.structured_content["status"] == "succeeded"
    return done.structured_content


def _joins(task: dict[str, Any]) -> list[tuple[float, float]]:
    return [(seam["from"], seam["to"]) for seam in task["clips"][0]["seams"]]


def _without(task: dict[str, Any], unwanted: tuple[float, float]) -> bool:
    return all(abs(one - unwanted[0]) > NEAR or abs(other - unwanted[1]) > NEAR for one, other in _joins(task))


@pytest.mark.parametrize("said_of", ["source", "result", "clip"])
async def test_another_way_without_that_join(house: House, song: str, said_of: str) -> None:
    async with house.server() as client:
        first = await _made(client, source=song, add_seconds=20, options={"ending": "fade"})
        at = first["clips"][0]["seams"][0]["at"]
        again: dict[str, Any]
        if said_of == "source":
            again = {"source": song, "add_seconds": 20, "options": {"ending": "fade", "avoid": [at + 0.3]}}
        else:
            source = first["task_id"] + ("/0" if said_of == "clip" else "")
            again = {"source": source, "options": {"avoid": [at + 0.3]}}
        second = await _made(client, **again)
    assert second["task_id"] != first["task_id"]
    assert second["audio"]["duration_seconds"] == first["audio"]["duration_seconds"]
    assert second["source"] == first["source"]
    assert "ending fade" in second["honesty"]
    assert _without(second, _joins(first)[0])


async def test_what_was_not_wanted_before_is_still_not_wanted(house: House, song: str) -> None:
    async with house.server() as client:
        made = await _made(client, source=song, add_seconds=20)
        unwanted: list[tuple[float, float]] = []
        for _ in range(2):
            unwanted.append(_joins(made)[0])
            made = await _made(client, source=made["task_id"], options={"avoid": [made["clips"][0]["seams"][0]["at"]]})
            assert all(_without(made, one) for one in unwanted)


async def test_a_length_that_was_aimed_at_is_aimed_at_again(house: House, song: str) -> None:
    async with house.server() as client:
        first = await _made(client, "chain_extend", source=song, target_seconds=25)
        second = await _made(client, source=first["task_id"], options={"avoid": [first["clips"][0]["seams"][0]["at"]]})
    assert second["kind"] == "chain"
    assert second["audio"]["duration_seconds"] == 25
    assert any("again, without that join" in said for said in second["warnings"])


async def test_where_there_is_no_join_those_there_are_are_named(house: House, song: str) -> None:
    async with house.server() as client:
        asked = {"provider": "local", "source": song, "options": {"avoid": [0.1]}}
        before = await client.call_tool("extend_track", asked)
        assert before.is_error
        assert "make it once without options.avoid" in text_of(before)
        made = await _made(client, source=song, add_seconds=20)
        after = await client.call_tool("extend_track", asked)
    assert after.is_error
    assert text_of(after).startswith("invalid_request: options.avoid: no earlier result")
    assert all(f"{seam['at']:.2f}" in text_of(after) for seam in made["clips"][0]["seams"])


async def test_other_providers_get_their_own_options_as_they_are(house: House, song: str) -> None:
    async with house.server() as client:
        asked = {"provider": "sunoapi", "source": song, "options": {"avoid": ["drums"]}, "dry_run": True}
        refused = await client.call_tool("extend_track", asked)
    assert "no earlier result" not in text_of(refused)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"repeat": "0:01-0:03", "times": 3}, "repeat 0:01-0:03, times 3"),
        ({"fade_seconds": "0:02"}, "fade_seconds 0:02"),
        ({"ending": "intro_loop"}, "ending intro_loop"),
    ],
)
async def test_each_option_is_carried_out_and_said(house: House, song: str, options: dict[str, Any], told: str) -> None:
    async with house.server() as client:
        made = await _made(client, source=song, options=options)
    assert told in made["honesty"]


async def test_a_target_below_the_length_is_said_to_be_shorter(house: House, song: str) -> None:
    async with house.server() as client:
        made = await _made(client, "chain_extend", source=song, target_seconds=4)
    assert made["audio"]["duration_seconds"] == 4
    assert made["honesty"].startswith("Made shorter")
    assert " (shortened " in made["audio"]["file"]
