"""Files that appear whole or not at all, and the removal of what was never finished."""

from __future__ import annotations

import errno
import os
import re
import secrets
import sys
import threading
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
_parts: set[Path] = set()
# Held while a part is made, or opened by what makes it anew; a signal handler may come in between.
opening = threading.RLock()


class Part:
    """A hidden file in `folder`, made at once, that becomes its target when it is complete, or goes away.

    Args:
        ending: Of its name, for libraries that go by it.

    Raises:
        StoreUnavailable: The folder cannot be written, or there is no room left in it.
    """

    def __init__(self, folder: Path, ending: str = "") -> None:
        self.path = folder / f".fermata-{os.getpid()}-{secrets.token_hex(4)}.part{ending}"
        with told_in_words(folder), opening:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE))
            _parts.add(self.path)

    def move_to(self, target: Path, *, replace: bool = True, durable: bool = True) -> None:
        """What was written, by then closed, is `target` from now on; if `durable`, also after a power cut.

        Raises:
            StoreUnavailable: It cannot be moved there.
            FileExistsError: The name is taken and `replace` is false.
        """
        if durable:
            with told_in_words(target.parent):
                _flush(self.path, os.O_RDWR)
        if replace or not _linked(self.path, target):
            with told_in_words(target.parent):
                self.path.replace(target)
        if durable:
            flush_folder(target.parent)

    def discard(self) -> None:
        """Remove what is left of it; nothing, once it was moved."""
        with suppress(OSError):
            self.path.unlink()
        _parts.discard(self.path)


def remove_parts() -> None:
    """Remove whatever is half written and let no more be; the process must end now. Safe in a signal handler."""
    opening.acquire()  # for ever: another thread must not open what was removed
    for part in tuple(_parts):
        with suppress(OSError):
            part.unlink()


@contextmanager
def whole_file(target: Path, *, replace: bool = True, ending: str = "", durable: bool = True) -> Generator[Path]:
    """An empty hidden file beside `target` to write to, which becomes `target` when the block ends well.

    Until then `target` is as it was, and the hidden file is removed whatever goes wrong.

    Args:
        replace: Whether a file that has the name by then may be replaced.
        ending: Of the hidden file's name.
        durable: Whether it must outlive a power cut, which takes a disk some time.

    Raises:
        StoreUnavailable: The folder cannot be written, or there is no room left in it.
        FileExistsError: The name is taken and `replace` is false.
    """
    part = Part(target.parent, ending)
    try:
        try:
            yield part.path
        except OSError as error:
            if error.errno in FULL:
                raise no_room(target.parent) from error
            raise
        part.move_to(target, replace=replace, durable=durable)
    finally:
        part.discard()


@contextmanager
def told_in_words(folder: Path) -> Generator[None]:
    """What goes wrong with a file in `folder` is said as what to do about it."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise no_room(folder) from error
        raise StoreUnavailable(
            f"{folder} cannot be written ({error.strerror}).", "allow writing to the folder, or choose another one."
        ) from error


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


def _linked(part: Path, target: Path) -> bool:
    """Give the part the name of `target` too, if that is free; False where the file system has no links."""
    try:
        target.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        return False
    return True


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in FULL | {errno.EIO}:  # others say that this file system cannot flush
            raise
    finally:
        os.close(descriptor)


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
