"""What `options` ask for, in our words."""

from __future__ import annotations

from typing import Any

import pytest

from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.providers.http.wire import with_options
from fermata_mcp.providers.musicapi import producer as musicapi_producer
from fermata_mcp.providers.registry import built_in_specs
from fermata_mcp.providers.suno import kie, sunoapi

PRODUCER = musicapi_producer.SPEC


@pytest.mark.parametrize(
    ("spec", "options", "asked"),
    [
        (PRODUCER, {"starts": 5, "lyrics_text": "la"}, {"continue_at": 5, "lyrics": "la"}),
        (PRODUCER, {"starts_at": 5, "length": 30, "seed": 7}, {"continue_at": 5, "add_seconds": 30}),
        (sunoapi.SPEC, {"continueAt": 5, "negativeTags": "x", "variety": 1}, {"continue_at": 5, "exclude_style": "x"}),
        (sunoapi.SPEC, {"prompt": "p"}, {"prompt": "p"}),
        (kie.SPEC, {"lyrics": "la", "continue_at": 3, "continueAt": 4}, {"lyrics": "la", "continue_at": 3}),
        (kie.SPEC, {}, {}),
    ],
)
def test_options_are_understood(spec: Any, options: dict[str, Any], asked: dict[str, Any]) -> None:
    assert spec.asked_in_options(options) == asked


def test_of_two_spellings_only_the_one_given_is_sent() -> None:
    body = {"starts_at": 58, "lyrics": "ours", "clip_id": "c"}
    assert with_options(body, {"starts": 5}, PRODUCER) == {"lyrics": "ours", "clip_id": "c", "starts": 5}
    with pytest.raises(InvalidRequest, match=r"options\.starts_at and options\.starts"):
        with_options(body, {"starts": 5, "starts_at": 6}, PRODUCER)


def test_an_alias_is_no_name_of_today() -> None:
    for spec in built_in_specs():
        assert set(spec.aliases.values()) <= spec.fields.keys()
        assert not spec.aliases.keys() & {field.wire for field in spec.fields.values()}
