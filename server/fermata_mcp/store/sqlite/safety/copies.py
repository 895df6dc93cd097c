"""Copies of the database file: made while it is used, and put in its place while nobody uses it."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import cast

import apsw

from fermata_mcp.domain.errors import InvalidRequest, StoreUnavailable
from fermata_mcp.store.sqlite.file import Sql, in_words, open_file
from fermata_mcp.store.sqlite.safety.damage import decided, is_ours, move, now_as_name, opened_to_read, trouble_in

KEPT_DAILY = 3
DAY_SECONDS = 86_400
# A copy each day of more than that is for whoever operates the machine.
LARGEST_DAILY_BYTES = 512 * 1024 * 1024


def back_up(path: Path, target: Path) -> int:
    """A whole copy of the file as it is at one moment, whoever uses it meanwhile. Returns its size in bytes.

    The copy appears under its name once it is whole.

    Raises:
        InvalidRequest: There is nothing to copy, or nowhere to copy it to.
        StoreUnavailable: The file cannot be read.
    """
    if not path.exists():
        raise InvalidRequest(f"there is no task database at {path}.", "start Fermata once, or check FERMATA_DATA_DIR.")
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        connection = opened_to_read(path)
        try:
            connection.execute("VACUUM INTO ?", (str(part),))
        finally:
            connection.close()
        part.chmod(0o600)
        part.replace(target)
    except (apsw.CantOpenError, OSError) as error:
        raise InvalidRequest(
            f"{target} cannot be written ({type(error).__name__}).", "choose another place."
        ) from error
    except apsw.Error as error:
        raise in_words(error, path) from error
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def checked(copy: Path) -> None:
    """Raises InvalidRequest where a file is no sound copy that this version can use."""
    if not copy.is_file():
        raise InvalidRequest(f"there is no file {copy}.", "name a copy that `fermata-mcp backup` made.")
    if not is_ours(copy):
        raise InvalidRequest(
            f"{copy} is no copy of a task database, or one of a newer version.", "name one that `backup` made."
        )
    if (trouble := trouble_in(copy)) is not None:
        raise InvalidRequest(f"{copy} is damaged ({trouble}).", "name another copy.")


def made_ready(copy: Path, path: Path) -> Path:
    """The copy once more, beside the file that it is to replace, brought up to this version."""
    ready = path.with_name(f".{path.name}.restoring-{secrets.token_hex(4)}")
    back_up(copy, ready)
    open_file(ready).close()
    return ready


def put_in_place(ready: Path | None, path: Path) -> Path | None:
    """Set the file aside and put `ready` in its place (None: nothing). Returns where the old one is, if there was one.

    Raises:
        StoreUnavailable: Another process uses the file.
    """
    aside = path.with_name(f"{path.name}.replaced-{now_as_name()}")
    holder = _held_alone(path)
    try:
        if path.exists():
            move(path, aside)
        if ready is not None:
            move(ready, path)
    finally:
        if holder is not None:
            holder.close()
    decided(path)
    return aside if aside.exists() else None


def _held_alone(path: Path) -> Sql | None:
    """A connection that nobody else has beside it; None where there is no database that could be used by anybody.

    Leaving the write-ahead log is only possible for whoever is alone.
    """
    if not is_ours(path):
        return None
    connection = cast(Sql, apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE))
    try:
        connection.set_busy_timeout(0)
        if str(connection.pragma("journal_mode", "delete")) != "delete":
            raise apsw.BusyError("in use")
        connection.execute("BEGIN EXCLUSIVE")
    except apsw.BusyError as error:
        connection.close()
        raise StoreUnavailable(
            f"another process uses {path}.", "end every Fermata server and command, and call again."
        ) from error
    except apsw.Error:  # damaged: nobody can go on with it
        connection.close()
        return None
    return connection


# --- daily copies -----------------------------------------------------------------------------------------------------


def daily_copies(path: Path) -> list[Path]:
    """Those that there are, newest first."""
    with suppress(OSError):
        return sorted(_folder(path).glob(f"{path.stem}-*.db"), reverse=True)
    return []


def copy_daily(path: Path) -> Path | None:
    """Make today's copy if there is none yet, and let the oldest go. Returns it, where it was made now."""
    newest = next(iter(daily_copies(path)), None)
    with suppress(OSError):
        if path.stat().st_size > LARGEST_DAILY_BYTES:
            return None
        if newest is not None and time.time() - newest.stat().st_mtime < DAY_SECONDS:
            return None
    _folder(path).mkdir(mode=0o700, exist_ok=True)
    made = _folder(path) / f"{path.stem}-{now_as_name()}.db"
    back_up(path, made)
    for old in daily_copies(path)[KEPT_DAILY:]:
        old.unlink(missing_ok=True)
    return made


def _folder(path: Path) -> Path:
    return path.with_name("backups")
