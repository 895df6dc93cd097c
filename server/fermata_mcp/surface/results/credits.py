"""What is left and what was spent, as data and as text."""

from __future__ import annotations

from pydantic import Field

from fermata_mcp.engine.credits import CreditsReport, ProviderCredits

from .view import Rounded, View


class CreditsView(View):
    providers: list[ProviderCredits]
    spent_today: Rounded
    spent_this_week: Rounded
    spent_this_month: Rounded
    cap_today: Rounded | None
    cap_this_month: Rounded | None = Field(default=None, exclude_if=lambda cap: cap is None)


def credits_view(told: CreditsReport) -> CreditsView:
    return CreditsView(
        providers=list(told.providers),
        spent_today=told.spent_today,
        spent_this_week=told.spent_this_week,
        spent_this_month=told.spent_this_month,
        cap_today=told.cap_today,
        cap_this_month=told.cap_this_month,
    )


def credits_text(view: CreditsView) -> str:
    """A line for each provider that is ready, one for what the others would cost, one for what was spent."""
    ready = [one for one in view.providers if one.configured]
    others = ", ".join(_price_line(one) for one in view.providers if not one.configured)
    cap = "" if view.cap_today is None else f" of {view.cap_today:g}"
    monthly = "" if view.cap_this_month is None else f" of {view.cap_this_month:g}"
    spent = (
        f"Spent: {view.spent_today:g}{cap} credits today, {view.spent_this_week:g} this week, "
        f"{view.spent_this_month:g}{monthly} this month (UTC)."
    )
    return "\n".join([*map(_credit_line, ready), *([f"Without a key: {others}."] if others else []), spent])


def _price_line(one: ProviderCredits) -> str:
    return f"{one.provider} {_price(one)} ({one.note})"


def _price(one: ProviderCredits) -> str:
    if one.price_per_extend is None:
        return "price unknown"
    return f"up to {one.price_per_extend:g} credits an extension" if one.price_per_extend else "free"


def _credit_line(one: ProviderCredits) -> str:
    if one.error:
        return f"{one.provider}: {one.error}"
    balance = None if one.balance is None else f"{one.balance:g} credits"
    left = None if one.extends_left is None else f"enough for {one.extends_left} extensions"
    price = _price(one) if one.price_per_extend or not one.note else None
    return f"{one.provider}: {', '.join(fact for fact in (balance, left, one.note, price) if fact)}."
