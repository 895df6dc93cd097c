"""The SQLite file: opened, owned, migrated, and its troubles in words.

`apsw` brings its own SQLite: versions before 3.51.3, which most systems still link, can corrupt a WAL file that several
processes write.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any, Protocol, cast

import apsw

from fermata_mcp.domain.errors import FermataError, StoreUnavailable
from fermata_mcp.store.base import AlreadyKnown

BUSY_TIMEOUT_MS = 10_000
APPLICATION_ID = 0x4645524D  # "FERM"
_NOT_UNIQUE = (apsw.SQLITE_CONSTRAINT_UNIQUE, apsw.SQLITE_CONSTRAINT_PRIMARYKEY)


class Sql(Protocol):
    """What is used of `apsw.Connection`, whose own types need a newer Python."""

    @property
    def in_transaction(self) -> bool: ...
    def execute(self, statements: str, bindings: Any = None, /) -> Any: ...
    def changes(self) -> int: ...
    def pragma(self, name: str, value: Any = None, /) -> Any: ...
    def set_busy_timeout(self, milliseconds: int, /) -> None: ...
    def close(self) -> None: ...


def open_file(path: Path) -> Sql:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _make_private(path)
    connection = cast(Sql, apsw.Connection(str(path)))
    try:
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        _check_owner(connection, path)
        _keep_private(path)
        _use_wal(connection)
        # A power cut must not take back an intent that money has already followed.
        connection.pragma("synchronous", "FULL")
        connection.pragma("foreign_keys", True)
        if sys.platform == "darwin":
            connection.pragma("fullfsync", True)
        _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_private(path: Path) -> None:
    """A new file is never another's to read, not even empty: who has opened it then can read on."""
    new = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    if path.name == ":memory:" or path.exists():
        return
    # Made beside it and linked, since closing a file takes away every lock that this process has on it.
    with suppress(OSError):
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            os.link(new, path)
        finally:
            new.unlink()


def _keep_private(path: Path) -> None:
    """Our files are for their owner alone, also in a folder that others may enter; the folder may be another's."""
    for ours in (path, *(path.with_name(path.name + ending) for ending in ("-wal", "-shm"))):
        with suppress(OSError):  # there is none, or it is somebody else's
            if ours.stat().st_mode & 0o077:
                ours.chmod(0o600)


def _check_owner(connection: Sql, path: Path) -> None:
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if tables and connection.pragma("application_id") != APPLICATION_ID:
        raise StoreUnavailable(
            f"{path.name} is another program's database.", "point FERMATA_DATA_DIR at a folder of its own."
        )


def _use_wal(connection: Sql) -> None:
    # Switching the mode does not wait for locks, unlike everything else.
    for _ in range(100):
        try:
            connection.pragma("journal_mode", "wal")
        except apsw.BusyError:
            time.sleep(0.05)
        else:
            return
    raise apsw.BusyError("journal_mode")


def scripts() -> list[str]:
    folder = resources.files("fermata_mcp.store.sqlite") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(folder / name).read_text(encoding="utf-8") for name in names]


def _migrate(connection: Sql, path: Path) -> None:
    known = scripts()
    if _version(connection) == len(known):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)
        if version > len(known):
            raise StoreUnavailable(
                f"{path.name} was written by a newer version of Fermata.",
                "upgrade fermata-mcp, or point FERMATA_DATA_DIR at another folder.",
            )
        for script in known[version:]:
            connection.execute(script)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {len(known)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def check_version(connection: Sql) -> None:
    """Raises StoreUnavailable where another version has changed the file since it was opened."""
    if _version(connection) != len(scripts()):
        raise StoreUnavailable("another version of Fermata has migrated the task database.", "start this one again.")


def _version(connection: Sql) -> int:
    return int(connection.pragma("user_version"))


def in_words(error: Exception, path: Path) -> FermataError:
    match error:
        case apsw.ConstraintError() if getattr(error, "extendedresult", None) in _NOT_UNIQUE:
            return AlreadyKnown("it is recorded elsewhere already.")
        case apsw.BusyError():
            return StoreUnavailable("another program is holding the task database.", "try again in a moment.")
        case apsw.FullError():
            return StoreUnavailable("the disk is full; nothing was recorded.", "free some space and call again.")
        case UnicodeDecodeError():
            return StoreUnavailable("a record in the task database is no text.", "go on with other tasks.")
        case apsw.CorruptError() | apsw.NotADBError():
            return StoreUnavailable(
                f"the task database {path.name} is damaged or not a database.",
                f"move {path} away, or point FERMATA_DATA_DIR at another folder, and call again.",
            )
        case _:
            return StoreUnavailable(
                f"the task database cannot be used ({type(error).__name__}).",
                f"make {path.parent} writable, or point FERMATA_DATA_DIR at another folder.",
            )
