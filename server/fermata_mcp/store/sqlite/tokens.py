"""Bearer tokens in the SQLite file: one function, one look or the inside of one transaction."""

from __future__ import annotations

from fermata_mcp.domain.access.token import Token
from fermata_mcp.domain.credits import Unit
from fermata_mcp.store.tokens import CAP_COLUMNS, TOKEN_COLUMNS, token_from, token_row

from .file import Sql

_COLUMNS = ", ".join(TOKEN_COLUMNS)


def add(c: Sql, *, token: Token) -> bool:
    c.execute("DELETE FROM token WHERE name = ? AND hash IS NULL", (token.name,))
    marks = ", ".join("?" for _ in TOKEN_COLUMNS)
    c.execute(f"INSERT INTO token ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (name) DO NOTHING", token_row(token))
    return c.changes() == 1


def of_hash(c: Sql, *, hash_: str) -> Token | None:
    row = c.execute(f"SELECT {_COLUMNS} FROM token WHERE hash = ?", (hash_,)).fetchone()
    return None if row is None else token_from(row)


def all_of_them(c: Sql) -> list[Token]:
    return [token_from(row) for row in c.execute(f"SELECT {_COLUMNS} FROM token WHERE hash IS NOT NULL ORDER BY name")]


def revoke(c: Sql, *, name: str) -> bool:
    c.execute("UPDATE token SET hash = NULL WHERE name = ? AND hash IS NOT NULL", (name,))
    return c.changes() == 1


def caps_of(c: Sql, *, principal: str, unit: Unit) -> tuple[int | None, int | None]:
    row = c.execute(f"SELECT {CAP_COLUMNS[unit]} FROM token WHERE name = ?", (principal,)).fetchone()
    return (None, None) if row is None else (row[0], row[1])
