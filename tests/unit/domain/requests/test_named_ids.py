"""Ids of clips and works, as somebody may write them into options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.requests.named_ids import MOST, named_ids

OF_AUDIO = (
    "clip_id", "continue_clip_id", "taskId", "task_id", "audioId", "audio_ids", "origin_task_id", "workId", "songID",
    "parent-track-id", "source_uuid", "clipUuid",
)  # fmt: skip
SHAPES: list[Callable[[str], Any]] = [lambda x: x, lambda x: [x], lambda x: {"a": [{"b": x}]}]
OF_ELSE = ("persona_id", "personaId", "voice_id", "audio_weight", "audio_width", "track_grid", "user_id", "prompt")


def of(options: dict[str, Any]) -> dict[str, bool]:
    return {one.value: one.certain for one in named_ids(options)}


@pytest.mark.parametrize("name", OF_AUDIO)
@pytest.mark.parametrize("shape", SHAPES)
def test_where_an_id_belongs_it_is_one(name: str, shape: Any) -> None:
    assert of({name: shape("x7")})["x7"]
    assert of({"input": {"deep": [{name: shape("x7")}]}})["x7"]


@pytest.mark.parametrize("name", OF_ELSE)
def test_elsewhere_it_may_be_one(name: str) -> None:
    assert of({name: "x7"})["x7"] is False


def test_an_id_may_stand_in_more_and_be_a_number_or_a_name() -> None:
    whole = "https://cdn.example/0a1b2c3d-0000-4000-8000-000000000001.mp3"
    [name, link] = named_ids({"u": whole})
    assert name.value == "u"
    assert {whole, "0a1b2c3d-0000-4000-8000-000000000001"} <= link.ids
    assert "gen12345" in named_ids({"x": "gen12345/1"})[1].ids
    assert of({"task_id": 778, "on": True, "weight": 0.5, "none": None})["778"] is True


def test_there_is_an_end_to_looking() -> None:
    with pytest.raises(InvalidRequest, match="more than can be looked through"):
        named_ids({"x": [f"id-{number}-abcdefgh" for number in range(MOST + 1)]})
