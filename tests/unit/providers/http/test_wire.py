"""Answers are read by their shape, and never believed too early."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.spec import FieldSpec
from fermata_mcp.providers.http.wire import Answer, with_options, without_none
from support.rows import PAID


def answer(body: Any, status: int = 200) -> Answer:
    return Answer(status, body, "")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("a", "b"), 1), (("list", 1, "x"), 2), (("list", 5), None), (("a", 0), None), (("list", "x"), None),
        (("none", "deeper"), None), ((), {"a": {"b": 1}, "list": [0, {"x": 2}], "none": None}),
    ],
)  # fmt: skip
def test_a_path_through_another_shape_is_none(path: tuple[str | int, ...], value: Any) -> None:
    assert answer({"a": {"b": 1}, "list": [0, {"x": 2}], "none": None}).get(*path) == value


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, {"code": 429}, 429), (200, {"code": "402"}, 402), (200, {"error": {"code": 404}}, 404),
        (200, {"error": {"status": 403}}, 403), (200, {"code": 200}, 200), (200, {"code": 0}, 200), (400, {}, 400),
        (502, {"code": 404}, 502), (200, {"code": "4e2"}, 200), (200, {"code": True}, 200), (200, None, 200),
    ],
)  # fmt: skip
def test_the_code_that_says_more(status: int, body: Any, code: int) -> None:
    assert answer(body, status).code() == code


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"msg": "bad tempo"}, "bad tempo"), ({"msg": "failed", "data": {"errorMessage": "bad tempo"}}, "bad tempo"),
        ("bad\ntempo", "bad tempo"), (None, "HTTP 418"), ({}, "HTTP 418"), ({"msg": "failed"}, "failed"),
    ],
)  # fmt: skip
def test_the_words_that_say_something(body: Any, said: str) -> None:
    assert answer(body, 418).message() == said


@pytest.mark.parametrize(
    ("status", "body", "codes", "unlisted"),
    [
        (404, {"message": "task not found"}, (), True), (404, {"message": "?"}, (), False),
        (404, {"message": "?"}, (404,), True), (404, "<html>not found</html>", (404,), False),
        (500, {"message": "task not found"}, (), False), (422, {"msg": "recordInfo is null"}, (), True),
    ],
)  # fmt: skip
def test_only_the_provider_itself_knows_no_work(status: int, body: Any, codes: tuple[int, ...], unlisted: bool) -> None:
    assert answer(body, status).unlisted(*codes) == unlisted


def test_nothing_is_left_out_but_nothing() -> None:
    assert without_none({"a": None, "b": 0, "c": "", "d": False}) == {"b": 0, "c": "", "d": False}


def test_of_two_spellings_the_one_that_is_given_is_sent() -> None:
    spec = replace(PAID, fields={"continue_at": FieldSpec("starts_at", aliases=("starts",))})
    assert with_options({"starts_at": 5, "x": 1}, {"starts": 7}, spec) == {"x": 1, "starts": 7}
    assert with_options({"starts_at": 5}, {"starts_at": 7, "y": None}, spec) == {"starts_at": 7, "y": None}
    with pytest.raises(InvalidRequest, match=r"options\.starts_at and options\.starts"):
        with_options({}, {"starts": 7, "starts_at": 8}, spec)
