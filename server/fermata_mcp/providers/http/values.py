"""Values as providers write them: read without belief, None for what is none."""

from __future__ import annotations

import logging
import math
import re
from functools import lru_cache
from typing import Any

from fermata_mcp.domain.foreign.text import clean_text

from . import words

logger = logging.getLogger(__name__)
_FIRST_SEED = 7000


def seconds(value: Any) -> float | None:
    """A duration as providers write it (number, numeric text, sometimes milliseconds), or None."""
    found = number(value)
    if found is None or not 0 < found < 10_000_000:
        return None
    return found / 1000 if found > 3600 else found


def text(value: Any) -> str | None:
    """Text from a provider as data: one line, cleaned, cut; None for anything else."""
    return clean_text(value, 300) or None if isinstance(value, str) else None


def link(value: Any) -> str | None:
    """An http(s) address of printable characters, or None."""
    found = value.strip() if isinstance(value, str) else ""
    return found if found.isprintable() and re.match(r"https?://\S+$", found) else None


@lru_cache(256)
def note_once(provider: str, word: str) -> None:
    """Say in the log, once, that a provider uses a word nobody documented."""
    logger.warning("%s uses the state %r, which is not documented: taken as running", provider, word)


def number(value: Any) -> float | None:
    """A finite number, also from numeric text, or None."""
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def credits_in(value: Any) -> float | None:
    """Credits as a number, or as an object that names them."""
    told = words.mapping(value)
    if told is None:
        return number(value)
    parts = [number(told.get(name)) for name in ("credits", "extra_credits")]
    if parts != [None, None]:
        return sum(part or 0.0 for part in parts)
    others = (number(told.get(name)) for name in ("credit", "balance", "remaining_credits", "remaining"))
    return next((found for found in others if found is not None), None)


def seed_for(take: int) -> int:
    """Of its own for each take: what a provider chooses at random, nobody learns."""
    return _FIRST_SEED + take
