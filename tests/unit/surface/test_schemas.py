"""What every client pays for in every conversation: the list of tools, held as a snapshot.

`FERMATA_UPDATE_SNAPSHOTS=1` rewrites it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from support.engines import House
from support.places import TESTS

pytestmark = pytest.mark.anyio
SNAPSHOT = TESTS / "snapshots" / "tools_list.json"
UPDATE = "FERMATA_UPDATE_SNAPSHOTS" in os.environ
MOST_BYTES = 13_000
EXTEND_FIELDS = [
    "source", "provider", "continue_at", "add_seconds", "prompt", "lyrics", "style", "exclude_style", "title", "model",
    "instrumental", "vocal_gender", "style_weight", "weirdness", "audio_weight", "persona_id", "options", "max_credits",
    "max_usd", "idempotency_key", "take", "stitch", "dry_run", "wait_seconds", "save_as",
]  # fmt: skip
PARAMETERS = {
    "extend_track": EXTEND_FIELDS,
    "chain_extend": [
        *(name for name in EXTEND_FIELDS if name != "add_seconds"),
        "target_seconds", "max_steps", "prompts", "variation",
    ],
    "get_task": ["task_id", "wait_seconds"],
    "get_credits": ["provider"],
    "list_tasks": ["status", "provider", "limit", "cursor"],
    "cancel_task": ["task_id"],
    "resolve_task": ["task_id", "action"],
    "play_track": ["task_id", "index", "play"],
}  # fmt: skip
READ_ONLY = {"get_task", "get_credits", "list_tasks", "play_track"}
Tools = list[dict[str, Any]]


async def listed(house: House, mode: str) -> dict[str, Any]:
    async with house.server(mode) as client:
        answer = await client.list_tools()
    return answer.model_dump(mode="json", by_alias=True, exclude_none=True)


async def tools(house: House) -> Tools:
    return (await listed(house, "auto"))["tools"]


def compact(answer: Any) -> bytes:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_whole_list_is_small_in_both_eras(house: House, mode: str) -> None:
    assert len(compact(await listed(house, mode))) <= MOST_BYTES


async def test_both_eras_see_the_same_tools(house: House) -> None:
    assert (await listed(house, "auto"))["tools"] == (await listed(house, "legacy"))["tools"]


async def test_the_list_is_the_one_that_was_agreed(house: House) -> None:
    now = json.dumps(await tools(house), indent=1, ensure_ascii=False) + "\n"
    if UPDATE:
        SNAPSHOT.write_text(now, encoding="utf-8")
    assert now == SNAPSHOT.read_text(encoding="utf-8"), "if this is meant, run with FERMATA_UPDATE_SNAPSHOTS=1"


async def test_names_and_parameters_are_those_of_the_contract(house: House) -> None:
    found = {tool["name"]: set(tool["inputSchema"]["properties"]) for tool in await tools(house)}
    assert list(found) == list(PARAMETERS)
    assert found == {name: set(names) for name, names in PARAMETERS.items()}


async def test_only_what_must_be_given_is_required(house: House) -> None:
    found = {tool["name"]: set(tool["inputSchema"].get("required", [])) for tool in await tools(house)}
    task = {"task_id"}
    assert found == {
        "extend_track": {"source"}, "chain_extend": {"source", "target_seconds"}, "get_task": task,
        "get_credits": set(), "list_tasks": set(), "cancel_task": task, "resolve_task": {"task_id", "action"},
        "play_track": task,
    }  # fmt: skip


async def test_every_tool_is_titled_described_annotated_and_typed(house: House) -> None:
    for tool in await tools(house):
        assert tool["title"]
        assert len(tool["description"]) > 20
        assert tool["outputSchema"]["properties"]
        hints = tool["annotations"]
        assert hints["readOnlyHint"] == (tool["name"] in READ_ONLY)
        assert tool["name"] in READ_ONLY or "destructiveHint" in hints


def parameters(found: Tools) -> Iterator[tuple[str, dict[str, Any]]]:
    for tool in found:
        for name, schema in tool["inputSchema"]["properties"].items():
            yield f"{tool['name']}.{name}", schema


async def test_every_parameter_is_described_and_typed(house: House) -> None:
    for name, schema in parameters(await tools(house)):
        assert schema.get("type"), name
        assert schema.get("description"), name
        assert not set(schema) & {"$ref", "anyOf", "allOf", "oneOf", "title"}, name


async def test_no_parameter_asks_for_a_key(house: House) -> None:
    for name, _ in parameters(await tools(house)):
        assert not any(word in name.rpartition(".")[2] for word in ("api_key", "token", "secret", "password"))
