"""Money in whole parts of its unit, so that sums are exact: credits, or dollars. Nothing ever adds one to the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Unit = Literal["credits", "usd"]
UNITS: tuple[Unit, ...] = ("credits", "usd")
# Milli-credits, and millionths of a dollar: what is paid for by the second costs 0.0002 dollars.
PARTS: dict[Unit, int] = {"credits": 1000, "usd": 1_000_000}
MILLI = PARTS["credits"]
MILLISECONDS = 1000  # in a second

Period = Literal["day", "month"]
EntryKind = Literal["hold", "charge", "release", "refund", "adjust", "disputed"]
# Which music a price by length is for. `either`: it is not documented, so it may be what is added or the whole track.
Counted = Literal["added", "track", "either"]


def parts_of(amount: float, unit: Unit) -> int:
    """Credits or dollars in whole parts, as they are booked."""
    return round(amount * PARTS[unit])


def amount_of(parts: int, unit: Unit) -> float:
    """Parts as credits or dollars."""
    return parts / PARTS[unit]


def in_words(amount: float, unit: Unit) -> str:
    """`12 credits`, `$0.02`, `$0.0131`: dollars with all the digits that they have, and at least two."""
    return f"{amount:g} credits" if unit == "credits" else in_dollars(amount)


def bare(amount: float, unit: Unit) -> str:
    """`12`, `$0.02`: where the unit is said beside it."""
    return f"{amount:g}" if unit == "credits" else in_dollars(amount)


def in_dollars(amount: float) -> str:
    whole, _, digits = f"{amount:.6f}".partition(".")
    return f"${whole}.{digits.rstrip('0'):0<2}"


@dataclass(frozen=True)
class Price:
    """What one extension costs, from `low` to `high` credits or dollars, and where that is stated.

    Attributes:
        per: Seconds of music that `low` and `high` are for, where the price goes by length; what is begun counts whole.
        counts: Which music that is.
        fixed: What a run costs besides, whatever its length.
    """

    low: float
    high: float
    stated_in: str
    unit: Unit = "credits"
    per: float | None = None
    counts: Counted = "track"
    fixed: float = 0

    @property
    def exact(self) -> bool:
        return self.low == self.high and (self.per is None or self.counts != "either")

    @property
    def costs(self) -> bool:
        """Whether it is above nothing."""
        return bool(self.high or self.fixed)

    @property
    def words(self) -> str:
        """As a person writes it: `free`, `12`, `5-12`, `$0.075`, `$0.0002 a second`."""
        return self._said("", "")

    @property
    def in_full(self) -> str:
        """`12 credits an extension`, `$0.0002 a second of the whole track`."""
        of = " an extension" if self.per is None else f" {_COUNTED[self.counts]}"
        return self._said(" credits" if self.unit == "credits" else "", of)

    def _said(self, unit: str, of: str) -> str:
        if not self.costs:
            return "free"
        by_length = "" if self.per is None else f" a {_DURATIONS.get(self.per, f'{self.per:g} s')}"
        fixed = f"{bare(self.fixed, self.unit)} and " if self.fixed else ""
        least = "" if self.low == self.high else f"{bare(self.low, self.unit)}-"
        return f"{fixed}{least}{bare(self.high, self.unit)}{unit}{by_length}{of}"

    def quote(self, source: float, added: float) -> Quote:
        """What a run comes to that adds so many seconds to so many; the lengths say nothing where it goes by run."""
        least = self._runs(added if self.counts != "track" else source + added)
        most = self._runs(added if self.counts == "added" else source + added)
        fixed = parts_of(self.fixed, self.unit)
        low, high = parts_of(self.low, self.unit), parts_of(self.high, self.unit)
        return Quote(fixed + low * least, fixed + high * most, unit=self.unit)

    def _runs(self, seconds: float) -> int:
        """How often the price is paid. A length that was computed may miss a whole one by a hair."""
        return 1 if self.per is None else max(1, math.ceil(round(seconds / self.per, 6)))


_DURATIONS = {1.0: "second", 60.0: "minute"}
_COUNTED: dict[Counted, str] = {
    "added": "of what is added", "track": "of the whole track", "either": "of the whole track at most",
}  # fmt: skip
FREE = Price(0, 0, "free")


@dataclass(frozen=True)
class Quote:
    """Parts of its unit: the least and the most that a whole call can cost, and what is to be expected."""

    low: int
    high: int
    expected: int | None = None
    unit: Unit = "credits"

    @property
    def most(self) -> float:
        """The most it can cost, in credits or dollars."""
        return amount_of(self.high, self.unit)

    @property
    def words(self) -> str:
        return in_words(self.most, self.unit)

    @property
    def number(self) -> str:
        """As it is written where a cap is passed: never below what it is."""
        return f"{self.most:g}" if self.unit == "credits" else in_dollars(self.most)[1:]

    def times(self, number: int) -> Quote:
        return Quote(self.low * number, self.high * number, unit=self.unit)

    def plus(self, other: Quote) -> Quote:
        """Both together. Raises ValueError where they are of two units."""
        if other.unit != self.unit and other.high and self.high:
            raise ValueError("credits and dollars cannot be added")
        unit = self.unit if self.high else other.unit
        return Quote(self.low + other.low, self.high + other.high, unit=unit)


@dataclass(frozen=True)
class Entry:
    """One line of the append-only ledger. `amount` is in parts of its task's unit and never negative."""

    kind: EntryKind
    amount: int
    note: str = ""


def beginning(period: Period, now: int) -> int:
    """When the day or month (UTC) of a time began; Unix milliseconds."""
    day = datetime.fromtimestamp(now / MILLISECONDS, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return round((day if period == "day" else day.replace(day=1)).timestamp() * MILLISECONDS)


@dataclass(frozen=True)
class BalanceReading:
    """A balance that a provider told earlier, and what our own tasks did to it since. Parts of its unit.

    Attributes:
        at: Unix milliseconds.
        spent: Certainly charged since, refunds taken off.
        unsure: Held for submits since whose charge is not certain.
    """

    at: int
    balance: int
    spent: int
    unsure: int

    def unexplained(self, balance: int) -> int:
        """How much less `balance` is than our tasks' certain charges explain; negative where it is more."""
        return self.balance - self.spent - balance


@dataclass(frozen=True)
class Dispute:
    """What a submit that may or may not have been charged comes to. `sent_at` is Unix milliseconds."""

    attempt_id: str
    amount: int
    sent_at: int


def given_back(before: BalanceReading, balance: int, disputes: Sequence[Dispute]) -> tuple[Dispute, ...]:
    """The disputes that a new balance shows not to have been charged, or to have been refunded since; oldest first.

    Only where the balance is exactly what it then must be: nothing is concluded while a submit is under way.
    """
    recent = sum(one.amount for one in disputes if one.sent_at > before.at)
    if before.unsure != recent:
        return ()
    left = recent - before.unexplained(balance)
    found: list[Dispute] = []
    for one in sorted(disputes, key=lambda dispute: dispute.sent_at):
        if one.amount <= left:
            found.append(one)
            left -= one.amount
    return tuple(found) if left == 0 else ()
