"""Money in whole parts of its unit: what is quoted, and what a balance proves."""

from __future__ import annotations

import pytest

from fermata_mcp.domain.credits import BalanceReading, Dispute, Price, Quote, Unit, given_back, in_words

A, B = Dispute("a", 12_000, sent_at=20), Dispute("b", 30_000, sent_at=30)


SECOND = Price(0.0002, 0.0002, "", "usd", per=1)
MINUTE = Price(0.6, 0.75, "", "usd", per=60, counts="added")
UNSURE = Price(0.0002, 0.0002, "", "usd", per=1, counts="either", fixed=0.01)


@pytest.mark.parametrize(
    ("price", "words", "in_full"),
    [
        (Price(0, 0, ""), "free", "free"),
        (Price(12, 12, ""), "12", "12 credits an extension"),
        (Price(5, 12.5, ""), "5-12.5", "5-12.5 credits an extension"),
        (Price(0.075, 0.075, "", "usd"), "$0.075", "$0.075 an extension"),
        (SECOND, "$0.0002 a second", "$0.0002 a second of the whole track"),
        (MINUTE, "$0.60-$0.75 a minute", "$0.60-$0.75 a minute of what is added"),
        (UNSURE, "$0.01 and $0.0002 a second", "$0.01 and $0.0002 a second of the whole track at most"),
        (Price(1, 1, "", per=30), "1 a 30 s", "1 credits a 30 s of the whole track"),
    ],
)
def test_a_price_as_a_person_writes_it(price: Price, words: str, in_full: str) -> None:
    assert (price.words, price.in_full) == (words, in_full)


def test_a_quote_counts_every_extension_exactly() -> None:
    told = Price(0.1, 0.3, "").quote(10, 10).times(3)
    assert (told.low, told.high, told.most) == (300, 900, 0.9)


@pytest.mark.parametrize(
    ("price", "source", "added", "least", "most"),
    [
        (SECOND, 60, 30, 18_000, 18_000),
        (SECOND, 60.2, 30.1, 18_200, 18_200),  # a second that is begun is paid whole
        (SECOND, 59.9, 0.1, 12_000, 12_000),  # and what arithmetic adds is no second
        (MINUTE, 500, 61, 1_200_000, 1_500_000),
        (UNSURE, 60, 30, 16_000, 28_000),
        (Price(0.075, 0.075, "", "usd"), 9999, 9999, 75_000, 75_000),
    ],
)
def test_a_price_by_length_in_millionths_of_a_dollar(
    price: Price, source: float, added: float, least: int, most: int
) -> None:
    told = price.quote(source, added)
    assert (told.low, told.high, told.unit) == (least, most, "usd")


def test_the_smallest_price_is_not_rounded_to_nothing() -> None:
    assert SECOND.quote(0, 1).high == 200
    assert SECOND.quote(0, 1).words == "$0.0002"


@pytest.mark.parametrize(
    ("amount", "unit", "words"),
    [
        (12, "credits", "12 credits"), (2.5, "credits", "2.5 credits"), (0.02, "usd", "$0.02"), (0, "usd", "$0.00"),
        (0.0131, "usd", "$0.0131"), (12, "usd", "$12.00"), (1234.5, "usd", "$1234.50"), (0.000001, "usd", "$0.000001"),
    ],
)  # fmt: skip
def test_amounts_in_words(amount: float, unit: Unit, words: str) -> None:
    assert in_words(amount, unit) == words


def test_credits_and_dollars_are_never_added() -> None:
    with pytest.raises(ValueError, match="cannot be added"):
        Quote(1, 1).plus(Quote(1, 1, unit="usd"))
    assert Quote(0, 0).plus(Quote(1, 2, unit="usd")) == Quote(1, 2, unit="usd")


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
