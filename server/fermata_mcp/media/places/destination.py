"""Where a caller wants a result saved: a file of that name, or a folder; nothing that is there is ever replaced."""

from __future__ import annotations

import os
from pathlib import Path

from fermata_mcp.domain.errors import FileNotAllowed, InvalidRequest
from fermata_mcp.domain.foreign.paths import meant
from fermata_mcp.media.codecs.targets import ENDINGS as ENDINGS

from .naming import output_path


def destination(written: str | None, output: Path, stem: str, tag: str, suffix: str, *, done: str = "extended") -> Path:
    """The path of a result.

    Args:
        written: `save_as` as the caller wrote it; a relative one is in the output folder. None for no wish.
        output: The output folder.
        stem, tag: What the file is called where the caller leaves the name to us; see `output_path`.
        suffix: Ending of the audio, or "" where only its provider knows it.
        done: What happens to the music, "extended" or "shortened".

    Raises:
        StoreUnavailable: The folder cannot be made or written.
    """
    if written is None:
        return output_path(output, stem, tag, suffix, done=done)
    path = _absolute(written, output)
    if _is_folder(path, written):
        return output_path(path, stem, tag, suffix, done=done)
    output_path(path.parent, stem, tag, suffix)
    return path.with_name(_stem(path) + suffix)


def check_destination(written: str, output: Path, *, anywhere: bool) -> None:
    """Refuse a place that cannot or may not be written, before anything is made.

    Args:
        anywhere: Whether callers may name places outside the output folder.

    Raises:
        InvalidRequest: Something is there already, or the folder is not.
        FileNotAllowed: Outside the output folder, where callers are not on this machine.
    """
    path = _absolute(written, output)
    if not anywhere and not path.resolve().is_relative_to(output.resolve()):
        raise FileNotAllowed(
            "save_as leads out of this server's output folder.", "give a name without a folder, or leave it out."
        )
    if _is_folder(path, written):
        return
    if not path.parent.is_dir():
        raise InvalidRequest(f"there is no folder {path.parent} to save in.", "name a folder that is there.")
    taken = [name for name in _siblings(path) if name == path.name or _stem(Path(name)) == _stem(path)]
    if taken:
        raise InvalidRequest(
            f"{path.parent / taken[0]} is there already, and is not replaced.", "choose another name in save_as."
        )


def check_name(written: str) -> None:
    """Refuse anything but a file's name, where no folder holds results.

    Raises:
        FileNotAllowed: It has a folder.
    """
    name = meant(written)
    if name in ("", ".", "..") or any(mark in name for mark in ("/", "\\")):
        raise FileNotAllowed(
            "results of this server lie in no folder, so save_as can only be a name.", "give a name without a folder."
        )


def wanted_ending(written: str | None) -> str:
    """The ending of a file that the caller asked for; "" where it left that open."""
    ending = Path(meant(written or "")).suffix.lower()
    return ending if ending in ENDINGS else ""


def _absolute(written: str, output: Path) -> Path:
    try:
        path = Path(meant(written)).expanduser()
    except RuntimeError:
        raise InvalidRequest("save_as begins with ~, and no home folder is known here.", "give a whole path.") from None
    return Path(os.path.abspath(output / path))  # noqa: PTH100  (resolve() would follow links)


def _is_folder(path: Path, written: str) -> bool:
    return path.is_dir() or meant(written).endswith(("/", os.sep))


def _stem(path: Path) -> str:
    return path.stem if path.suffix.lower() in ENDINGS else path.name


def _siblings(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        raise InvalidRequest(f"the folder {path.parent} cannot be read.", "name another folder in save_as.") from None
