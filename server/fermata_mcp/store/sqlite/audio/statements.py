"""Kept audio and uploads in the SQLite file: the inside of one transaction each. See `store.objects`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fermata_mcp.store.objects import Kept, KeptAudio, Upload
from fermata_mcp.store.sqlite.file import Sql

_UPLOAD = "id, principal, name, bytes, created_at, expires_at, key"


def keep(c: Sql, *, owner: str, principal: str, sha256: str, size: int, key: str, now: int) -> KeptAudio:
    name = key.rpartition("/")[2]
    sql = """INSERT OR IGNORE INTO object (key, principal, sha256, name, bytes, created_at) VALUES (?, ?, ?, ?, ?, ?)"""
    c.execute(sql, (key, principal, sha256, name, size, now))
    found = c.execute(
        "SELECT key, stored_at FROM object WHERE principal = ? AND sha256 = ? AND name = ?", (principal, sha256, name)
    ).fetchone()
    c.execute("INSERT OR IGNORE INTO holding (owner, key) VALUES (?, ?)", (owner, found[0]))
    return KeptAudio(found[0], found[1] is not None)


def is_stored(c: Sql, *, key: str, now: int) -> None:
    c.execute("UPDATE object SET stored_at = ? WHERE key = ?", (now, key))


def also_needs(c: Sql, *, owner: str, key: str) -> bool:
    if not c.execute("SELECT 1 FROM object WHERE key = ?", (key,)).get:
        return False
    c.execute("INSERT OR IGNORE INTO holding (owner, key) VALUES (?, ?)", (owner, key))
    return True


def release(c: Sql, *, owner: str, but: Collection[str]) -> list[str]:
    held = [row[0] for row in c.execute("SELECT key FROM holding WHERE owner = ?", (owner,))]
    gone = [key for key in held if key not in but]
    for key in gone:
        c.execute("DELETE FROM holding WHERE owner = ? AND key = ?", (owner, key))
    free = [key for key in gone if not c.execute("SELECT 1 FROM holding WHERE key = ?", (key,)).get]
    for key in free:
        c.execute("DELETE FROM object WHERE key = ?", (key,))
    return free


def ownerless(c: Sql, *, before: int) -> list[str]:
    sql = """SELECT DISTINCT h.owner FROM holding h JOIN object o ON o.key = h.key
             WHERE o.created_at < ? AND NOT EXISTS (SELECT 1 FROM task WHERE id = h.owner)
             AND NOT EXISTS (SELECT 1 FROM upload WHERE id = h.owner)"""
    return [row[0] for row in c.execute(sql, (before,))]


def bytes_of(c: Sql, *, keys: Collection[str]) -> dict[str, int]:
    found = {key: c.execute("SELECT bytes FROM object WHERE key = ?", (key,)).get for key in keys}
    return {key: int(size) for key, size in found.items() if size is not None}


def kept_of(c: Sql, *, principal: str, now: int) -> Kept:
    kept: Any = c.execute("SELECT coalesce(sum(bytes), 0) FROM object WHERE principal = ?", (principal,)).get
    sql = "SELECT count(*), coalesce(sum(bytes), 0) FROM upload WHERE principal = ? AND key IS NULL AND expires_at > ?"
    count, declared = c.execute(sql, (principal, now)).fetchone()
    return Kept(int(kept) + int(declared), int(count))


def add_upload(c: Sql, *, upload: Upload, most_open: int, most_bytes: int) -> Kept | None:
    has = kept_of(c, principal=upload.principal, now=upload.created_at)
    if has.uploads >= most_open or has.bytes + upload.size > most_bytes:
        return has
    row = (upload.id, upload.principal, upload.name, upload.size, upload.created_at, upload.expires_at, upload.key)
    c.execute(f"INSERT INTO upload ({_UPLOAD}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    return None


def upload(c: Sql, *, upload_id: str, now: int) -> Upload | None:
    sql = f"SELECT {_UPLOAD} FROM upload WHERE id = ? AND expires_at > ?"
    row = c.execute(sql, (upload_id, now)).fetchone()
    return None if row is None else Upload(*row)


def use_upload(c: Sql, *, upload_id: str, key: str, expires_at: int) -> None:
    c.execute("UPDATE upload SET key = ?, expires_at = ? WHERE id = ?", (key, expires_at, upload_id))


def expired_uploads(c: Sql, *, now: int) -> list[str]:
    return [row[0] for row in c.execute("SELECT id FROM upload WHERE expires_at <= ?", (now,))]


def remove_upload(c: Sql, *, upload_id: str) -> None:
    c.execute("DELETE FROM upload WHERE id = ?", (upload_id,))
