"""What finished files are called, in a folder that can be written."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from pathlib import Path

from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.domain.foreign.text import clean_text

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
OURS = re.compile(r" \((?:extended|shortened) [0-9a-f]{6}\)")  # in the name of what was made here
_OURS_AT_THE_END = re.compile(rf"({OURS.pattern}(, take [a-z])?)+$")
_MAX_STEM = 80


def stem_for(title: str | None, source: str) -> str:
    """A safe file stem from a title or, without one, from what the source is called."""
    text = unicodedata.normalize("NFC", clean_text(title or as_text(Path(source).stem) or "track"))
    text = _OURS_AT_THE_END.sub("", text)
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


def output_path(folder: Path, stem: str, tag: str, suffix: str, *, done: str = "extended") -> Path:
    """Where a finished file goes: `<stem> (<done> <tag>)<suffix>` in a folder that is made and can be written.

    Raises:
        StoreUnavailable: The folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(folder)
    return folder / f"{stem} ({done} {tag}){suffix}"


def _unwritable(folder: Path) -> StoreUnavailable:
    return StoreUnavailable(
        f"finished audio cannot be saved in {folder}.", "set FERMATA_OUTPUT_DIR to a folder you can write to."
    )
