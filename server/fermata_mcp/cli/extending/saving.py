"""`--output`: the server saves where the person wants it; what it cannot put there is copied. No file is replaced."""

from __future__ import annotations

import filecmp
import os
import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError, InvalidRequest, StoreUnavailable
from fermata_mcp.domain.foreign.paths import written as as_address
from fermata_mcp.media.atomic import sweep, whole_file
from fermata_mcp.media.places.destination import ENDINGS

_LIKE_AN_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}")


@dataclass(frozen=True)
class Place:
    """A file to write, or a folder to write a file in under the result's own name.

    Attributes:
        path: Absolute.
        output_dir: Where results are saved of which nothing else is said.
    """

    path: Path
    force: bool
    output_dir: Path

    def wish(self) -> str | None:
        """What the server is asked to save as; None where only the copying is left to us.

        Where the name itself is not free, it is asked for the format, in its own folder.
        """
        if as_address(str(self.path)) != str(self.path):  # JSON has no letters for it
            return None
        if self.path.is_dir():
            return f"{self.path}{os.sep}"
        if self._is_free():
            return str(self.path)
        if self.path.suffix.lower() not in ENDINGS:
            return None
        with suppress(OSError):  # the server says why it cannot be written
            self.output_dir.mkdir(parents=True, exist_ok=True)
        return str(self.output_dir / f"{self.path.stem} (extended {secrets.token_hex(3)}){self.path.suffix}")

    def _is_free(self) -> bool:
        """Whether nothing there has the name with any ending that the result may bring."""
        stem = self.path.stem if self.path.suffix.lower() in ENDINGS else self.path.name
        taken = {name for name in _names_in(self.path.parent) if Path(name).suffix.lower() in {*ENDINGS, ""}}
        return self.path.name not in taken and all(Path(name).stem != stem for name in taken)

    def keep(self, made: Path) -> Path:
        """Where the result is to be found: `made`, if the server has put it there, else a copy, whole or none.

        Raises:
            StoreUnavailable: It cannot be written or read, or its name was taken meanwhile.
        """
        if self._is_there(made):
            return made
        target = self._target(made)
        try:
            if target.exists() and target.samefile(made):
                return target
            sweep(target.parent)
            with whole_file(target, replace=self.force and target == self.path) as part:
                shutil.copyfile(made, part)
        except FileExistsError:
            raise StoreUnavailable(f"{target} exists by now and was left as it is.", _by_hand(made)) from None
        except FermataError as error:
            raise StoreUnavailable(error.message, _by_hand(made)) from error
        except OSError as error:
            raise StoreUnavailable(f"{made} cannot be copied ({error.strerror}).", _by_hand(made)) from error
        return target

    def _is_there(self, made: Path) -> bool:
        if self.path.is_dir():
            return made.parent == self.path
        return made.parent == self.path.parent and made.stem in (self.path.stem, self.path.name)

    def _target(self, made: Path) -> Path:
        """A file's ending is that of what it holds, whatever was asked for."""
        if not self.path.is_dir():
            return self.path if self.path.suffix.lower() == made.suffix.lower() else self._with_ending(made.suffix)
        target = self.path / made.name
        names = (target.with_stem(f"{target.stem} {number}") for number in count(2))
        while os.path.lexists(target) and not self.force and not _same(target, made):
            target = next(names)
        return target

    def _with_ending(self, ending: str) -> Path:
        known = self.path.suffix.lower() in ENDINGS
        return self.path.with_suffix(ending) if known else self.path.with_name(self.path.name + ending)


def place_of(args: dict[str, Any], settings: Settings, *, several: bool) -> Place | None:
    """Where `--output` points, once nothing speaks against it; None without one.

    Raises:
        InvalidRequest: It cannot be written, or must not be.
    """
    if args["output"] is None:
        if args["force"] and not args["plot"]:
            raise InvalidRequest("--force does nothing without --output.", "name the file to replace with --output.")
        return None
    output = _expanded(args["output"])
    if not output.is_dir():
        if several:
            raise InvalidRequest(
                f"--output {output} is no folder, and there may be several results.",
                "name a folder that is there, or extend one track at a time.",
            )
        _check_folder(output, args["output"])
        _check_ending(output)
        for source in args["source"]:
            _check_file(output, Path(source).expanduser(), args["force"])
    elif not os.access(output, os.W_OK | os.X_OK):
        raise InvalidRequest(f"--output {output} cannot be written to.", "choose another folder.")
    return Place(output, args["force"], settings.output_dir)


def _check_folder(output: Path, written: str) -> None:
    if written.endswith(("/", os.sep)) or not output.parent.is_dir():
        raise InvalidRequest(
            f"--output {output} is not a file in an existing folder, nor a folder.",
            "name a file to write, or a folder.",
        )
    if not os.access(output.parent, os.W_OK | os.X_OK):
        raise InvalidRequest(f"{output.parent} cannot be written to.", "choose another folder for --output.")


def _check_ending(output: Path) -> None:
    if _LIKE_AN_ENDING.fullmatch(output.suffix) and output.suffix.lower() not in ENDINGS:
        raise InvalidRequest(
            f"--output {output.name} ends in {output.suffix}, which is no kind of audio.",
            f"name a file that ends in one of {', '.join(sorted(ENDINGS))}.",
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


def _names_in(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def _same(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _expanded(written: str) -> Path:
    try:
        return Path(os.path.abspath(Path(written).expanduser()))  # noqa: PTH100  (resolve() would follow links)
    except RuntimeError:
        raise InvalidRequest(f"{written}: no home folder is known here.", "write the whole path.") from None


def _by_hand(made: Path) -> str:
    return f"the result is kept as {made}: copy it from there."
