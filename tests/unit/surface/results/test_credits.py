"""Money as data and in words."""

from __future__ import annotations

from typing import Any

import pytest

from fermata_mcp.engine.credits import CreditsReport, ProviderCredits, Spent
from fermata_mcp.surface.results.credits import credits_text, credits_view

NONE = Spent(0, 0, 0, None, None)


def money(name: str = "paid", **fields: Any) -> ProviderCredits:
    usual: dict[str, Any] = {
        "provider": name, "configured": True, "unit": "credits", "balance": 95.0, "price": "10 credits an extension",
        "price_per_extend": 10.0, "extends_left": 9, "note": None, "error": None,
    }  # fmt: skip
    return ProviderCredits(**(usual | fields))


def told(*providers: ProviderCredits, credits: Spent = NONE, usd: Spent = NONE) -> list[str]:
    return credits_text(credits_view(CreditsReport(providers, {"credits": credits, "usd": usd}))).splitlines()


@pytest.mark.parametrize("count", [1, 4, 6])
def test_credits_have_a_line_for_each_provider_that_is_ready_and_one_for_what_was_spent(count: int) -> None:
    lines = told(*(money(f"p{i}") for i in range(count)), credits=Spent(20, 30, 45.5, 100, None))
    assert len(lines) == count + 1
    assert lines[-1] == "Spent: 20 of 100 credits today, 30 this week, 45.5 this month (UTC)."


def test_credits_tell_what_they_do_not_know() -> None:
    assert told(money(balance=None, note="no such call"), money(error="rate_limited: later.")) == [
        "paid: enough for 9 extensions, no such call, up to 10 credits an extension.",
        "paid: rate_limited: later.",
        "Spent: 0 credits today, 0 this week, 0 this month (UTC).",
    ]


def test_what_others_would_cost_is_told_without_their_key() -> None:
    other = money("other", configured=False, balance=None, note="not configured: set OTHER_API_KEY")
    assert told(money(), other)[1] == (
        "Without a key: other up to 10 credits an extension (not configured: set OTHER_API_KEY)."
    )


def test_dollars_stand_beside_credits_and_are_never_added_to_them() -> None:
    dear = money("dear", unit="usd", balance=1.5, price="$0.0002 a second of the whole track", price_per_extend=None,
                 extends_left=None)  # fmt: skip
    lines = told(money(), dear, credits=Spent(20, 30, 45, 100, None), usd=Spent(0.0131, 0.5, 2, 5, 20))
    assert lines[1:] == [
        "dear: $1.50, up to $0.0002 a second of the whole track.",
        "Spent: 20 of 100 credits today, 30 this week, 45 this month (UTC).",
        "Spent: $0.0131 of $5.00 today, $0.50 this week, $2.00 of $20.00 this month (UTC).",
    ]
