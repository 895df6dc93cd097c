"""Wishes in words, in the languages that people write: each leads to the exact call."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fermata_mcp.domain.requests.fields import field_problems
from fermata_mcp.domain.requests.request import LOCAL_OPTIONS, ExtendRequest
from fermata_mcp.domain.requests.wishes import WISHES, wish_hint, wished
from fermata_mcp.providers.local.provider import SPEC as LOCAL
from support.rows import PAID


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("fade out at the end", {"ending": "fade"}),
        ("let it fade away slowly", {"ending": "fade"}),
        ("blende am Ende aus", {"ending": "fade"}),
        ("mit Fade-out am Schluss", {"ending": "fade"}),
        ("termina con un fundido, que se desvanezca", {"ending": "fade"}),
        ("termine en fondu", {"ending": "fade"}),
        ("a seamless loop for my game", {"ending": "loop"}),
        ("als nahtlose Schleife", {"ending": "loop"}),
        ("hazlo un bucle", {"ending": "loop"}),
        ("une boucle parfaite", {"ending": "loop"}),
        ("ループにして", {"ending": "loop"}),
        ("add 30 seconds to the intro", {"part": "intro"}),
        ("längere Einleitung", {"part": "intro"}),
        ("longer intro and fade out", {"ending": "fade", "part": "intro"}),
        ("stretch the middle", {"part": "middle"}),
        ("a longer outro", {"part": "outro"}),
        ("guitar solo, more drums", {}),
        ("shadowy and faded like an old photo", {}),
        ("", {}),
    ],
)
def test_what_is_asked_for(text: str, options: dict[str, Any]) -> None:
    assert wished(text, LOCAL) == options


def test_only_options_that_the_provider_has() -> None:
    assert wished("fade out", PAID) == {}
    assert all(wish.value in (LOCAL.options or {})[wish.option] for wish in WISHES)


def test_the_refusal_names_the_exact_call() -> None:
    request = ExtendRequest.model_validate({"source": "/a.wav", "prompt": "fade out"})
    (problem,) = field_problems(request, LOCAL)
    assert problem.hint.startswith('call again without prompt and with options {"ending": "fade"}')


def test_what_schemas_say_of_options_is_what_the_provider_takes() -> None:
    assert {name: tuple(told.get("enum", ())) for name, told in LOCAL_OPTIONS.items()} == LOCAL.options
    assert {name for name, values in (LOCAL.options or {}).items() if not values} == LOCAL.option_forms.keys()


@pytest.mark.parametrize(
    "text", ["repeat the chorus", "wiederhole den Refrain", "répète le refrain", "サビを繰り返して"]
)
def test_a_passage_that_is_heard_again_is_an_option(text: str) -> None:
    told = wish_hint(text, LOCAL) or ""
    assert '{"repeat": "0:40-1:00"}' in told
    assert "the passage that is meant" in told
    assert wish_hint(text, PAID) is None


@pytest.mark.parametrize(
    ("text", "passage"),
    [
        ("repeat the chorus from 0:10 to 0:20", "0:10-0:20"),
        ("wiederhole 1:02-1:30 bitte", "1:02-1:30"),
        ("répète de 10 à 20", "10-20"),
    ],
)
def test_the_passage_that_is_named_is_in_the_call(text: str, passage: str) -> None:
    assert json.dumps({"repeat": passage}) in (wish_hint(text, LOCAL) or "")


def test_where_no_passage_can_be_named_the_nearest_is_told() -> None:
    options = {name: values for name, values in (LOCAL.options or {}).items() if name != "repeat"}
    told = wish_hint("repeat the chorus", replace(LOCAL, options=options)) or ""
    assert "cannot repeat a passage that one names" in told
    assert '{"part": "middle"}' in told
