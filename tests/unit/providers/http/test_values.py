"""Values as providers write them."""

from __future__ import annotations

from typing import Any

import pytest

from fermata_mcp.providers.http.values import credits_in, link, number, seconds, text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (5, 5.0), ("5.5", 5.5), (True, None), ("nan", None), (float("inf"), None), ("1e400", None), (None, None),
        ({}, None), ("five", None), (10**400, None),
    ],
)  # fmt: skip
def test_numbers(written: Any, read: float | None) -> None:
    assert number(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [(185.2, 185.2), ("185", 185.0), (185_000, 185.0), (0, None), (-3, None), (10_000_000, None), (3600, 3600.0)],
)
def test_seconds_also_from_milliseconds(written: Any, read: float | None) -> None:
    assert seconds(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [("a\x00b\nc", "a b c"), ("  ", None), (5, None), ("x" * 400, 300)],
)
def test_text_is_one_line_and_cut(written: Any, read: Any) -> None:
    found = text(written)
    assert (len(found or "") if isinstance(read, int) else found) == read


@pytest.mark.parametrize(
    ("written", "is_link"),
    [
        ("https://a.test/x.mp3", True), (" http://a.test/x ", True), ("ftp://a.test", False), ("/x.mp3", False),
        ("https://a.test/a b", False), ("https://a.test/\x07", False), (None, False), (["https://a.test"], False),
    ],
)  # fmt: skip
def test_links_are_plain_addresses(written: Any, is_link: bool) -> None:
    assert link(written) == (written.strip() if is_link else None)


@pytest.mark.parametrize(
    ("told", "credits"),
    [
        (12, 12.0), ("12.5", 12.5), ({"credits": 3, "extra_credits": 4}, 7.0), ({"extra_credits": 4}, 4.0),
        ({"balance": "9"}, 9.0), ({"credits": None, "remaining": 2}, 2.0), ({}, None), ([1], None),
    ],
)  # fmt: skip
def test_credits_wherever_they_are(told: Any, credits: float | None) -> None:
    assert credits_in(told) == credits
