"""Bearer tokens in the database: one function, one look or the inside of one transaction."""

from __future__ import annotations

from fermata_mcp.domain.access.token import Token
from fermata_mcp.domain.credits import Unit
from fermata_mcp.store.postgres.link.connecting import Sql
from fermata_mcp.store.tokens import CAP_COLUMNS, TOKEN_COLUMNS, token_from, token_row

_COLUMNS = ", ".join(TOKEN_COLUMNS)


async def add(c: Sql, *, token: Token) -> bool:
    await c.execute("DELETE FROM token WHERE name = $1 AND hash IS NULL", token.name)
    marks = ", ".join(f"${number}" for number, _ in enumerate(TOKEN_COLUMNS, 1))
    sql = f"INSERT INTO token ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (name) DO NOTHING RETURNING name"
    return await c.fetchval(sql, *token_row(token)) is not None


async def of_hash(c: Sql, *, hash_: str) -> Token | None:
    row = await c.fetchrow(f"SELECT {_COLUMNS} FROM token WHERE hash = $1", hash_)
    return None if row is None else token_from(row)


async def all_of_them(c: Sql) -> list[Token]:
    sql = f'SELECT {_COLUMNS} FROM token WHERE hash IS NOT NULL ORDER BY name COLLATE "C"'
    return [token_from(row) for row in await c.fetch(sql)]


async def revoke(c: Sql, *, name: str) -> bool:
    sql = "UPDATE token SET hash = NULL WHERE name = $1 AND hash IS NOT NULL RETURNING name"
    return await c.fetchval(sql, name) is not None


async def caps_of(c: Sql, *, principal: str, unit: Unit) -> tuple[int | None, int | None]:
    row = await c.fetchrow(f"SELECT {CAP_COLUMNS[unit]} FROM token WHERE name = $1", principal)
    return (None, None) if row is None else (row[0], row[1])
