"""Which requests are the same request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_core import from_json

from fermata_mcp.domain.requests.request import DEEPEST_OPTIONS, MANNER, ChainRequest, ExtendRequest, request_hash
from fermata_mcp.domain.task import new_id
from support.asked import chain, extend


def hashed(**fields: Any) -> str:
    return request_hash("extend", "paid", "account", "file", extend(**fields).identity())


def hash_of(kind: str, provider: str, account: str, source: str) -> str:
    return request_hash(kind, provider, account, source, extend().identity())


@pytest.mark.parametrize(
    ("name", "value"), [("idempotency_key", "k"), ("max_credits", 5), ("dry_run", True), ("wait_seconds", 1)]
)
def test_how_it_is_carried_out_does_not_make_it_another_request(name: str, value: Any) -> None:
    assert name in MANNER
    assert hashed(**{name: value}) == hashed()


@pytest.mark.parametrize(
    ("name", "value"),
    [("take", 2), ("prompt", "x"), ("continue_at", 1), ("options", {"a": 1}), ("stitch", "never"), ("source", "/b")],
)
def test_what_is_asked_for_does(name: str, value: Any) -> None:
    assert hashed(**{name: value}) != hashed()


def test_defaults_may_be_spelled_out() -> None:
    assert hashed(take=1, prompt=None, stitch="auto") == hashed()


def test_the_order_of_options_does_not_matter() -> None:
    assert hashed(options={"a": 1, "b": 2}) == hashed(options={"b": 2, "a": 1})


@pytest.mark.parametrize("place", range(4))
def test_another_kind_provider_account_or_source_is_another_request(place: int) -> None:
    same = ["extend", "paid", "account", "file"]
    other = [*same[:place], "other", *same[place + 1 :]]
    assert hash_of(*same) != hash_of(*other)


def test_requests_cannot_be_changed_after_they_were_checked() -> None:
    with pytest.raises(ValueError, match="frozen"):
        chain().take = 2


def test_ids_are_unguessable_and_all_different() -> None:
    ids = {new_id("tsk") for _ in range(100)}
    assert len(ids) == 100
    assert all(len(one) == 36 and one.startswith("tsk_") for one in ids)


# --- options ----------------------------------------------------------------------------------------------------------


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 1


NOT_KEPT: dict[str, tuple[Any, str]] = {
    "NaN": (float("nan"), "holds a number that is none"),
    "infinity": (float("-inf"), "holds a number that is none"),
    "infinity within": ({"a": [1, {"b": float("inf")}]}, "holds a number that is none"),
    "half a letter": ("a\ud800", "holds text that is no Unicode"),
    "half a letter in a name": ({"a\udfff": 1}, "holds text that is no Unicode"),
    "a well of lists": (nested(DEEPEST_OPTIONS + 1), "is nested too deeply"),
}


@pytest.mark.parametrize("ask", [extend, chain])
@pytest.mark.parametrize(("value", "why"), NOT_KEPT.values(), ids=NOT_KEPT)
def test_options_that_could_not_be_read_again_are_refused(ask: Callable[..., Any], value: Any, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        ask(options={"seed": value})


@pytest.mark.parametrize("value", [10**400, 1e308, 5e-324, "\U0001f3b5", {"": [1]}, nested(DEEPEST_OPTIONS - 2)])
def test_all_others_are_kept_as_they_are(value: Any) -> None:
    asked = extend(options={"seed": value})
    assert type(asked).model_validate(from_json(asked.model_dump_json())) == asked


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2:05", 125.0), ("0:30", 30.0), ("1:02:03.5", 3723.5), ("61:00", 3660.0), (" 2:05 ", 125.0), ("2:05,5", 125.5),
        (125, 125.0), ("125", 125.0), ("125.5", 125.5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["continue_at", "add_seconds"])
def test_times_as_people_write_them(written: Any, seconds: float, name: str) -> None:
    assert getattr(ExtendRequest.model_validate({"source": "a", name: written}), name) == seconds
    assert ChainRequest.model_validate({"source": "a", "target_seconds": written}).target_seconds == seconds


@pytest.mark.parametrize(
    "written", ["2:5", "2:65", ":30", "1:2:03", "2:05:", "two", "-1:00", "1:60:00", "\u0662:\u0660\u0665"]
)
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        ExtendRequest.model_validate({"source": "a", "continue_at": written})
