"""Which files may be read, and what finished files are called."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fermata_mcp.domain.errors import FileNotAllowed, InvalidRequest, NotFound, TooLarge
from fermata_mcp.domain.foreign import paths
from fermata_mcp.domain.source import attached_to_a_chat, is_of_a_chat

from .atomic import whole_file
from .places.nearby import held_in, is_file, meant_by, spellings


def name_of(written: str, path: Path) -> str:
    """What a person who wrote `written` calls the file that it leads to: a link's own name, not that of its target."""
    for way in spellings(written):
        with suppress(OSError, RuntimeError, ValueError):
            if Path(way).expanduser().resolve() == path:
                return Path(way).name
    return path.name


def readable_file(written: str, roots: tuple[Path, ...] | None) -> Path:
    """The regular, readable file that `written` names.

    Args:
        written: A path as a person writes or pastes it; see `nearby.spellings`.
        roots: Folders it must lie in once links are followed; None allows any.

    Raises:
        InvalidRequest: There is no such file, or it is a folder or a device.
        FileNotAllowed: Outside the roots, or not readable. Nothing about a forbidden file is told.
    """
    try:
        ways = [Path(way).expanduser().resolve() for way in spellings(written)]
    except (OSError, RuntimeError, ValueError):
        raise InvalidRequest("`source` is not a usable path.", "give the path of an audio file.") from None
    path = next((way for way in ways if _may_be_read(way, roots) and is_file(way)), ways[0])
    if is_of_a_chat(written) and not (_may_be_read(path, roots) and path.exists()):
        raise attached_to_a_chat(written)
    _check_roots(path, roots)
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        raise InvalidRequest(f"{written} is a folder.", f"give the path of one audio file{held_in(path)}.")
    if not stat.S_ISREG(mode):
        raise InvalidRequest(f"{written} is not a regular file.", "give the path of one audio file.")
    if not os.access(path, os.R_OK):
        raise FileNotAllowed(f"{written} cannot be read.", "make it readable for the user the server runs as.")
    return path


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        raise InvalidRequest(f"there is no file {path}.", f"check the path{meant_by(path)}.") from None
    except PermissionError:
        raise FileNotAllowed(f"{path} cannot be read.", "make it readable for the user the server runs as.") from None
    except OSError:
        raise InvalidRequest("`source` is not a usable path.", "give the path of an audio file.") from None


def _may_be_read(path: Path, roots: tuple[Path, ...] | None) -> bool:
    return roots is None or any(path.is_relative_to(root.resolve()) for root in roots)


def _check_roots(path: Path, roots: tuple[Path, ...] | None) -> None:
    if roots is None:
        return
    if not roots:
        raise FileNotAllowed(
            "local files are not open to this server's callers.",
            "bring the file with upload_track (or POST /uploads), or give a link; the operator may name folders of the "
            "server in FERMATA_INPUT_ROOTS.",
        )
    if not _may_be_read(path, roots):
        raise FileNotAllowed("the file is outside the allowed folders.", "use a file inside FERMATA_INPUT_ROOTS.")


@dataclass(frozen=True)
class Shelf:
    """Which files may be read for callers.

    Attributes:
        homes: Folders of our own, where what was saved lies.
        roots: Folders that callers' files may be read from; None allows any, () none.
    """

    homes: tuple[Path, ...]
    roots: tuple[Path, ...] | None

    def readable(self, written: str) -> Path:
        """A caller's file. Raises as `readable_file`."""
        return readable_file(written, self.roots)

    def saved(self, written: str) -> Path:
        """A file that was saved for a task, if it still is what was saved: a file of its own, in a folder of ours.

        What a person had saved elsewhere is read where a caller may read.

        Raises:
            NotFound: There is no such file any more.
            FileNotAllowed: A link stands in its place, or it leads out of our folders.
        """
        path = Path(written)
        try:
            real, facts = path.resolve(), path.lstat()
        except (OSError, RuntimeError, ValueError):
            raise NotFound(f"{path.name} is no longer where it was saved.", "look where it was moved to.") from None
        if not stat.S_ISREG(facts.st_mode):
            raise FileNotAllowed(f"{path.name} is not the file that was saved.", "put it back, or extend anew.")
        homes = [home.resolve() for home in self.homes]
        if any(real.is_relative_to(home) for home in homes):
            return real
        if any(path.is_relative_to(home) for home in self.homes):
            raise FileNotAllowed(f"{path.name} lies behind a link now.", "put the folder back, or extend anew.")
        _check_roots(real, self.roots)
        return real


