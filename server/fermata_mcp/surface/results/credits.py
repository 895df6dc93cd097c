"""What is left and what was spent, as data and as text."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import Field

from fermata_mcp.domain.credits import Unit, bare, in_words
from fermata_mcp.domain.moments import counted
from fermata_mcp.engine.credits import CreditsReport, ProviderCredits, Spent

from .view import Paid, View


class SpentView(View):
    spent_today: Paid
    spent_this_week: Paid
    spent_this_month: Paid
    cap_today: Paid | None
    cap_this_month: Paid | None = Field(default=None, exclude_if=lambda cap: cap is None)


class CreditsView(SpentView):
    """What was spent in credits; `usd` is what was spent in dollars, where anything is."""

    providers: list[ProviderCredits]
    usd: SpentView | None = Field(default=None, exclude_if=lambda spent: spent is None)


def credits_view(told: CreditsReport) -> CreditsView:
    dollars = told.spent["usd"]
    paid_in_dollars = dollars.matters or any(one.unit == "usd" and one.configured for one in told.providers)
    usd = _spent(dollars) if paid_in_dollars else None
    return CreditsView(providers=list(told.providers), usd=usd, **_spent(told.spent["credits"]).model_dump())


def _spent(spent: Spent) -> SpentView:
    return SpentView.model_validate(asdict(spent))


def credits_text(view: CreditsView) -> str:
    """A line for each provider that is ready, one for what the others would cost, one a unit for what was spent."""
    ready = [one for one in view.providers if one.configured]
    others = ", ".join(_price_line(one) for one in view.providers if not one.configured)
    spent = [_spent_line(view, "credits"), *([_spent_line(view.usd, "usd")] if view.usd else [])]
    return "\n".join([*map(_credit_line, ready), *([f"Without a key: {others}."] if others else []), *spent])


def _spent_line(spent: SpentView, unit: Unit) -> str:
    today = _of_cap(spent.spent_today, spent.cap_today, unit)
    month = _of_cap(spent.spent_this_month, spent.cap_this_month, unit)
    today = f"{today} credits" if unit == "credits" else today
    return f"Spent: {today} today, {bare(spent.spent_this_week, unit)} this week, {month} this month (UTC)."


def _of_cap(spent: float, cap: float | None, unit: Unit) -> str:
    return bare(spent, unit) if cap is None else f"{bare(spent, unit)} of {bare(cap, unit)}"


def _price_line(one: ProviderCredits) -> str:
    return f"{one.provider} {_price(one)} ({one.note})"


def _price(one: ProviderCredits) -> str:
    return one.price if one.price == "free" else f"up to {one.price}"


def _credit_line(one: ProviderCredits) -> str:
    if one.error:
        return f"{one.provider}: {one.error}"
    balance = None if one.balance is None else in_words(one.balance, one.unit)
    left = None if one.extends_left is None else f"enough for {counted(one.extends_left, 'extension')}"
    price = _price(one) if one.price != "free" or not one.note else None
    return f"{one.provider}: {', '.join(fact for fact in (balance, left, one.note, price) if fact)}."
