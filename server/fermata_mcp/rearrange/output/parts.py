"""The files that this process is half through writing, and how they go when it must end at once.

It imports nothing that takes long, so that whoever may have to end the process has all of it from the beginning.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from fermata_mcp.domain.errors import FermataError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Generator

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_parts: set[Path] = set()
opening = threading.RLock()  # held while a part is opened, which makes it anew; a signal handler may come in between


def remove_parts() -> None:
    """Remove whatever is half written and let no more be; the process must end now. Safe in a signal handler."""
    opening.acquire()  # for ever: the other thread must not open what was removed
    for part in tuple(_parts):
        with contextlib.suppress(OSError):
            part.unlink()


@contextlib.contextmanager
def part_of(target: Path) -> Generator[Path]:
    """An empty hidden file beside `target`, with its suffix, to write to and move; gone afterwards if it was not moved.

    Raises:
        StoreUnavailable: The folder cannot be written, or is full.
    """
    part = target.parent / f".fermata-{os.getpid()}-{secrets.token_hex(4)}.part{target.suffix}"
    _parts.add(part)
    try:
        with opening:
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        yield part
    except OSError as error:
        raise _unwritable(target.parent, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
        _parts.discard(part)


def _unwritable(folder: Path, error: OSError) -> FermataError:
    if error.errno in FULL:
        return StoreUnavailable(
            f"There is no room left in {folder}.", "free some space, or choose another output folder."
        )
    return StoreUnavailable(
        f"{folder} cannot be written: {error.strerror or error}.",
        "allow writing to the folder, or choose another one with FERMATA_OUTPUT_DIR.",
    )