def seal_of(path: Path) -> str:
    """Equal as long as a name leads to the same file with the same content. Raises InvalidRequest where there is none.

    For a link it is that of nothing: links are followed before.
    """
    try:
        facts = path.lstat()
    except OSError:
        raise InvalidRequest(f"there is no file {path.name}.", "check the path.") from None
    return _seal(facts)


def check_seal(path: Path, seal: str | None) -> None:
    """Raise FileNotAllowed where the file is no more what was checked."""
    if seal is not None and seal_of(path) != seal:
        raise _changed(path)


def sealed_bytes(path: Path, seal: str | None = None, most: int | None = None) -> bytes:
    """The content of exactly the file that was checked: what is opened is looked at, and read, once.

    Args:
        seal: See `seal_of`; None where nobody checked it.
        most: Bytes that it may have.

    Raises:
        FileNotAllowed: Another file, or a link, has its name by now, or it was changed.
        TooLarge: It has more than `most` bytes.
        OSError: It cannot be read.
    """
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | _NO_LINKS), "rb")
    except OSError as error:
        raise (_changed(path) if error.errno == errno.ELOOP else error) from None
    with file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode) or (seal is not None and _seal(before) != seal):
            raise _changed(path)
        if most is not None and before.st_size > most:
            raise TooLarge(f"the audio is {before.st_size} bytes; at most {most} can be given.", f"open {path}.")
        data = file.read() if most is None else file.read(most)
        if _seal(os.fstat(file.fileno())) != _seal(before):
            raise _changed(path)
        return data


def opened_whole(path: Path) -> tuple[int, int]:
    """A descriptor of a file of our own, which whoever asks must close, and its size: for what is sent piece by piece.

    Raises:
        FileNotAllowed: A link, or no file, has its name by now.
        NotFound: Nothing has.
    """
    try:
        file = os.open(path, os.O_RDONLY | _NO_LINKS)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _changed(path) from None
        raise NotFound(f"{path.name} is no longer where it was saved.", "look where it was moved to.") from None
    facts = os.fstat(file)
    if not stat.S_ISREG(facts.st_mode):
        os.close(file)
        raise _changed(path)
    return file, facts.st_size


_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _seal(facts: os.stat_result) -> str:
    return f"{facts.st_ino}:{facts.st_size}:{facts.st_mtime_ns}:{stat.S_IFMT(facts.st_mode):o}"


def _changed(path: Path) -> FileNotAllowed:
    return FileNotAllowed(
        f"{path.name} is not the file any more that was checked.", "call again with the file as it is."
    )


def is_there(path: str) -> bool:
    """Whether a file that was saved is still a file."""
    return Path(path).is_file()


def identity(path: Path) -> str:
    """Equal as long as the file is the same and unchanged."""
    facts = path.stat()
    return f"{paths.written(str(path))}|{facts.st_size}|{facts.st_mtime_ns}"


def move(file: Path, stem: Path) -> Path:
    """Put `file` at `stem` with its own ending, whole or not at all, also across disks."""
    copied = copy(file, stem.with_name(stem.name + file.suffix))
    file.unlink(missing_ok=True)
    return copied


def copy(file: Path, target: Path) -> Path:
    """Copy a file, so that `target` appears whole or not at all.

    Raises:
        StoreUnavailable: The folder of `target` cannot be written, or is full.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as part:
        shutil.copyfile(file, part)
    return target
