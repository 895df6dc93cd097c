"""Options as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.requests.fields import field_problems, raise_all
from fermata_mcp.domain.requests.option_forms import passage, places, repeated
from fermata_mcp.domain.requests.request import ChainRequest, ExtendRequest
from fermata_mcp.providers.local.spec import SPEC as LOCAL


@pytest.mark.parametrize(
    "text", ["0:40-1:00", "40-60", " 0:40 \N{EN DASH} 1:00 ", "40 s to 60 s", "0:40..1:00", "40.0-60.0"]
)
def test_a_passage(text: str) -> None:
    assert passage(text) == (40.0, 60.0)


@pytest.mark.parametrize("value", ["", "0:40", "1:00-0:40", "0:40-0:40", "chorus", 40, None, [40, 60], "1-2-3"])
def test_no_passage(value: Any) -> None:
    assert passage(value) is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([12.5, "1:02"], [12.5, 62.0]),
        (12.5, [12.5]),
        ([[30.0, 4.0]], [(30.0, 4.0)]),
        ([], None),
        (["x"], None),
        ([[1]], None),
    ],
)
def test_places(value: Any, found: Any) -> None:
    assert places(value) == found


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fade_seconds": 0}, "options.fade_seconds is a number of seconds above 0"),
        ({"fade_seconds": "soon"}, "options.fade_seconds is a number"),
        ({"repeat": "chorus"}, 'options.repeat is a passage such as "0:40-1:00"'),
        ({"repeat": "1-2", "times": 1}, "options.times is a whole number from 2"),
        ({"repeat": "1-2", "times": 2.5}, "options.times is a whole number"),
        ({"avoid": ["there"]}, "options.avoid is a list"),
        ({"times": 3}, "add options.repeat"),
        ({"fade_seconds": 3, "ending": "keep"}, "leave one of them out"),
        ({"fade_seconds": 3, "ending": "loop"}, "leave one of them out"),
        ({"repeat": "1-2", "part": "intro"}, "leave options.part out"),
        ({"repeat": "1-2", "ending": "loop"}, 'leave options.ending "loop" out'),
        ({"ending": "circle"}, "options.ending is one of keep, fade, loop, intro_loop"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        raise_all(field_problems(ExtendRequest.model_validate({"source": "/a.wav", "options": options}), LOCAL))
    assert words in refused.value.hint


def test_the_length_is_said_once() -> None:
    again = {"source": "/a.wav", "options": {"repeat": "1-2"}}
    for request, hint in (
        (ExtendRequest.model_validate({**again, "add_seconds": 5}), "leave add_seconds out"),
        (ExtendRequest.model_validate({**again, "continue_at": 5}), "leave continue_at out"),
        (ChainRequest.model_validate({**again, "target_seconds": 5}), "use extend_track"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            raise_all(field_problems(request, LOCAL))
        assert hint in refused.value.hint


def test_a_passage_is_heard_twice_unless_told() -> None:
    assert repeated({"repeat": "1-2"}, LOCAL) == (1.0, 2.0, 2)
    assert repeated({"repeat": "1-2", "times": 5.0}, LOCAL) == (1.0, 2.0, 5)
    assert repeated({}, LOCAL) is None
