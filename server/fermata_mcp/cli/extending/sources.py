"""Which tracks somebody means: files, links, tasks, patterns that no shell has filled in, folders."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fermata_mcp.domain.errors import FermataError, InvalidRequest
from fermata_mcp.domain.moments import counted
from fermata_mcp.media.formats.kinds import MEDIA_TYPES
from fermata_mcp.media.places.destination import ENDINGS
from fermata_mcp.media.places.naming import OURS
from fermata_mcp.media.places.nearby import spellings

_AUDIO = ENDINGS | frozenset(MEDIA_TYPES)
_PATTERN = re.compile(r"[*?]|\[[^]]+\]")


@dataclass(frozen=True)
class Track:
    """One source as it was written, or found; or why there is none."""

    written: str
    problem: FermataError | None = None


@dataclass(frozen=True)
class Tracks:
    """All that were asked for, in order and each once.

    Attributes:
        several: Whether the call could mean more than one, whatever it found.
        notes: What was left out, and why.
    """

    tracks: tuple[Track, ...]
    several: bool
    notes: tuple[str, ...] = ()


def tracks_of(written: Sequence[str], *, recursive: bool) -> Tracks:
    """The tracks that these sources name; folders only with `recursive`."""
    found: list[Track] = []
    notes: list[str] = []
    for source in written:
        found += _found(source, recursive, notes)
    once = {_same(track.written): track for track in reversed(found)}
    kept = tuple(track for track in found if once.pop(_same(track.written), None))
    if len(kept) < len(found):
        notes.append("What is named twice is done once.")
    several = len(written) > 1 or any(_is_pattern(source) or is_folder(source) for source in written)
    return Tracks(kept, several, tuple(notes))


def _found(source: str, recursive: bool, notes: list[str]) -> Iterator[Track]:
    if is_folder(source):
        yield from _in_folder(Path(source).expanduser(), source, recursive, notes)
    elif _is_pattern(source):
        yield from _matching(source, recursive, notes)
    else:
        yield Track(source)


def is_folder(source: str) -> bool:
    return _path(source).is_dir()


def _is_pattern(source: str) -> bool:
    return _is_path(source) and bool(_PATTERN.search(source)) and not os.path.lexists(_path(source))


def _is_path(source: str) -> bool:
    return not (source.startswith(("tsk_", "clip:")) or "://" in source)


def _path(source: str) -> Path:
    try:
        return Path(source).expanduser() if _is_path(source) else Path() / "\0"
    except RuntimeError:
        return Path(source)


def _matching(pattern: str, recursive: bool, notes: list[str]) -> Iterator[Track]:
    none: list[str] = []
    matches = next((found for way in dict.fromkeys(spellings(pattern)) if (found := _paths_like(way))), none)
    for match in matches:
        path = Path(match)
        if path.is_dir():
            if recursive:
                yield from _in_folder(path, match, recursive, notes)
        else:
            yield Track(match)
    if not matches and not re.search(r"[*?]", pattern):
        yield Track(pattern)  # a name with brackets, which the server may know how to mend
    elif not any(not Path(match).is_dir() for match in matches) and not (recursive and matches):
        problem = InvalidRequest(f"no file matches {pattern}.", "check the pattern and the folder it is in.")
        yield Track(pattern, problem)


def _paths_like(pattern: str) -> list[str]:
    # No paths yet: pathlib would need to know from which folder on.
    return sorted(glob.glob(os.path.expanduser(pattern), recursive=True))  # noqa: PTH111, PTH207


def _in_folder(folder: Path, written: str, recursive: bool, notes: list[str]) -> Iterator[Track]:
    files = sorted(_audio_under(folder), key=lambda path: str(path).casefold())
    ours = [path for path in files if OURS.search(path.name)]
    fresh = [path for path in files if path not in ours]
    if not recursive:
        many = f"the {counted(len(fresh), 'track')}"
        problem = InvalidRequest(f"{written} is a folder.", f"add --recursive to take {many} in it, or name files.")
    elif fresh:
        problem = None
    else:
        problem = InvalidRequest(f"there is no audio in the folder {written}.", "name another folder, or files.")
    if problem is not None:
        yield Track(written, problem)
        return
    if ours:
        results, verb = counted(len(ours), "result"), "is" if len(ours) == 1 else "are"
        notes.append(f"{results} of earlier calls in {written} {verb} left out.")
    yield from (Track(str(path)) for path in fresh)


def _audio_under(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (
            Path(place, name) for name in names if not name.startswith(".") and Path(name).suffix.lower() in _AUDIO
        )


def _same(written: str) -> str:
    return os.path.realpath(_path(written)) if _is_path(written) else written
