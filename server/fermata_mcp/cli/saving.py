"""`--output`: a copy of the result where the person wants it, which never takes another file's place unasked."""

from __future__ import annotations

import filecmp
import os
import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError, InvalidRequest, StoreUnavailable
from fermata_mcp.media.atomic import sweep, whole_file


@dataclass(frozen=True)
class Place:
    """A file to write, or a folder to write a file in under the result's own name."""

    path: Path
    force: bool

    def keep(self, made: Path) -> Path:
        """Copy `made` there, whole or not at all; the copy.

        Raises:
            StoreUnavailable: It cannot be written or read, or its name was taken meanwhile.
        """
        target = self._target(made)
        try:
            if target.exists() and target.samefile(made):
                return target
            sweep(target.parent)
            with whole_file(target, replace=self.force) as part:
                shutil.copyfile(made, part)
        except FileExistsError:
            raise StoreUnavailable(f"{target} exists by now and was left as it is.", _by_hand(made)) from None
        except FermataError as error:
            raise StoreUnavailable(error.message, _by_hand(made)) from error
        except OSError as error:
            raise StoreUnavailable(f"{made} cannot be copied ({error.strerror}).", _by_hand(made)) from error
        return target

    def _target(self, made: Path) -> Path:
        if not self.path.is_dir():
            return self.path
        target = self.path / made.name
        names = (target.with_stem(f"{target.stem} {number}") for number in count(2))
        while os.path.lexists(target) and not self.force and not _same(target, made):
            target = next(names)
        return target


def place_of(args: dict[str, Any], settings: Settings) -> Place | None:
    """Where `--output` points, once nothing speaks against it; None without one.

    Raises:
        InvalidRequest: It cannot be written, or must not be.
    """
    if args["output"] is None:
        if args["force"] and not args["plot"]:
            raise InvalidRequest("--force does nothing without --output.", "name the file to replace with --output.")
        return None
    output, source = _expanded(args["output"]), _expanded(args["source"])
    if not output.is_dir():
        _check_folder(output, args["output"])
        _check_ending(output, source, args["provider"] or settings.default_provider or "local")
        _check_file(output, source, args["force"])
    elif not os.access(output, os.W_OK | os.X_OK):
        raise InvalidRequest(f"--output {output} cannot be written to.", "choose another folder.")
    return Place(output, args["force"])


def _check_folder(output: Path, written: str) -> None:
    if written.endswith(("/", os.sep)) or not output.parent.is_dir():
        raise InvalidRequest(
            f"--output {output} is not a file in an existing folder, nor a folder.",
            "name a file to write, or a folder.",
        )
    if not os.access(output.parent, os.W_OK | os.X_OK):
        raise InvalidRequest(f"{output.parent} cannot be written to.", "choose another folder for --output.")


def _check_ending(output: Path, source: Path, provider: str) -> None:
    if provider == "local" and source.suffix and output.suffix.lower() != source.suffix.lower():
        raise InvalidRequest(
            f"the result is a {source.suffix} file like its source; --output ends in {output.suffix or 'nothing'}.",
            f"name a {source.suffix} file.",
        )


def _check_file(output: Path, source: Path, force: bool) -> None:
    if not os.path.lexists(output):
        return
    if _same_file(output, source):
        raise InvalidRequest("--output is the source itself.", "name another file: the source is never overwritten.")
    if output.exists() and not output.is_file():
        raise InvalidRequest(f"--output {output} is no regular file.", "name a file to write.")
    if not force:
        raise InvalidRequest(f"--output {output} exists.", "name another file, or add --force to replace it.")


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _same(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _expanded(written: str) -> Path:
    try:
        return Path(written).expanduser()
    except RuntimeError:
        raise InvalidRequest(f"{written}: no home folder is known here.", "write the whole path.") from None


def _by_hand(made: Path) -> str:
    return f"the result is kept as {made}: copy it from there."
