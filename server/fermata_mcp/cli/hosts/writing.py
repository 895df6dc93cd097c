"""Our entry in a host's file: whole or not at all, with a copy of what was there before."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.media.atomic import told_in_words, whole_file

from .entry import Entry
from .known import Host
from .merging import CannotMerge, merged


@dataclass(frozen=True)
class Written:
    """What became of a host's file.

    Attributes:
        changed: False where it already said so.
        backup: The copy of what was there; None where nothing was, or nothing changed.
    """

    file: Path
    changed: bool
    backup: Path | None


def write(host: Host, path: Path, entry: Entry) -> Written:
    """Put our entry into the host's file, making it where there is none.

    Raises:
        CannotMerge: What is there cannot be changed without harm; it is as it was.
        StoreUnavailable: It cannot be read or written.
    """
    target = Path(os.path.realpath(path))  # a link to where somebody keeps such files stays one
    before = _content(target)
    try:
        after = merged(host, _as_text(before), entry)
    except CannotMerge as error:
        raise CannotMerge(f"{path}: {error.message}", error.hint) from None
    if before is not None and after.encode() == before:
        return Written(path, False, None)
    with told_in_words(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    backup = None if before is None else _backed_up(target, before)
    _replace(target, after.encode(), like=target if before is not None else None)
    return Written(path, True, backup)


def _content(target: Path) -> bytes | None:
    try:
        return target.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnavailable(
            f"{target} cannot be read ({error.strerror}).", "make it readable, or see by hand."
        ) from error


def _as_text(content: bytes | None) -> str:
    try:
        return (content or b"").decode()
    except UnicodeDecodeError:
        raise CannotMerge("it is no UTF-8 text.") from None


def _backed_up(target: Path, content: bytes) -> Path:
    first = target.with_name(f"{target.name}.before-fermata")
    names = (first.with_name(f"{first.name}-{number}") for number in count(2))
    backup = first
    while os.path.lexists(backup):
        backup = next(names)
    _replace(backup, content, like=target)
    return backup


def _replace(target: Path, content: bytes, *, like: Path | None) -> None:
    with whole_file(target) as part:
        if like is not None:  # before anything is in it: such files hold keys
            shutil.copymode(like, part)
        part.write_bytes(content)
