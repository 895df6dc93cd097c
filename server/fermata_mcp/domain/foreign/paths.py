"""Paths as text that can be stored, sent, shown and given back, also where a file's name is no UTF-8."""

from __future__ import annotations

import re
import sys
from typing import Annotated
from urllib.parse import quote, unquote_to_bytes

from pydantic import AfterValidator, PlainSerializer

_ADDRESS = "file://"
_QUOTES = {"'": "'", "\u2018": "\u2019", '"': '"', "`": "`", "“": "”", "„": "“", "«": "»", "<": ">", "「": "」"}
_QUOTED = re.compile(r"(?P<left>.)(?P<text>.*)(?P<right>.)", re.DOTALL)
_HOME = re.compile(r"^(\$HOME|\$\{HOME\})(?=[/\\]|$)")
_ESCAPED = re.compile(r"\\([^A-Za-z0-9\\/])")


def unquoted(text: str) -> str:
    """Without the quotes that shells, file managers and writers put around a path."""
    match = _QUOTED.fullmatch(text)
    return match["text"].strip() if match and _QUOTES.get(match["left"]) == match["right"] else text


def from_home(text: str) -> str:
    """With `~` for a `$HOME` at its beginning, as a shell would have it."""
    return _HOME.sub("~", text)


def meant(text: str) -> str:
    """A path for something new, which no look at the disk can tell: as it was copied from a shell or an address bar."""
    plain = unquoted(text.strip())
    if plain.lower().startswith("file:/"):
        return of_address(re.sub(r"^file:(//(localhost)?(?=/))?", "", plain, flags=re.IGNORECASE))
    return _ESCAPED.sub(r"\1", from_home(plain)) if sys.platform != "win32" else from_home(plain)


def written(path: str) -> str:
    """`path` itself, or its `file://` address where a byte of it is no letter (a lone surrogate in Python's words)."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return _ADDRESS + quote(path.encode("utf-8", "surrogateescape"))
    return path


def read(text: str) -> str:
    """The path that `written` wrote."""
    return of_address(text.removeprefix(_ADDRESS)) if text.startswith(_ADDRESS) else text


def of_address(quoted: str) -> str:
    """The path in a `file://` address, as this system names files."""
    return unquote_to_bytes(quoted).decode(sys.getfilesystemencoding(), "surrogateescape")


def shown(text: str) -> str:
    """Words in which what is no letter is written as its number."""
    return text.encode("utf-8", "backslashreplace").decode()


StoredPath = Annotated[str, AfterValidator(read), PlainSerializer(written, when_used="json")]
"""A path in memory, and `written` in JSON."""
