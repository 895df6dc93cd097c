"""Rows as a bad disk, another version or somebody's editor leave them: their table's rules are let go meanwhile."""

from __future__ import annotations

import re
from typing import Any

from fermata_mcp.store.sqlite.file import Sql
from fermata_mcp.store.sqlite.store import SqliteStore


class Bytes(bytes):
    """Stored as text, although it need not be any."""


async def damage(store: SqliteStore, table: str, column: str, value: Any, *, of: str) -> None:
    """Put `value` into a column of all rows of the task `of`."""
    await store._run(lambda c: _let_go(c, table, column, value, of))  # pyright: ignore[reportPrivateUsage]


def _let_go(c: Sql, table: str, column: str, value: Any, task_id: str) -> None:
    c.execute("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF")
    (schema,) = c.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchall()[0]
    _redefine(c, table, re.sub(r"(?<!IS) NOT NULL", "", schema).replace(") STRICT", ")"))
    given = "CAST(:value AS TEXT)" if isinstance(value, Bytes) else ":value"
    c.execute(
        f"UPDATE OR IGNORE {table} SET {column} = {given} WHERE {_WHOSE[table]}", {"value": value, "task": task_id}
    )
    _redefine(c, table, schema)
    c.execute("PRAGMA ignore_check_constraints = OFF; PRAGMA foreign_keys = ON")


_WHOSE = {
    "task": "id = :task",
    "step": "task_id = :task",
    "attempt": "step_id IN (SELECT id FROM step WHERE task_id = :task)",
    "clip": "task_id = :task",
    "idempotency": "task_id = :task",
}


def _redefine(c: Sql, table: str, schema: str) -> None:
    c.execute("PRAGMA writable_schema = ON")
    c.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (schema, table))
    c.execute("PRAGMA writable_schema = RESET")
