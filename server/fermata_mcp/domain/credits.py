"""Money, counted in whole milli-credits so that sums are exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

MILLI = 1000
MILLISECONDS = 1000  # in a second

Period = Literal["day", "month"]
EntryKind = Literal["hold", "charge", "release", "refund", "adjust", "disputed"]


@dataclass(frozen=True)
class Price:
    """Credits one extension costs, from `low` to `high`, and where that is stated."""

    low: float
    high: float
    stated_in: str

    @property
    def exact(self) -> bool:
        return self.low == self.high

    @property
    def words(self) -> str:
        """As a person writes it: `free`, `12`, `5-12`."""
        if not self.high:
            return "free"
        return f"{self.high:g}" if self.exact else f"{self.low:g}-{self.high:g}"


FREE = Price(0, 0, "free")


@dataclass(frozen=True)
class Quote:
    """Milli-credits: the least and the most that a whole call can cost, and what is to be expected."""

    low: int
    high: int
    expected: int | None = None

    @property
    def credits(self) -> float:
        """The most it can cost, in credits."""
        return self.high / MILLI


@dataclass(frozen=True)
class Entry:
    """One line of the append-only ledger. `amount` is in milli-credits and never negative."""

    kind: EntryKind
    amount: int
    note: str = ""


def beginning(period: Period, now: int) -> int:
    """When the day or month (UTC) of a time began; Unix milliseconds."""
    day = datetime.fromtimestamp(now / MILLISECONDS, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return round((day if period == "day" else day.replace(day=1)).timestamp() * MILLISECONDS)


def quote(price: Price, extensions: int = 1) -> Quote:
    """What `extensions` at `price` come to."""
    return Quote(round(price.low * MILLI) * extensions, round(price.high * MILLI) * extensions)


@dataclass(frozen=True)
class BalanceReading:
    """A balance that a provider told earlier, and what our own tasks did to it since. Milli-credits.

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
    """Milli-credits of a submit that may or may not have been charged. `sent_at` is Unix milliseconds."""

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
