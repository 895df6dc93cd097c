"""Lengths, moments and sizes as people say them."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ("bytes", "KB", "MB", "GB", "TB")


def minutes(seconds: float | None) -> str:
    """1:05 or 1:02:03; a dash where it is not known."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def ago(moment: str, now: datetime | None = None) -> str:
    """How long ago an ISO 8601 moment was, in the largest unit that fits."""
    passed = ((now or datetime.now(UTC)) - datetime.fromisoformat(moment)).total_seconds()
    if passed < 60:
        return "just now"
    for unit, length, most in (("min", 60, 3600), ("h", 3600, 86_400), ("days", 86_400, 14 * 86_400)):
        if passed < most:
            count = int(passed // length)
            return f"{count} {'day' if unit == 'days' and count == 1 else unit} ago"
    return moment[:10]


def age(seconds: float) -> str:
    """A span of time in the largest unit that it fills: 30 days, 12 hours."""
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = seconds / length
            return f"{count:.3g} {unit}{'' if count == 1 else 's'}"
    return f"{seconds:.3g} seconds"


def size(count: int) -> str:
    """`1.2 GB`, in steps of 1000."""
    amount, unit = float(count), 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 or amount >= 10 else f"{amount:.1f} {_UNITS[unit]}"
