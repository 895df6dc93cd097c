"""Paths as text that can be stored, sent, shown and given back, also where a file's name is no UTF-8."""

from __future__ import annotations

import sys
from typing import Annotated
from urllib.parse import quote, unquote_to_bytes

from pydantic import AfterValidator, PlainSerializer

_ADDRESS = "file://"


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
