"""Money as data and in words."""

from __future__ import annotations

from typing import Any

import pytest

from fermata_mcp.engine.credits import CreditsReport, ProviderCredits
from fermata_mcp.surface.results.credits import credits_text, credits_view


def money(name: str = "paid", **fields: Any) -> ProviderCredits:
    usual: dict[str, Any] = {
        "provider": name, "configured": True, "balance": 95.0, "price_per_extend": 10.0, "extends_left": 9,
        "note": None, "error": None,
    }  # fmt: skip
    return ProviderCredits(**(usual | fields))


@pytest.mark.parametrize("count", [1, 4, 6])
def test_credits_have_a_line_for_each_provider_that_is_ready_and_one_for_what_was_spent(count: int) -> None:
    view = credits_view(CreditsReport(tuple(money(f"p{i}") for i in range(count)), 20, 30, 45.5, 100, None))
    lines = credits_text(view).splitlines()
    assert len(lines) == count + 1
    assert lines[-1] == "Spent: 20 of 100 credits today, 30 this week, 45.5 this month (UTC)."


def test_credits_tell_what_they_do_not_know() -> None:
    known = money(balance=None, note="no such call"), money(error="rate_limited: later.")
    assert credits_text(credits_view(CreditsReport(known, 0, 0, 0, None, None))).splitlines() == [
        "paid: enough for 9 extensions, no such call, up to 10 credits an extension.",
        "paid: rate_limited: later.",
        "Spent: 0 credits today, 0 this week, 0 this month (UTC).",
    ]


def test_what_others_would_cost_is_told_without_their_key() -> None:
    other = money("other", configured=False, balance=None, note="not configured: set OTHER_API_KEY")
    lines = credits_text(credits_view(CreditsReport((money(), other), 0, 0, 0, None, None))).splitlines()
    assert lines[1] == "Without a key: other up to 10 credits an extension (not configured: set OTHER_API_KEY)."
