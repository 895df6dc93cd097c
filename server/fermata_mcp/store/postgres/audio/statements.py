"""Kept audio and uploads in the database: the inside of one transaction each. See `store.objects`."""

from __future__ import annotations

from collections.abc import Collection

from fermata_mcp.store.objects import Kept, KeptAudio, Upload
from fermata_mcp.store.postgres.link.connecting import Sql

_UPLOAD = "id, principal, name, bytes, created_at, expires_at, key"


async def keep(c: Sql, *, owner: str, principal: str, sha256: str, size: int, key: str, now: int) -> KeptAudio:
    name = key.rpartition("/")[2]
    # Its row is held until this transaction ends, so that whoever lets go of it waits, and sees that it is needed.
    sql = """INSERT INTO object (key, principal, sha256, name, bytes, created_at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (principal, sha256, name) DO UPDATE SET bytes = excluded.bytes RETURNING key, stored_at"""
    kept, stored_at = await c.fetchrow(sql, key, principal, sha256, name, size, now)
    await c.execute("INSERT INTO holding (owner, key) VALUES ($1, $2) ON CONFLICT DO NOTHING", owner, kept)
    return KeptAudio(kept, stored_at is not None)


async def is_stored(c: Sql, *, key: str, now: int) -> None:
    await c.execute("UPDATE object SET stored_at = $1 WHERE key = $2", now, key)


async def also_needs(c: Sql, *, owner: str, key: str) -> bool:
    if await c.fetchval("SELECT 1 FROM object WHERE key = $1 FOR UPDATE", key) is None:
        return False
    await c.execute("INSERT INTO holding (owner, key) VALUES ($1, $2) ON CONFLICT DO NOTHING", owner, key)
    return True


async def release(c: Sql, *, owner: str, but: Collection[str]) -> list[str]:
    held = "SELECT key FROM holding WHERE owner = $1 AND key <> ALL ($2::text[])"
    await c.execute(f"SELECT 1 FROM object WHERE key IN ({held}) ORDER BY key FOR UPDATE", owner, list(but))
    sql = "DELETE FROM holding WHERE owner = $1 AND key <> ALL ($2::text[]) RETURNING key"
    gone = [row[0] for row in await c.fetch(sql, owner, list(but))]
    free = """DELETE FROM object o WHERE key = ANY ($1::text[])
              AND NOT EXISTS (SELECT 1 FROM holding h WHERE h.key = o.key) RETURNING key"""
    return [row[0] for row in await c.fetch(free, gone)]


async def ownerless(c: Sql, *, before: int) -> list[str]:
    sql = """SELECT DISTINCT h.owner FROM holding h JOIN object o ON o.key = h.key
             WHERE o.created_at < $1 AND NOT EXISTS (SELECT 1 FROM task t WHERE t.id = h.owner)
             AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.id = h.owner)"""
    return [row[0] for row in await c.fetch(sql, before)]


async def bytes_of(c: Sql, *, keys: Collection[str]) -> dict[str, int]:
    rows = await c.fetch("SELECT key, bytes FROM object WHERE key = ANY ($1::text[])", list(keys))
    return {row[0]: row[1] for row in rows}


async def kept_of(c: Sql, *, principal: str, now: int) -> Kept:
    kept = await c.fetchval("SELECT coalesce(sum(bytes), 0)::bigint FROM object WHERE principal = $1", principal)
    sql = """SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM upload
             WHERE principal = $1 AND key IS NULL AND expires_at > $2"""
    count, declared = await c.fetchrow(sql, principal, now)
    return Kept(kept + declared, count)


async def add_upload(c: Sql, *, upload: Upload, most_open: int, most_bytes: int) -> Kept | None:
    # One after another for each principal, so that two at once do not both find the last room.
    await c.execute("SELECT pg_advisory_xact_lock(hashtextextended('upload ' || $1, 0))", upload.principal)
    has = await kept_of(c, principal=upload.principal, now=upload.created_at)
    if has.uploads >= most_open or has.bytes + upload.size > most_bytes:
        return has
    row = (upload.id, upload.principal, upload.name, upload.size, upload.created_at, upload.expires_at, upload.key)
    await c.execute(f"INSERT INTO upload ({_UPLOAD}) VALUES ($1, $2, $3, $4, $5, $6, $7)", *row)
    return None


async def upload(c: Sql, *, upload_id: str, now: int) -> Upload | None:
    row = await c.fetchrow(f"SELECT {_UPLOAD} FROM upload WHERE id = $1 AND expires_at > $2", upload_id, now)
    return None if row is None else Upload(*row)


async def use_upload(c: Sql, *, upload_id: str, key: str, expires_at: int) -> None:
    await c.execute("UPDATE upload SET key = $1, expires_at = $2 WHERE id = $3", key, expires_at, upload_id)


async def expired_uploads(c: Sql, *, now: int) -> list[str]:
    return [row[0] for row in await c.fetch("SELECT id FROM upload WHERE expires_at <= $1", now)]


async def remove_upload(c: Sql, *, upload_id: str) -> None:
    await c.execute("DELETE FROM upload WHERE id = $1", upload_id)
