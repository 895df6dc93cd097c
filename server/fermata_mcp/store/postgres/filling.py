"""Filling an empty database with the rows of another store, all of them or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from fermata_mcp.domain.errors import InvalidRequest, StoreUnavailable
from fermata_mcp.store.postgres.link.connecting import Sql

PATIENCE_SECONDS = 6 * 3600.0
# What a server that was only started has written already, and what is about this database and no other.
_OURS = ("fermata_schema", "incarnation")
_MADE_AT_ONCE = ("secret",)


@dataclass(frozen=True)
class Rows:
    """All rows of one table, each as values of `columns`."""

    table: str
    columns: tuple[str, ...]
    rows: Iterable[Sequence[Any]]


async def fill(c: Sql, *, tables: Iterable[Rows]) -> dict[str, int]:
    """Copy tables in the order given. Returns how many rows each got.

    Raises:
        InvalidRequest: The database is not empty.
    """
    await c.execute("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
    kinds = await _kinds(c)
    await _check_empty(c, kinds)
    counts = dict[str, int]()
    for one in tables:
        if one.table not in kinds or not set(one.columns) <= set(kinds[one.table]):
            raise StoreUnavailable(f"the table {one.table} has no place in this database.", "report it.")
        counts[one.table] = await _fill(c, one, kinds[one.table])
    for table, column in await c.fetch(_COUNTED):
        last = f"SELECT setval(pg_get_serial_sequence($1, $2), max({column})) FROM {table} HAVING max({column}) > 0"
        await c.execute(last, table, column)
    return counts


_COUNTED = """SELECT table_name, column_name FROM information_schema.columns
              WHERE table_schema = current_schema() AND is_identity = 'YES'"""


async def _kinds(c: Sql) -> dict[str, dict[str, str]]:
    """The type of each column of each of our tables."""
    found = dict[str, dict[str, str]]()
    sql = """SELECT table_name, column_name, data_type FROM information_schema.columns
             WHERE table_schema = current_schema() AND is_generated = 'NEVER'"""
    for table, column, kind in await c.fetch(sql):
        if table not in _OURS:
            found.setdefault(table, {})[column] = kind
    return found


async def _check_empty(c: Sql, tables: Iterable[str]) -> None:
    for table in tables:
        if table not in _MADE_AT_ONCE and await c.fetchval(f"SELECT EXISTS (SELECT 1 FROM {table})"):
            raise InvalidRequest(
                f"the database that FERMATA_STORE_URL names is in use already: its table {table} has rows.",
                "name an empty database (createdb fermata), or unset FERMATA_STORE_URL to go on with the file.",
            )


async def _fill(c: Sql, one: Rows, kinds: dict[str, str]) -> int:
    # Nobody waits for what is not yet committed, so nobody is told of each row.
    await c.execute(f"ALTER TABLE {one.table} DISABLE TRIGGER USER")
    await c.execute(f"DELETE FROM {one.table}")
    truths = [number for number, column in enumerate(one.columns) if kinds[column] == "boolean"]
    copied: str = await cast(Any, c).copy_records_to_table(
        one.table, columns=one.columns, records=_as_kept(one.rows, truths), timeout=PATIENCE_SECONDS
    )
    await c.execute(f"ALTER TABLE {one.table} ENABLE TRIGGER USER")
    return int(copied.removeprefix("COPY "))


def _as_kept(rows: Iterable[Sequence[Any]], truths: list[int]) -> Iterable[tuple[Any, ...]]:
    for row in rows:
        values = list(row)
        for number in truths:
            values[number] = bool(values[number])
        yield tuple(values)
