"""What people mean by a path that leads to no file: other ways to write it, and the audio that lies there."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from fermata_mcp.domain.foreign.paths import from_home
from fermata_mcp.media.formats.kinds import MEDIA_TYPES

# A folder may hold any number of files.
MOST_LOOKED_AT = 2000
MOST_NAMED = 5
_ESCAPED = re.compile(r"\\(.)")
_CLIP_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def spellings(written: str) -> Iterator[str]:
    """A path as it is written, and as it is meant where it was copied from a shell or from another system."""
    yield written
    home = from_home(written)
    plain = _ESCAPED.sub(r"\1", home) if os.sep == "/" else home
    for way in (home, plain):
        yield way
        yield from (unicodedata.normalize(form, way) for form in ("NFC", "NFD"))


def is_file(path: Path) -> bool:
    """Whether a file can be seen there."""
    with suppress(OSError, ValueError):
        return path.is_file()
    return False


def held_in(folder: Path) -> str:
    """`, such as a.mp3, b.wav`: the audio in a folder, by name; "" where there is none."""
    names = sorted(audio_in(folder), key=str.casefold)
    more = f" or one of {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f", such as {', '.join(names[:MOST_NAMED])}{more}" if names else ""


def meant_by(path: Path) -> str:
    """`: the nearest is /music/song.wav` for the path of no file; "" where nothing is near."""
    if _CLIP_ID.fullmatch(path.name):
        return f", or write clip:{path.name} if it is a provider's clip"
    names = {name.casefold(): name for name in audio_in(path.parent)}
    wanted = path.name.casefold()
    close = get_close_matches(wanted, names, n=1, cutoff=0.7)
    same = [name for name in names if Path(name).stem == Path(wanted).stem]
    found = [names[name] for name in (*same, *close)]
    if found:
        return f": the nearest is {path.parent / found[0]}"
    return "" if path.suffix else ", or take the tsk_... of an earlier result from list_tasks"


def audio_in(folder: Path) -> list[str]:
    """Names of audio files in a folder, among the first that the system tells; none where it cannot be read."""
    with suppress(OSError), os.scandir(folder) as entries:
        seen = [entry.name for entry in islice(entries, MOST_LOOKED_AT)]
        return [name for name in seen if name.isprintable() and Path(name).suffix.lower() in MEDIA_TYPES]
    return []
