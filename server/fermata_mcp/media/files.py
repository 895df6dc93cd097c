"""Which files may be read, and what finished files are called."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import unicodedata
from pathlib import Path

from fermata_mcp.domain import paths
from fermata_mcp.domain.errors import FileNotAllowed, InvalidRequest, StoreUnavailable
from fermata_mcp.domain.text import clean_text

from .atomic import whole_file

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_OURS = re.compile(r"( \(extended [0-9a-f]{6}\)(, take [a-z])?)+$")
_MAX_STEM = 80


def readable_file(written: str, roots: tuple[Path, ...] | None) -> Path:
    """The regular, readable file that `written` names.

    Args:
        written: A path as a person writes it; `~` is expanded.
        roots: Folders it must lie in once links are followed; None allows any.

    Raises:
        InvalidRequest: There is no such file, or it is a folder or a device.
        FileNotAllowed: Outside the roots, or not readable. Nothing about a forbidden file is told.
    """
    try:
        path = Path(written).expanduser().resolve()
    except (OSError, RuntimeError, ValueError):
        raise InvalidRequest("`source` is not a usable path.", "give the path of an audio file.") from None
    _check_roots(path, roots)
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        raise InvalidRequest(f"{written} is a folder.", "give the path of one audio file.")
    if not stat.S_ISREG(mode):
        raise InvalidRequest(f"{written} is not a regular file.", "give the path of one audio file.")
    if not os.access(path, os.R_OK):
        raise FileNotAllowed(f"{written} cannot be read.", "make it readable for the user the server runs as.")
    return path


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        raise InvalidRequest(f"there is no file {path}.", "check the path.") from None
    except PermissionError:
        raise FileNotAllowed(f"{path} cannot be read.", "make it readable for the user the server runs as.") from None
    except OSError:
        raise InvalidRequest("`source` is not a usable path.", "give the path of an audio file.") from None


def _check_roots(path: Path, roots: tuple[Path, ...] | None) -> None:
    if roots is None:
        return
    if not roots:
        raise FileNotAllowed(
            "local files are not open to this server's callers.",
            "have the operator name folders in FERMATA_INPUT_ROOTS, or give a link.",
        )
    if not any(path.is_relative_to(root.resolve()) for root in roots):
        raise FileNotAllowed("the file is outside the allowed folders.", "use a file inside FERMATA_INPUT_ROOTS.")


def is_there(path: str) -> bool:
    """Whether a file that was saved is still a file."""
    return Path(path).is_file()


def identity(path: Path) -> str:
    """Equal as long as the file is the same and unchanged."""
    facts = path.stat()
    return f"{paths.written(str(path))}|{facts.st_size}|{facts.st_mtime_ns}"


def stem_for(title: str | None, source: str) -> str:
    """A safe file stem from a title or, without one, from what the source is called."""
    text = unicodedata.normalize("NFC", clean_text(title or as_text(Path(source).stem) or "track"))
    text = _OURS.sub("", text)
    text = re.sub(r'[<>:"/\\|?*]', "_", text).strip(". ")
    text = _in_the_letters_of_the_system(text.encode()[:_MAX_STEM].decode(errors="ignore")).strip(". ")
    return f"_{text}" if not text or _RESERVED.fullmatch(text) else text


def _in_the_letters_of_the_system(text: str) -> str:
    return text.encode(sys.getfilesystemencoding(), "replace").decode(sys.getfilesystemencoding()).replace("?", "_")


def as_text(name: str) -> str:
    """A file name in letters: names that are no UTF-8 come from times and systems that wrote Latin ones."""
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that no file name holds: they came in a text
        raw = name.encode("utf-8", "ignore")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def output_path(folder: Path, stem: str, tag: str, suffix: str) -> Path:
    """Where a finished file goes: `<stem> (extended <tag>)<suffix>` in a folder that is made and can be written.

    Raises:
        StoreUnavailable: The folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(folder)
    return folder / f"{stem} (extended {tag}){suffix}"


def _unwritable(folder: Path) -> StoreUnavailable:
    return StoreUnavailable(
        f"finished audio cannot be saved in {folder}.", "set FERMATA_OUTPUT_DIR to a folder you can write to."
    )


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
