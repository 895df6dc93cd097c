"""What a provider cannot take is named at once, beside what it can."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fermata_mcp.domain.errors import FermataError
from fermata_mcp.domain.requests.fields import field_problems, option_words, raise_all, source_problems
from fermata_mcp.domain.source import parse_source
from support.asked import extend
from support.rows import PAID

FILES_ONLY = replace(PAID, sources=frozenset({"file"}))


def problems(**fields: Any) -> list[str]:
    return [str(error) for error in field_problems(extend(source="a.wav", **fields), PAID)]


def test_a_source_it_cannot_take_names_those_it_can() -> None:
    [problem] = source_problems(parse_source("clip:x"), FILES_ONLY)
    assert "paid cannot take a clip" in problem.message
    assert "a file path" in str(problem.hint)
    assert list(source_problems(parse_source("a.wav"), FILES_ONLY)) == []


def test_fields_it_knows_and_ours_are_taken() -> None:
    assert problems(prompt="on", title="x", max_credits=5, take=2, wait_seconds=1, options={"seed": "1"}) == []


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"style": "jazz"}, "style"),
        ({"options": {"nothing": "1"}}, "options.nothing"),
        ({"options": {"seed": "3"}}, "options.seed"),
    ],
)
def test_what_it_cannot_express_is_named(fields: dict[str, Any], named: str) -> None:
    [problem] = problems(**fields)
    assert named in problem


def test_all_problems_are_one_error() -> None:
    raise_all([])
    with pytest.raises(FermataError, match="style") as refused:
        raise_all(field_problems(extend(source="a.wav", style="jazz", options={"seed": "3"}), PAID))
    assert "options.seed" in str(refused.value)


def test_options_in_words() -> None:
    assert option_words(PAID) == "seed (1, 2)"
    assert option_words(replace(PAID, options={})) == "none"
    assert option_words(replace(PAID, options=None)) == "any"
