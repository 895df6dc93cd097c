"""What comes back over HTTP, bounded and without belief."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

MAX_ANSWER_BYTES = 2 * 1024 * 1024
LONGEST_RETRY_AFTER = 300.0
MOST_HEADERS, LONGEST_HEADER = 64, 1000


class TooBig(Exception):
    """The answer is larger than any real one."""


async def limited(chunks: AsyncIterator[bytes]) -> bytes:
    found = bytearray()
    async for chunk in chunks:
        found += chunk
        if len(found) > MAX_ANSWER_BYTES:
            raise TooBig
    return bytes(found)


def headers_of(headers: Mapping[str, str]) -> dict[str, str]:
    """As many as any real answer has, each cut."""
    few = itertools.islice(headers.items(), MOST_HEADERS)
    return {name.lower()[:LONGEST_HEADER]: value[:LONGEST_HEADER] for name, value in few}


def parsed(raw: bytes) -> Any:
    """JSON, or None for anything else."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, within reason."""
    said = headers.get("retry-after")
    if said is None:
        return None
    try:
        wait = float(said)
    except ValueError:
        return _until(said)
    return min(LONGEST_RETRY_AFTER, max(0.0, wait)) if wait == wait else None


def _until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
        wait = (moment - moment.now(moment.tzinfo)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(LONGEST_RETRY_AFTER, max(0.0, wait))


def kind(error: Exception) -> str:
    """What went wrong below the answer, in words."""
    if isinstance(error, TooBig):
        return "an answer that is far too large"
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
