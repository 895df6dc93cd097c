"""What is left and what was spent, for everybody who asks before spending."""

from __future__ import annotations

from dataclasses import dataclass

from fermata_mcp.domain.errors import FermataError
from fermata_mcp.providers.base import Provider


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
class Credits:
    providers: tuple[ProviderCredits, ...]
    spent_today: float
    cap_today: float | None


async def credits_of(provider: Provider) -> ProviderCredits:
    spec = provider.spec
    balance, error = None, None
    try:
        balance = await provider.balance() if spec.has_balance and provider.configured else None
    except FermataError as failure:
        error = str(failure)
    price = spec.price.high
    return ProviderCredits(
        provider=spec.name,
        configured=provider.configured,
        balance=balance,
        price_per_extend=price,
        extends_left=int(balance // price) if balance is not None and price else None,
        note=_credits_note(provider),
        error=error,
    )


def _credits_note(provider: Provider) -> str | None:
    spec = provider.spec
    if not spec.price.high:
        return "free: nothing is charged"
    if not provider.configured:
        return f"not configured: set {spec.key_variable}"
    return None if spec.has_balance else "this provider has no call that tells the balance"
