"""What providers say, in every spelling: reasons, ids, and what their words are about."""

from __future__ import annotations

from typing import Any

import pytest

from fermata_mcp.providers.http import words


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"msg": "no such clip"}, "no such clip"),
        ({"error": {"message": "no such clip"}}, "no such clip"),
        ({"message": "failed", "detail": [{"loc": ["body", "prompt"], "msg": "too long"}]}, "prompt: too long"),
        ({"message": "Bad Request"}, "Bad Request"),
        ({"msg": ["a", "b"]}, "a; b"),
        ({"msg": 7}, None),
        ({}, None),
    ],
)
def test_the_first_key_that_says_more_than_that_it_failed(told: dict[str, Any], reason: str | None) -> None:
    assert words.reason(told) == reason


def test_reasons_without_end_are_cut() -> None:
    deep: Any = "x"
    for _ in range(50):
        deep = {"error": deep}
    assert words.reason(deep) is None
    assert len(words.reason({"msg": "x" * 9000}) or "") <= words.LONGEST_WORDS + 1


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"task_id": "t1"}, "t1"),
        ({"data": {"taskId": "t1"}}, "t1"),
        ({"data": [{"jobId": "t1"}]}, "t1"),
        ({"id": "t1"}, "t1"),
        ({"id": "clip", "audio_url": "https://a"}, None),
        ({"data": "0a1b2c3d"}, "0a1b2c3d"),
        ({"data": "2026-01-02"}, None),
        ({"data": "success"}, None),
        ({"task_id": "a b"}, None),
        ({"task_id": ".."}, None),
        ("0a1b2c3d", None),
        (None, None),
    ],
)
def test_ids_wherever_providers_put_them(body: Any, found: str | None) -> None:
    assert words.named_id(body) == found


@pytest.mark.parametrize("body", [{"error": "x"}, {"success": False}, {"status": "FAILED"}, {"errors": ["x"]}])
def test_an_error_takes_nothing_on_whatever_id_it_names(body: dict[str, Any]) -> None:
    assert words.accepted_id(body | {"task_id": "t1"}) is None
    assert words.accepted_id({"task_id": "t1"}) == "t1"


@pytest.mark.parametrize(
    ("text", "money", "content", "unknown"),
    [
        ("Insufficient credits", True, False, False),
        ("credits are charged per second: slow down", False, False, False),
        ("the balance of your account is too low", True, False, False),
        ("matches a protected recording", False, True, False),
        ("task does not exist", False, False, True),
        ("internal error", False, False, False),
    ],
)
def test_what_words_are_about(text: str, money: bool, content: bool, unknown: bool) -> None:
    assert (words.about_money(text), words.about_content(text), words.about_unknown(text)) == (money, content, unknown)


def test_words_that_say_nothing() -> None:
    assert all(map(words.says_nothing, ("Success", "failed.", "OK!")))
    assert not words.says_nothing("no such clip")
