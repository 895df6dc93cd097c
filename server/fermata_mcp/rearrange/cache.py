"""Keeps what was found out about a file for the next time: a second extension of it starts at once.

A file is known by its size, its time and pieces of its bytes; by anything else it is simply analysed again.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.media.atomic import sweep, whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_VERSION = 5  # of what is kept; what another one kept is not read
_MOST = 48  # files, chosen: those of three minutes of music take 2 MB each
_PIECE = 65536  # bytes of the file that are looked at: first, middle, last

Arrays = dict[str, Any]


class Cache:
    """What is known about one source file, in `folder`; without a folder nothing is kept."""

    def __init__(self, folder: Path | None, source: Path) -> None:
        self._folder = folder
        self._source = _digest(source) if folder else ""

    def arrays(self, what: str, make: Callable[[], Arrays]) -> Mapping[str, Any]:
        """The arrays called `what`: as they were kept, or made now and kept from now on."""
        if self._folder is None:
            return make()
        name = hashlib.blake2b(f"{_VERSION} {what}".encode(), digest_size=8).hexdigest()
        place = self._folder / f"{self._source}-{name}.npz"
        arrays = _read(place)
        if arrays is None:
            arrays = make()
            _write(place, arrays)
        return arrays


def _digest(source: Path) -> str:
    facts = source.stat()
    digest = hashlib.blake2b(f"{facts.st_size} {facts.st_mtime_ns}".encode(), digest_size=16)
    with source.open("rb") as file:
        for at in (0, facts.st_size // 2, max(0, facts.st_size - _PIECE)):
            file.seek(at)
            digest.update(file.read(_PIECE))
    return digest.hexdigest()


def _read(place: Path) -> Arrays | None:
    try:
        with place.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
        os.utime(place)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    return arrays


def _write(place: Path, arrays: Arrays) -> None:
    """Keep it if that is possible; the oldest go."""
    with suppress(OSError, StoreUnavailable):
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        sweep(place.parent)
        with whole_file(place, durable=False) as part, part.open("wb") as file:
            np.savez(file, **arrays)
        for old in sorted(place.parent.glob("*.npz"), key=lambda one: one.stat().st_mtime)[:-_MOST]:
            old.unlink(missing_ok=True)
