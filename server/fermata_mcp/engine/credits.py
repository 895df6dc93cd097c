"""What is left and what was spent: for those who ask before spending, and where a request's answer was lost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import anyio

from fermata_mcp.config import Settings
from fermata_mcp.domain.access.principal import Principal
from fermata_mcp.domain.credits import MILLI, BalanceReading, given_back
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.engine.callers.budgets import own_caps
from fermata_mcp.providers.base import Provider
from fermata_mcp.store.base import Store

EVIDENCE_SECONDS = 3.0


@dataclass(frozen=True)
class ProviderCredits:
    """One provider's money, in credits. None where it cannot be told."""

    provider: str
    configured: bool
    balance: float | None
    price_per_extend: float | None
    extends_left: int | None
    note: str | None
    error: str | None


@dataclass(frozen=True)
class CreditsReport:
    """What is left and what was spent, in credits. Days, weeks and months begin at midnight UTC, weeks on Monday.

    Attributes:
        cap_today: The principal's own, else that of the whole server.
    """

    providers: tuple[ProviderCredits, ...]
    spent_today: float
    spent_this_week: float
    spent_this_month: float
    cap_today: float | None
    cap_this_month: float | None


def beginnings(now: int) -> tuple[int, int, int]:
    """When the day, the week and the month of `now` began. Unix milliseconds, UTC."""
    day = datetime.fromtimestamp(now / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    week, month = day - timedelta(days=day.weekday()), day.replace(day=1)
    return _milliseconds(day), _milliseconds(week), _milliseconds(month)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


async def credits_report(
    providers: Sequence[Provider], store: Store, principal: Principal, settings: Settings, now: int
) -> CreditsReport:
    """What is left at these providers, and what `principal` has spent with them."""
    told: dict[str, ProviderCredits] = {}

    async def ask(provider: Provider) -> None:
        told[provider.spec.name] = await credits_of(provider, store, now)

    async with anyio.create_task_group() as group:
        for provider in providers:
            group.start_soon(ask, provider)
    names = [provider.spec.name for provider in providers]
    today, week, month = [await _spent_since(moment, names, store, principal) for moment in beginnings(now)]
    own = {cap.period: cap.most / MILLI for cap in await own_caps(principal.name, store, settings)}
    cap = own.get("day", settings.max_credits_per_day)
    return CreditsReport(tuple(told[name] for name in names), today, week, month, cap, own.get("month"))


async def _spent_since(moment: int, names: Sequence[str], store: Store, principal: Principal) -> float:
    spent = await store.spent(principal=principal.name, since=moment)
    return sum(amount for name, amount in spent.items() if name in names) / MILLI


async def credits_of(provider: Provider, store: Store, now: int) -> ProviderCredits:
    spec = provider.spec
    balance, error, note = None, None, _credits_note(provider)
    try:
        balance, before = await _seen(provider, store, now)
        if balance is not None and before is not None:
            note = note or _difference(before, balance)
    except FermataError as failure:
        error = str(failure)
    price = spec.price.high
    return ProviderCredits(
        provider=spec.name,
        configured=provider.configured,
        balance=balance,
        price_per_extend=price,
        extends_left=int(balance // price) if balance is not None and price else None,
        note=note,
        error=error,
    )


def _credits_note(provider: Provider) -> str | None:
    spec = provider.spec
    if not spec.price.high and (provider.configured or spec.set_by is None):
        return "free: nothing is charged"
    if not provider.configured:
        return f"not configured: set {spec.set_by}"
    return None if spec.has_balance else "this provider has no call that tells the balance"


def _difference(before: BalanceReading, balance: float) -> str | None:
    """Credits that went although no task of ours explains it, or a promised refund that did not come."""
    missing = (before.unexplained(round(balance * MILLI)) - before.unsure) / MILLI
    if missing < 1:
        return None
    return (
        f"{missing:g} credits fewer than Fermata's own tasks explain since {_clock_time(before.at)}: "
        "spent elsewhere, another price, or a refund that has not come"
    )


async def evidence(provider: Provider, store: Store, hold: int, now: int) -> str | None:
    """Whether the balance looks as if a lost request for `hold` milli-credits was charged; shown, never trusted."""
    balance, before = None, None
    with anyio.move_on_after(EVIDENCE_SECONDS), suppress(FermataError):
        balance, before = await _seen(provider, store, now)
    if balance is None:
        return None
    if before is None:
        return f"the balance is {balance:g} now; there is no earlier one to compare it with."
    return _verdict(before, balance, hold)


async def _seen(provider: Provider, store: Store, now: int) -> tuple[float | None, BalanceReading | None]:
    """The balance, if there is a way to ask for it, and the sighting before this one."""
    balance = await provider.balance() if provider.spec.has_balance and provider.configured else None
    if balance is None:
        return None, None
    seen = round(balance * MILLI)
    before = await store.see_balance(provider.account_id, seen, now=now)
    if before is not None:
        back = given_back(before, seen, await store.disputes(provider.account_id))
        await store.book_refunds(back, "the balance shows it", now=now)
    return balance, before


def _verdict(before: BalanceReading, balance: float, hold: int) -> str:
    missing = before.unexplained(round(balance * MILLI))
    seen = f"the balance was {before.balance / MILLI:g} at {_clock_time(before.at)} and is {balance:g} now"
    if before.spent > 0:
        seen += f" ({before.spent / MILLI:g} of it went to other tasks)"
    if before.unsure != hold:
        # Told after this request, or while others were open: the difference is not this request's.
        return f"{seen}."
    if missing == 0:
        return f"{seen}, as if this request was not charged."
    if missing == hold:
        return f"{seen}, as if this request was charged."
    return f"{seen}, which Fermata's own tasks do not explain."


def _clock_time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
