"""What all programs on one store share and nobody else may know: the inside of one transaction."""

from __future__ import annotations

import secrets

from fermata_mcp.store.base import SECRET_BYTES
from fermata_mcp.store.postgres.link.connecting import Sql

_SHARED = "shared"


async def shared(c: Sql) -> bytes:
    """The one secret of this store, made by whoever asks first."""
    fresh = "INSERT INTO secret (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING"
    await c.execute(fresh, _SHARED, secrets.token_bytes(SECRET_BYTES))
    return bytes(await c.fetchval("SELECT value FROM secret WHERE name = $1", _SHARED))
