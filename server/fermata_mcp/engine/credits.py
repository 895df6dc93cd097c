"""What is left and what was spent: for those who ask before spending, and where a request's answer was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import anyio

from fermata_mcp.config import Settings
from fermata_mcp.domain.access.principal import Principal
from fermata_mcp.domain.credits import UNITS, BalanceReading, Unit, amount_of, bare, given_back, in_words, parts_of
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.engine.callers.budgets import own_caps
from fermata_mcp.providers.base import Provider, TellsOfItself
from fermata_mcp.store.base import Store

EVIDENCE_SECONDS = 3.0


@dataclass(frozen=True)
class ProviderCredits:
    """One provider's money, in its unit. None where it cannot be told.

    Attributes:
        price: In words.
        price_per_extend: The most that one extension costs; None where that goes by length.
    """

    provider: str
    configured: bool
    unit: Unit
    balance: float | None
    price: str
    price_per_extend: float | None
    extends_left: int | None
    note: str | None
    error: str | None


@dataclass(frozen=True)
class Spent:
    """What was spent of one unit. Days, weeks and months begin at midnight UTC, weeks on Monday.

    Attributes:
        cap_today: The principal's own, else that of the whole server.
    """

    spent_today: float
    spent_this_week: float
    spent_this_month: float
    cap_today: float | None
    cap_this_month: float | None

    @property
    def matters(self) -> bool:
        """Whether anything was spent or is capped."""
        return bool(self.spent_this_week or self.spent_this_month or self.cap_today or self.cap_this_month)


@dataclass(frozen=True)
class CreditsReport:
    """What is left, and what was spent of each unit: credits are never added to dollars."""

    providers: tuple[ProviderCredits, ...]
    spent: Mapping[Unit, Spent]


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
    spent: dict[Unit, Spent] = {unit: await _spent(unit, names, store, principal, settings, now) for unit in UNITS}
    return CreditsReport(tuple(told[name] for name in names), spent)


async def _spent(
    unit: Unit, names: Sequence[str], store: Store, principal: Principal, settings: Settings, now: int
) -> Spent:
    today, week, month = [await _spent_since(moment, unit, names, store, principal) for moment in beginnings(now)]
    own = {cap.period: amount_of(cap.most, unit) for cap in await own_caps(principal.name, unit, store, settings)}
    return Spent(today, week, month, own.get("day", settings.limits(unit).per_day), own.get("month"))


async def _spent_since(moment: int, unit: Unit, names: Sequence[str], store: Store, principal: Principal) -> float:
    spent = await store.spent(principal=principal.name, since=moment, unit=unit)
    return amount_of(sum(amount for name, amount in spent.items() if name in names), unit)


async def credits_of(provider: Provider, store: Store, now: int) -> ProviderCredits:
    spec = provider.spec
    balance, error, note = None, None, _credits_note(provider)
    try:
        note = await _about(provider) or note
        balance, before = await _seen(provider, store, now)
        if balance is not None and before is not None:
            note = note or _difference(before, balance, spec.unit)
    except FermataError as failure:
        error = str(failure)
    price = spec.price_of("extend").high if spec.price_of("extend").per is None else None
    return ProviderCredits(
        provider=spec.name,
        configured=provider.configured,
        unit=spec.unit,
        balance=balance,
        price=prices_in_words(spec),
        price_per_extend=price,
        extends_left=int(balance // price) if balance is not None and price else None,
        note=note,
        error=error,
    )


def prices_in_words(spec: ProviderSpec) -> str:
    """What an extension costs; where models differ, of each."""
    if not spec.model_prices:
        return spec.price.in_full
    named = {spec.default_model or "others": spec.price_of("extend"), **spec.model_prices}
    return "; ".join(f"{model}: {price.in_full}" for model, price in named.items())


def _credits_note(provider: Provider) -> str | None:
    spec = provider.spec
    if not spec.price.costs and (provider.configured or spec.set_by is None):
        return "free: nothing is charged"
    if not provider.configured:
        return f"not configured: set {spec.set_by}"
    return None if spec.has_balance else "this provider has no call that tells the balance"


async def _about(provider: Provider) -> str | None:
    """What a server of one's own says of itself. Raises ProviderError where it is not there."""
    if provider.spec.start is None or not provider.configured or not isinstance(provider, TellsOfItself):
        return None
    told = await provider.about()
    return None if told is None else f"free; the server is there: {told}"


def _difference(before: BalanceReading, balance: float, unit: Unit) -> str | None:
    """Money that went although no task of ours explains it, or a promised refund that did not come."""
    missing = before.unexplained(parts_of(balance, unit)) - before.unsure
    if missing < parts_of(_WORTH_TELLING[unit], unit):
        return None
    return (
        f"{in_words(amount_of(missing, unit), unit)} {'fewer' if unit == 'credits' else 'less'} than Fermata's own "
        f"tasks explain since {_clock_time(before.at)}: "
        "spent elsewhere, another price, or a refund that has not come"
    )


# Less may come of rounding somewhere.
_WORTH_TELLING: dict[Unit, float] = {"credits": 1, "usd": 0.01}


async def evidence(provider: Provider, store: Store, hold: int, now: int) -> str | None:
    """Whether the balance looks as if a lost request for `hold` parts was charged; shown, never trusted."""
    balance, before, unit = None, None, provider.spec.unit
    with anyio.move_on_after(EVIDENCE_SECONDS), suppress(FermataError):
        balance, before = await _seen(provider, store, now)
    if balance is None:
        return None
    if before is None:
        return f"the balance is {bare(balance, unit)} now; there is no earlier one to compare it with."
    return _verdict(before, balance, hold, unit)


async def _seen(provider: Provider, store: Store, now: int) -> tuple[float | None, BalanceReading | None]:
    """The balance, if there is a way to ask for it, and the sighting before this one."""
    balance = await provider.balance() if provider.spec.has_balance and provider.configured else None
    if balance is None:
        return None, None
    unit = provider.spec.unit
    seen = parts_of(balance, unit)
    before = await store.see_balance(provider.account_id, seen, unit, now=now)
    if before is not None:
        back = given_back(before, seen, await store.disputes(provider.account_id, unit))
        await store.book_refunds(back, "the balance shows it", now=now)
    return balance, before


def _verdict(before: BalanceReading, balance: float, hold: int, unit: Unit) -> str:
    missing = before.unexplained(parts_of(balance, unit))
    then = bare(amount_of(before.balance, unit), unit)
    seen = f"the balance was {then} at {_clock_time(before.at)} and is {bare(balance, unit)} now"
    if before.spent > 0:
        seen += f" ({bare(amount_of(before.spent, unit), unit)} of it went to other tasks)"
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
