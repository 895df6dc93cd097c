"""From a database file to a database server: every row, in one transaction, and the file stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.moments import counted
from fermata_mcp.store.sqlite.file import Sql, in_words, scripts

from .damage import is_ours, opened_to_read

if TYPE_CHECKING:
    from fermata_mcp.store.postgres.filling import Rows
    from fermata_mcp.store.postgres.store import PostgresStore

# The one that is only filled while something is removed.
_PASSING = ("removal",)
_UNDER_WAY = "due_at IS NOT NULL AND state IN ('queued', 'submitting', 'waiting', 'unknown')"


async def move(path: Path, store: PostgresStore) -> dict[str, int]:
    """Copy all that the file at `path` holds into the empty database of `store`. Returns the rows of each table.

    Raises:
        InvalidRequest: There is no such file of this version, something in it is under way, or the target has rows.
        StoreUnavailable: One of the two cannot be used.
    """
    if not is_ours(path):
        raise InvalidRequest(f"{path} is no task database of this version.", "name one with --from FILE.")
    try:
        source = opened_to_read(path)
        try:
            source.execute("BEGIN")  # one moment for all tables
            _check(source, path)
            return await store.fill(_all_rows(source))
        finally:
            source.close()
    except (apsw.Error, UnicodeDecodeError) as error:
        raise in_words(error, path) from error


def _check(source: Sql, path: Path) -> None:
    if int(source.pragma("user_version")) != len(scripts()):
        raise InvalidRequest(
            f"{path.name} was written by an older version of Fermata.",
            "run fermata-mcp tasks once with it; then again.",
        )
    under_way: Any = source.execute(f"SELECT count(DISTINCT task_id) FROM step WHERE {_UNDER_WAY}").get
    if under_way:
        raise InvalidRequest(
            f"{counted(under_way, 'task', 'is', 'are')} still under way in {path.name}.",
            "let them end (fermata-mcp tasks), end every Fermata process, and call again.",
        )


def _all_rows(source: Sql) -> Iterator[Rows]:
    from fermata_mcp.store.postgres.filling import Rows

    for table in _in_order(source):
        columns = tuple(row[1] for row in source.execute(f"PRAGMA table_info({table})").fetchall())
        yield Rows(table, columns, source.execute(f"SELECT {', '.join(columns)} FROM {table}"))


def _in_order(source: Sql) -> list[str]:
    """Every table after those that its rows name."""
    tables = [row[0] for row in source.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    left = [name for name in tables if not name.startswith("sqlite_") and name not in _PASSING]
    named = {name: {row[2] for row in source.execute(f"PRAGMA foreign_key_list({name})")} - {name} for name in left}
    ordered = list[str]()
    while left:
        ready = [name for name in left if named[name] <= set(ordered)]
        ordered += ready
        left = [name for name in left if name not in ready]
    return ordered
