"""Wishes in words, in the languages that people write: each leads to the exact call."""

from __future__ import annotations

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
    assert {name: tuple(told["enum"]) for name, told in LOCAL_OPTIONS.items()} == LOCAL.options


@pytest.mark.parametrize(
    "text", ["repeat the chorus", "wiederhole den Refrain", "répète le refrain", "サビを繰り返して"]
)
def test_what_no_option_does_is_said_with_what_comes_nearest(text: str) -> None:
    told = wish_hint(text, LOCAL) or ""
    assert "cannot repeat a passage that one names" in told
    assert '{"part": "middle"}' in told
    assert wish_hint(text, replace(LOCAL, options={**(LOCAL.options or {}), "repeat": ()})) is None
    assert wish_hint(text, PAID) is None
