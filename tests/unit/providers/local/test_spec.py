"""What is asked of `local`, as the engine is told it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fermata_mcp.domain.task import Work
from fermata_mcp.providers.local.messages import decode, encode
from fermata_mcp.providers.local.spec import SPEC, engine_job


def _work(**options: Any) -> Work:
    return Work(source_file="/music/song.wav", save_as="/music/longer.wav", length_seconds=60, options=options)


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({}, {"ending": "auto", "part": None, "avoid": (), "repeat": None}),
        ({"ending": "loop"}, {"ending": "loop"}),
        ({"fade_seconds": "0:05"}, {"ending": "fade", "fade_seconds": 5.0}),
        ({"part": "intro"}, {"part": "intro"}),
        ({"repeat": "0:40-1:00"}, {"repeat": (40.0, 60.0), "times": 2}),
        ({"repeat": "40-60", "times": 4}, {"repeat": (40.0, 60.0), "times": 4}),
        ({"avoid": [[30.5, 4.25]]}, {"avoid": ((30.5, 4.25),)}),
    ],
)
def test_options_become_what_the_engine_knows(options: dict[str, Any], fields: dict[str, Any]) -> None:
    job = engine_job(_work(**options), Path("/cache"))
    assert {name: getattr(job, name) for name in fields} == fields
    assert decode(encode(job)) == job, "and come to its process as they are"


def test_every_option_has_values_or_a_form() -> None:
    options = SPEC.options or {}
    assert all(bool(values) != (name in SPEC.option_forms) for name, values in options.items())
