"""Money, counted in whole milli-credits so that sums are exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MILLI = 1000

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
    """Milli-credits a whole call is expected to cost."""

    low: int
    high: int

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


def quote(price: Price, extensions: int = 1) -> Quote:
    """What `extensions` at `price` come to."""
    return Quote(round(price.low * MILLI) * extensions, round(price.high * MILLI) * extensions)


@dataclass(frozen=True)
class Sighting:
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
