"""What all results as data share: closed models, and numbers as a person would say them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


class View(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)


def hundredths(number: float) -> float:
    """Nobody hears, or pays for, less than a hundredth."""
    return round(number, 2)


Rounded = Annotated[float, AfterValidator(hundredths)]


def as_paid(amount: float) -> float:
    """To the millionth: what is paid by the second costs 0.0002 dollars."""
    return round(amount, 6)


Paid = Annotated[float, AfterValidator(as_paid)]


def iso(milliseconds: int) -> str:
    """Unix milliseconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_minutes(milliseconds: int) -> str:
    """The same to the minute, for lists: every character is paid for in each row."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ")
