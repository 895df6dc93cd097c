"""The caps that hold for a principal's money: those of the server, and the own ones."""

from __future__ import annotations

from fermata_mcp.config import Settings
from fermata_mcp.domain.access.principal import ONE_PERSON
from fermata_mcp.domain.change import Cap
from fermata_mcp.domain.credits import MILLI
from fermata_mcp.store.base import Store


async def caps_for(principal: str, store: Store, settings: Settings) -> tuple[Cap, ...]:
    """What a paid request of this principal must stay within, in the same transaction. Raises StoreUnavailable."""
    server = settings.max_credits_per_day
    together = () if server is None else (Cap("day", round(server * MILLI)),)
    return together + await own_caps(principal, store, settings)


async def own_caps(principal: str, store: Store, settings: Settings) -> tuple[Cap, ...]:
    """What was said of this one, else what the settings say of everyone who signs in. Raises StoreUnavailable."""
    if principal == ONE_PERSON.name:
        return ()
    day, month = await store.caps_of(principal)
    if day is None and settings.max_credits_per_day_each is not None:
        day = round(settings.max_credits_per_day_each * MILLI)
    if month is None and settings.max_credits_per_month_each is not None:
        month = round(settings.max_credits_per_month_each * MILLI)
    daily = () if day is None else (Cap("day", day, principal),)
    return daily if month is None else (*daily, Cap("month", month, principal))
