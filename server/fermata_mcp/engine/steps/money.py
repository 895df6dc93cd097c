"""What becomes of the money that was held for a submit, in parts of its task's unit."""

from __future__ import annotations

from fermata_mcp.domain.credits import Entry


def money_of_success(hold: int, cost: int | None) -> tuple[Entry, ...]:
    """What was held becomes what the provider says it took, or else what was expected."""
    charge = hold if cost is None else cost
    return (*released(hold, "settled"), *((Entry("charge", charge),) if charge else ()))


def money_of_failure(hold: int, *, taken_on: bool, refunds: bool, cost: int | None = None) -> tuple[Entry, ...]:
    """What a failed submit did to the money that was held for it; `cost` is what the provider says it took."""
    if not taken_on:
        return released(hold, "nothing was taken on")
    if cost:
        return (*released(hold, "failed"), Entry("charge", cost, "the provider shows that it kept this"))
    if cost is None and not refunds:
        return disputed(hold, "failed after it was taken on; whether it is charged is not documented")
    shown = "expected: the provider refunds failed tasks itself" if cost is None else "the provider shows it"
    return (*released(hold, "failed"), Entry("charge", hold), Entry("refund", hold, shown)) if hold else ()


def disputed(hold: int, note: str) -> tuple[Entry, ...]:
    """Nobody knows whether they are gone."""
    return (*released(hold, note), Entry("disputed", hold, note)) if hold else ()


def released(hold: int, note: str) -> tuple[Entry, ...]:
    """They are free again."""
    return (Entry("release", hold, note),) if hold else ()
