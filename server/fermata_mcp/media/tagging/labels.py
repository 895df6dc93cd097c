"""Says in saved audio what it is called and where it comes from."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, cast

import mutagen
from mutagen.id3 import ID3

from fermata_mcp.media.atomic import whole_file
from fermata_mcp.media.audio import probe
from fermata_mcp.media.formats.contents import kind_of

from . import carry, reading

if TYPE_CHECKING:
    from pathlib import Path


def label(path: Path, title: str | None, origin: str) -> None:
    """Write `title` (if any) and `origin` into the tags of a saved file, as far as its kind has them.

    The file is replaced by a whole one that has them, so that a kill or a full disk in between leaves it as it was.
    """
    try:
        if kind_of(path) in ("wav", "aiff"):
            _label_wave(path, title, origin)
        else:
            _label_easily(path, title, origin)
    except Exception:  # noqa: BLE001 (damaged tags make it raise whatever its code happens to meet)
        return


def _label_wave(path: Path, title: str | None, origin: str) -> None:
    facts = probe(path)
    found = reading.read(path, facts.sample_rate)
    tags = found.tags.saying(title=title, encodedby=origin)
    with whole_file(path) as part:
        shutil.copyfile(path, part)
        carry.write((part, facts), tags, found)


def _label_easily(path: Path, title: str | None, origin: str) -> None:
    file: Any = cast("Any", mutagen).File(os.fspath(path), easy=True)
    if file is None:
        return
    if file.tags is None:
        file.add_tags()
    tags = cast("Any", file.tags)
    for key, value in (("title", title), (_origin_key(file), origin)):
        if value:
            tags[key] = value
    with whole_file(path) as part:
        shutil.copyfile(path, part)
        file.save(os.fspath(part), **_version(path, file))


def _version(path: Path, file: Any) -> dict[str, int]:
    """An ID3 tag stays of the version that it is."""
    if not type(file).__name__.startswith(("EasyMP3", "MP3")) or path.read_bytes()[:3] != b"ID3":
        return {}
    return {"v2_version": 3 if cast("Any", ID3)(path).version < (2, 4) else 4}


def _origin_key(file: Any) -> str:
    return "comment" if type(file).__name__ == "EasyMP4" else "encodedby"
