"""Money in whole milli-credits: what is quoted, and what a balance proves."""

from __future__ import annotations

import pytest

from fermata_mcp.domain.credits import BalanceReading, Dispute, Price, given_back, quote

A, B = Dispute("a", 12_000, sent_at=20), Dispute("b", 30_000, sent_at=30)


@pytest.mark.parametrize(
    ("price", "words"), [(Price(0, 0, ""), "free"), (Price(12, 12, ""), "12"), (Price(5, 12.5, ""), "5-12.5")]
)
def test_a_price_as_a_person_writes_it(price: Price, words: str) -> None:
    assert price.words == words


def test_a_quote_counts_every_extension_exactly() -> None:
    told = quote(Price(0.1, 0.3, ""), 3)
    assert (told.low, told.high, told.credits) == (300, 900, 0.9)


def test_what_a_balance_leaves_unexplained() -> None:
    before = BalanceReading(at=10, balance=100_000, spent=15_000, unsure=0)
    assert [before.unexplained(now) for now in (85_000, 80_000, 90_000)] == [0, 5_000, -5_000]


@pytest.mark.parametrize(
    ("balance", "found"),
    [
        (100_000, (A, B)),  # neither was charged
        (88_000, ()),  # only a was: the oldest are given back first, so b alone is not concluded
        (70_000, (A,)),  # only b was
        (58_000, ()),  # both were
        (75_000, ()),  # no sum of them
    ],
)
def test_only_an_exact_balance_gives_a_dispute_back(balance: int, found: tuple[Dispute, ...]) -> None:
    before = BalanceReading(at=10, balance=100_000, spent=0, unsure=A.amount + B.amount)
    assert given_back(before, balance, [B, A]) == found


def test_nothing_is_concluded_while_a_submit_is_under_way() -> None:
    before = BalanceReading(at=10, balance=100_000, spent=0, unsure=A.amount + 1)
    assert given_back(before, 100_000, [A]) == ()
