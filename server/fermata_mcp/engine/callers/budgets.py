"""The caps that hold for a principal's money: those of the server, and the own ones; of one unit at a time."""

from __future__ import annotations

from fermata_mcp.config import Settings
from fermata_mcp.domain.access.principal import ONE_PERSON
from fermata_mcp.domain.change import Cap
from fermata_mcp.domain.credits import Unit, parts_of
from fermata_mcp.store.base import Store


async def caps_for(principal: str, unit: Unit, store: Store, settings: Settings) -> tuple[Cap, ...]:
    """What a paid request of this principal must stay within, in the same transaction. Raises StoreUnavailable."""
    server = settings.limits(unit).per_day
    together = () if server is None else (Cap("day", parts_of(server, unit), unit=unit),)
    return together + await own_caps(principal, unit, store, settings)


async def own_caps(principal: str, unit: Unit, store: Store, settings: Settings) -> tuple[Cap, ...]:
    """What was said of this one, else what the settings say of everyone who signs in. Raises StoreUnavailable."""
    if principal == ONE_PERSON.name:
        return ()
    day, month = await store.caps_of(principal, unit)
    everyone = settings.limits(unit)
    day = _parts(everyone.per_day_each, unit) if day is None else day
    month = _parts(everyone.per_month_each, unit) if month is None else month
    daily = () if day is None else (Cap("day", day, principal, unit),)
    return daily if month is None else (*daily, Cap("month", month, principal, unit))


def _parts(amount: float | None, unit: Unit) -> int | None:
    return None if amount is None else parts_of(amount, unit)
