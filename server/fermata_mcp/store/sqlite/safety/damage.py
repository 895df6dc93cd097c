"""A database file that was damaged: set aside as it is, and told until a person has decided how to go on.

Beside the file stands a note while that is open. Free work goes on in a new file; nothing is paid for, since what was
paid before is in the old one.
"""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import apsw

from fermata_mcp.store.sqlite.file import APPLICATION_ID, BUSY_TIMEOUT_MS, Sql, open_file, scripts

# Looking through a file is given up after this long: what can be read so far is sound.
CHECK_SECONDS = 30.0
_STEPS_BETWEEN_LOOKS = 100_000
_BESIDE = ("-wal", "-shm")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Damage:
    """What was found, when (UTC, as text), and where the file is now: None while it is still in its place."""

    found: str
    at: str
    aside: str | None = None


def open_sound(path: Path) -> Sql:
    """Open the file; one of ours that is damaged is set aside first, and a new one made. Raises as `open_file`."""
    damage = standing(path)
    if damage is not None and damage.aside is None and is_ours(path):
        set_aside(path, damage.found)
    try:
        return open_file(path)
    except apsw.CorruptError as error:
        if not is_ours(path):
            raise
        set_aside(path, str(error))
        return open_file(path)


def is_ours(path: Path) -> bool:
    """Whether this version, or an older one, made it, as far as it still says so."""
    marks = _marks_told(path) or _marks_written(path)
    return marks is not None and marks[0] == APPLICATION_ID and marks[1] <= len(scripts())


def _marks_told(path: Path) -> tuple[int, int] | None:
    """Application and version as SQLite reads them; None where it cannot."""
    if not path.is_file():
        return None
    with suppress(apsw.Error):
        connection = opened_to_read(path)
        try:
            return int(connection.pragma("application_id")), int(connection.pragma("user_version"))
        finally:
            connection.close()
    return None


def _marks_written(path: Path) -> tuple[int, int] | None:
    """The same from the first bytes of a file that SQLite cannot read."""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(100)
        if head.startswith(b"SQLite format 3\0"):
            return int.from_bytes(head[68:72]), int.from_bytes(head[60:64])
    return None


def opened_to_read(path: Path) -> Sql:
    connection = cast(Sql, apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY))
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    return connection


def trouble_in(path: Path) -> str | None:
    """What SQLite finds wrong with the file, beside whoever uses it; None where it is sound, as far as was looked."""
    if path.name == ":memory:" or not path.exists():
        return None
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    deadline = time.monotonic() + CHECK_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS)
    try:
        found = str(cast(Sql, connection).execute("PRAGMA quick_check(1)").get)
        return None if found == "ok" else found[:200]
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return str(error)[:200]
    except apsw.Error:  # busy, or not looked through in time
        return None
    finally:
        connection.close()


def note(path: Path, found: str) -> None:
    """Say that the file was found damaged while it is in use; whoever opens it next sets it aside."""
    if standing(path) is None:
        _write(path, Damage(found, _now()))
        logger.error(
            "the task database %s is damaged (%s); nothing is paid for until a person decides: fermata-mcp restore",
            path, found,
        )  # fmt: skip


def set_aside(path: Path, found: str) -> Path:
    """Rename the file, with what belongs to it, and note why. Returns its new name."""
    aside = path.with_name(f"{path.name}.damaged-{now_as_name()}")
    move(path, aside)
    _write(path, Damage(found, _now(), aside.name))
    logger.error("the task database was damaged (%s); it is kept as %s, and a new one was begun", found, aside)
    return aside


def move(path: Path, target: Path) -> None:
    """Rename a database with the files beside it."""
    path.rename(target)
    for ending in _BESIDE:
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(target.with_name(target.name + ending))


def standing(path: Path) -> Damage | None:
    """The damage that nobody has decided about."""
    with suppress(OSError, ValueError, TypeError):
        return Damage(**json.loads(_note_of(path).read_text("utf-8")))
    return Damage("its note cannot be read", _now()) if _note_of(path).exists() else None


def decided(path: Path) -> None:
    """A person has decided: it is told no more."""
    _note_of(path).unlink(missing_ok=True)


def _write(path: Path, damage: Damage) -> None:
    _note_of(path).write_text(json.dumps(asdict(damage)), "utf-8")


def _note_of(path: Path) -> Path:
    return path.with_name(path.name + ".damage")


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())


def now_as_name() -> str:
    """The time as a part of a file's name."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
