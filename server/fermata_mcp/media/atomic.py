"""Files that appear whole or not at all, and the removal of what was never finished."""

from __future__ import annotations

import errno
import os
import re
import secrets
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from fermata_mcp.domain.errors import StoreUnavailable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
ABANDONED_SECONDS = 5
# Where nobody can tell whether its process still runs; no file takes that long to write.
ABANDONED_ANYWAY_SECONDS = 86_400
_PARTS = ".fermata-*-*.part*"
_WRITER = re.compile(r"\.fermata-(\d+)-.*")
_MODE = 0o644  # less what the user's umask takes away


@contextmanager
def whole_file(target: Path, *, replace: bool = True) -> Generator[Path]:
    """An empty hidden file beside `target` to write to, which becomes `target` when the block ends well.

    Until then `target` is as it was, and the hidden file is removed whatever goes wrong.

    Args:
        replace: Whether a file that has the name by then may be replaced.

    Raises:
        StoreUnavailable: The folder cannot be written, or there is no room left in it.
        FileExistsError: The name is taken and `replace` is false.
    """
    part = target.parent / f".fermata-{os.getpid()}-{secrets.token_hex(4)}.part"
    try:
        _make(part)
        yield part
        _move(part, target, replace=replace)
    except OSError as error:
        if error.errno in FULL:
            raise no_room(target.parent) from error
        raise
    finally:
        with suppress(OSError):
            part.unlink()


def no_room(folder: Path) -> StoreUnavailable:
    """What a full disk is called."""
    return StoreUnavailable(f"there is no room left in {folder}.", "free some space, or choose another folder.")


def flush_folder(folder: Path) -> None:
    """Make the names in a folder as durable as the bytes of its files, where the system can."""
    with suppress(OSError):  # Windows opens no folders, and some network file systems flush none
        _flush(folder, os.O_RDONLY)


def sweep(folder: Path, ended: int | None = None) -> None:
    """Remove the half-written files of processes that are gone: killed ones cannot do it themselves.

    Args:
        ended: A process that is known to be gone, whose files need no second look.
    """
    for part in folder.glob(_PARTS):
        with suppress(OSError):  # another process may be tidying up here too
            if _is_abandoned(part, ended):
                part.unlink()


def _make(part: Path) -> None:
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE))
    except OSError as error:
        raise _unwritable(part.parent, error) from error


def _move(part: Path, target: Path, *, replace: bool) -> None:
    try:
        _flush(part, os.O_RDWR)
        if replace:
            part.replace(target)
        else:
            _move_to_free_name(part, target)
    except FileExistsError:
        raise
    except OSError as error:
        raise _unwritable(target.parent, error) from error
    flush_folder(target.parent)


def _move_to_free_name(part: Path, target: Path) -> None:
    try:
        target.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        part.replace(target)


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in FULL | {errno.EIO}:  # others say that this file system cannot flush
            raise
    finally:
        os.close(descriptor)


def _unwritable(folder: Path, error: OSError) -> StoreUnavailable:
    if error.errno in FULL:
        return no_room(folder)
    return StoreUnavailable(
        f"{folder} cannot be written ({error.strerror}).", "allow writing to the folder, or choose another one."
    )


def _is_abandoned(part: Path, ended: int | None) -> bool:
    writer = _WRITER.fullmatch(part.name)
    if writer is None:
        return False
    number = int(writer[1])
    if number == ended:
        return True
    match _runs(number):
        case True:
            return False
        case False:
            # The process may be alive beyond a container's wall, and then its file is being written.
            return _age(part) > ABANDONED_SECONDS
        case None:
            return _age(part) > ABANDONED_ANYWAY_SECONDS


def _age(part: Path) -> float:
    return time.time() - part.stat().st_mtime


def _runs(number: int) -> bool | None:
    """Whether a process with this number runs; None where that cannot be asked."""
    if sys.platform == "win32":
        return None  # there, os.kill ends what it asks about
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    except OverflowError:  # no process has such a number
        return None
    return True
