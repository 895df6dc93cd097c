"""Files that ended the process which read them: known by their bytes, and never decoded again.

Kept in a small file in the data folder, one line each, the newest last; where it cannot be kept it is known until the
program ends.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

MOST = 512
_PIECE = 1 << 20


class Quarantine:
    """All methods read or write files: to be called in a thread."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._known: dict[str, None] | None = None

    def holds(self, path: Path) -> bool:
        """Whether this file, under whatever name, ended a process before."""
        known = self._read()
        with suppress(OSError):
            size = path.stat().st_size
            if any(one.startswith(f"{size}-") for one in known):
                return _named(path) in known
        return False

    def add(self, path: Path) -> None:
        known = self._read()
        with suppress(OSError):
            known[_named(path)] = None
            self._known = dict.fromkeys(list(known)[-MOST:])
            self._place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            from fermata_mcp.media.atomic import whole_file

            with whole_file(self._place) as part:
                part.write_text("".join(f"{one}\n" for one in self._known))

    def _read(self) -> dict[str, None]:
        if self._known is None:
            self._known = {}
            with suppress(OSError, ValueError):
                self._known = dict.fromkeys(self._place.read_text()[: MOST * 100].split()[-MOST:])
        return self._known


def _named(path: Path) -> str:
    digest, size = hashlib.blake2b(digest_size=16), 0
    with path.open("rb") as file:
        while data := file.read(_PIECE):
            digest.update(data)
            size += len(data)
    return f"{size}-{digest.hexdigest()}"
