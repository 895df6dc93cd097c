"""What names somebody, what a person may make up as a token, and what is kept of one."""

from __future__ import annotations

import pytest

from fermata_mcp.domain.access.token import checked_name, checked_scopes, hash_of, named_tokens, weakness
from fermata_mcp.domain.errors import InvalidRequest

GOOD = "0123456789-abcdefghijklmnopqrstuv"


@pytest.mark.parametrize("name", ["anna", "a", "anna@example.org", "ci-2.main", "7"])
def test_names_that_name_somebody(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "local", "Anna", "-a", ".a", "a b", "a/b", "a:b", "oauth:x", "a\n", "x" * 64, "é"]
)
def test_names_that_could_be_taken_for_others_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        checked_name(name)


@pytest.mark.parametrize(
    "token", ["", "short", "a" * 64, "abc" * 20, f"{GOOD} {GOOD}", GOOD + '"', "é" * 40, "x" * 9999]
)
def test_what_can_be_guessed_or_not_be_sent_is_refused(token: str) -> None:
    assert weakness(token)
    with pytest.raises(ValueError, match="anna") as refusal:
        named_tokens(f"anna:{token}")
    assert not token.strip() or len(token) < 6 or token not in str(refusal.value)


def test_tokens_have_one_name_each() -> None:
    assert named_tokens(f" anna:{GOOD} , bert:{GOOD}x,") == {"anna": GOOD, "bert": f"{GOOD}x"}
    for twice in (f"anna:{GOOD},anna:{GOOD}x", f"anna:{GOOD},bert:{GOOD}", GOOD, f":{GOOD}", f"local:{GOOD}"):
        with pytest.raises(ValueError, match=r"twice|no usable name"):
            named_tokens(twice)


def test_scopes_come_in_their_order_and_unknown_ones_are_named() -> None:
    assert checked_scopes("spend, read") == ("read", "spend")
    for wrong in ("", "root", "read,write"):
        with pytest.raises(InvalidRequest, match="no scope"):
            checked_scopes(wrong)


def test_a_hash_tells_nothing_and_takes_anything() -> None:
    assert len(hash_of(GOOD)) == 64
    assert hash_of("\udce9") != hash_of("é")
