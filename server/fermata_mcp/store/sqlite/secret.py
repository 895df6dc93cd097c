"""What all programs on one store share and nobody else may know: the inside of one transaction."""

from __future__ import annotations

import secrets

from fermata_mcp.store.base import SECRET_BYTES

from .file import Sql

_SHARED = "shared"


def shared(c: Sql) -> bytes:
    """The one secret of this store, made by whoever asks first."""
    c.execute("INSERT OR IGNORE INTO secret (name, value) VALUES (?, ?)", (_SHARED, secrets.token_bytes(SECRET_BYTES)))
    return bytes(c.execute("SELECT value FROM secret WHERE name = ?", (_SHARED,)).get)
