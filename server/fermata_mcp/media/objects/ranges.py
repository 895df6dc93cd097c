"""Which part of a file a request asks for, by RFC 9110, section 14."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE = re.compile(r"(?P<first>\d{1,18})?\s*-\s*(?P<last>\d{1,18})?")
_PUT = re.compile(r"bytes (?:(?P<first>\d{1,18})-(?P<last>\d{1,18})|\*)/(?P<total>\d{1,18})")


@dataclass(frozen=True)
class Part:
    """Bytes from `first` up to, and without, `end`."""

    first: int
    end: int


class NoSuchPart(Exception):
    """The file has none of the bytes that were asked for."""


def part_asked_for(header: str | None, size: int) -> Part | None:
    """The one part that a `Range` header asks for; None for the whole file.

    A header that means nothing is to be ignored, and so may one that asks for several parts be.

    Raises:
        NoSuchPart: What is asked for lies behind the end.
    """
    unit, _, asked = (header or "").partition("=")
    found = _ONE.fullmatch(asked.strip())
    if unit.strip().lower() != "bytes" or found is None or found["first"] is found["last"] is None:
        return None
    if found["first"] is None:
        wanted = min(int(found["last"]), size)
        if not wanted:
            raise NoSuchPart
        return Part(size - wanted, size)
    first, last = int(found["first"]), int(found["last"] or size)
    if last < first and found["last"] is not None:
        return None
    if first >= size:
        raise NoSuchPart
    return Part(first, min(last + 1, size))


@dataclass(frozen=True)
class Sent:
    """What a `Content-Range` says of a request's body: `part` of `total` bytes, or None for a question."""

    part: Part | None
    total: int


def part_sent(header: str) -> Sent | None:
    """What `bytes 0-99/1000` or `bytes */1000` says; None where it says nothing that makes sense."""
    found = _PUT.fullmatch(header.strip())
    if found is None:
        return None
    total = int(found["total"])
    if found["first"] is None:
        return Sent(None, total)
    part = Part(int(found["first"]), int(found["last"]) + 1)
    return Sent(part, total) if part.first < part.end <= total else None
