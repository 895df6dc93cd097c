"""Which store the settings name."""

from __future__ import annotations

import time
from importlib.util import find_spec

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import StoreUnavailable

from .base import Store

DATABASE = "fermata.db"
_SCHEMES = ("postgresql://", "postgres://")


def open_store(settings: Settings) -> Store:
    """The store that the settings name; it is opened on first use.

    Raises:
        StoreUnavailable: There is no such kind of database, or its driver is not installed.
    """
    url = settings.store_url.get_secret_value() if settings.store_url else None
    if url is None:
        from .sqlite.store import SqliteStore

        return SqliteStore(settings.data_dir / DATABASE, steady=time.monotonic)
    if not url.startswith(_SCHEMES):
        raise StoreUnavailable(
            "FERMATA_STORE_URL names a database that this version cannot use.",
            "give it postgresql://…, or unset it to use a file in the data folder.",
        )
    if find_spec("asyncpg") is None:
        raise StoreUnavailable(
            "FERMATA_STORE_URL names a PostgreSQL database, and its driver is not installed.",
            "run pip install 'fermata-mcp[postgres]' and start again.",
        )
    from .postgres.store import PostgresStore

    return PostgresStore(url, steady=time.monotonic)
