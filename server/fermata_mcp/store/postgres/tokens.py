"""Bearer tokens in the database: one function, one look or the inside of one transaction."""

from __future__ import annotations

from fermata_mcp.domain.access.token import Token
from fermata_mcp.store.postgres.link.connecting import Sql
from fermata_mcp.store.tokens import token_from

_COLUMNS = "name, hash, scopes, day_cap, month_cap, created_at"


async def add(c: Sql, *, token: Token) -> bool:
    await c.execute("DELETE FROM token WHERE name = $1 AND hash IS NULL", token.name)
    sql = f"""INSERT INTO token ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)
              ON CONFLICT (name) DO NOTHING RETURNING name"""
    scopes = ",".join(token.scopes)
    values = (token.name, token.hash, scopes, token.day_cap, token.month_cap, token.created_at)
    return await c.fetchval(sql, *values) is not None


async def of_hash(c: Sql, *, hash_: str) -> Token | None:
    row = await c.fetchrow(f"SELECT {_COLUMNS} FROM token WHERE hash = $1", hash_)
    return None if row is None else token_from(row)


async def all_of_them(c: Sql) -> list[Token]:
    sql = f'SELECT {_COLUMNS} FROM token WHERE hash IS NOT NULL ORDER BY name COLLATE "C"'
    return [token_from(row) for row in await c.fetch(sql)]


async def revoke(c: Sql, *, name: str) -> bool:
    sql = "UPDATE token SET hash = NULL WHERE name = $1 AND hash IS NOT NULL RETURNING name"
    return await c.fetchval(sql, name) is not None


async def caps_of(c: Sql, *, principal: str) -> tuple[int | None, int | None]:
    row = await c.fetchrow("SELECT day_cap, month_cap FROM token WHERE name = $1", principal)
    return (None, None) if row is None else (row[0], row[1])
