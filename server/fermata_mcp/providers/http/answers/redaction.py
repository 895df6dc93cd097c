"""Takes an account's key out of what its provider says, however it is spelt there.

It is done after decoding: JSON can spell any letter as a number, and a short key can be part of the words that carry
an answer.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote, quote_plus

SHOWN = "[key]"
# A shorter key is taken out where it stands alone: inside words it is chance.
_LONG = 8


class Redaction:
    """What to look for in one account's answers."""

    def __init__(self, key: str) -> None:
        self._found = _finder(key)

    def text(self, said: str) -> str:
        return self._found.sub(SHOWN, said)

    def value(self, body: Any) -> Any:
        """Parsed JSON without the key: in values and in names, at any depth."""
        if isinstance(body, str):
            return self.text(body)
        if isinstance(body, list):
            return [self.value(one) for one in cast("list[Any]", body)]
        if isinstance(body, dict):
            return {self.text(name): self.value(one) for name, one in cast("dict[str, Any]", body).items()}
        return body


@lru_cache(maxsize=64)
def _finder(key: str) -> re.Pattern[str]:
    spelt = sorted(set(_spellings(key)), key=len, reverse=True)
    return re.compile("|".join(_pattern(one) for one in spelt), re.IGNORECASE)


def _spellings(key: str) -> Iterable[str]:
    """The key itself, in addresses, in pages, as JSON text inside text, and as basic authentication encodes it."""
    yield from (key, quote(key, safe=""), quote_plus(key), html.escape(key))
    yield key.replace("/", "\\/")
    yield "".join(f"\\u{ord(letter):04x}" for letter in key)
    if len(key) < _LONG:
        return  # encoded, so few letters are anybody's
    for before in ("", "x", "xx"):  # base64 spells the same bytes in three ways, by where they begin
        coded = base64.b64encode((before + key).encode()).decode().rstrip("=")
        yield coded[(0, 2, 3)[len(before)] : len(coded) - (1 if (len(before) + len(key)) % 3 else 0)]


def _pattern(spelt: str) -> str:
    escaped = re.escape(spelt)
    return escaped if len(spelt) >= _LONG else rf"(?<![0-9A-Za-z]){escaped}(?![0-9A-Za-z])"
