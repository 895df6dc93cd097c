"""Tags and cover art: written into saved audio, and carried from a source to its result.

Tags are a courtesy: what cannot be read or written is left out, and never costs anybody the audio. To be run where a
decoder may end its process.
"""

from __future__ import annotations

import logging
import os
import shutil
from typing import TYPE_CHECKING, Any, cast

import mutagen
import soundfile
from mutagen.flac import FLAC
from mutagen.id3 import TIT2
from mutagen.mp3 import MP3
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from .atomic import whole_file
from .audio import native_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EXTENDED = " (extended)"
_LONGEST_TITLE = 200
_STALE = {"tlen", "length", "itunsmpb"}  # say how long the old track was

_log = logging.getLogger(__name__)


def label(path: Path, title: str | None, origin: str) -> None:
    """Write `title` (if any) and `origin` into the tags of a saved file, as far as its kind has them.

    The file is replaced by a whole one that has them, so that a kill or a full disk in between leaves it as it was.
    """
    try:
        file = open_tagged(path, easy=True)
        if file is None:
            return
        tags = _tags_of(file)
        for key, value in (("title", title), (_origin_key(file), origin)):
            if value:
                tags[key] = value
        with whole_file(path) as part:
            shutil.copyfile(path, part)
            file.save(os.fspath(part))
    except Exception:  # noqa: BLE001 (damaged tags make it raise whatever its code happens to meet)
        return


def _origin_key(file: Any) -> str:
    return "comment" if type(file).__name__ == "EasyMP4" else "encodedby"


def copy_tags(source: Path, result: Path, title: str | None) -> None:
    """Give `result` the tags of `source`, its title replaced by `title` or marked as extended."""
    try:
        old, new = open_tagged(source), open_tagged(result)
        changed = _copier(new)(old, new, title)
        if changed:
            new.save()
    except (mutagen.MutagenError, ValueError, KeyError, TypeError) as error:
        _log.warning("tags were not copied: %s", error)


def _copier(new: object) -> Callable[[Any, Any, str | None], bool]:
    if isinstance(new, FLAC | OggVorbis | OggOpus):
        return _copy_comments
    return _copy_frames if isinstance(new, MP3 | WAVE) else _copy_nothing


def _copy_nothing(_old: Any, _new: Any, _title: str | None) -> bool:
    return False


def open_tagged(path: Path, *, easy: bool = False) -> Any:
    """mutagen's view of the file, with its `easy` keys if those are wanted, or None where it has none.

    Raises:
        mutagen.MutagenError: The tags are broken; damaged ones make it raise whatever its code happens to meet.
    """
    return cast("Any", mutagen).File(os.fspath(path), easy=easy)


def copy_strings(source: Path, result: soundfile.SoundFile, title: str | None) -> None:
    """Carry the text fields of WAV and its kin, which libsndfile keeps and mutagen does not see."""
    try:
        with soundfile.SoundFile(native_name(source)) as old:
            fields = old.copy_metadata()
    except soundfile.SoundFileError:
        return  # its header is one that only we can read
    if wanted := extended_title(fields.get("title"), title if fields else None):
        fields["title"] = wanted
    for name, value in fields.items():
        setattr(result, name, value)


def clean_title(text: str) -> str:
    """Without control characters, at most 200 characters."""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:_LONGEST_TITLE].strip()


def extended_title(old: str | None, title: str | None) -> str | None:
    """The result's title: the wanted one, or the old one marked as extended, or none."""
    if title is not None and clean_title(title):
        return clean_title(title)
    if old is None or not clean_title(old):
        return None
    return clean_title(old)[: _LONGEST_TITLE - len(EXTENDED)] + EXTENDED


def _copy_comments(old: Any, new: Any, title: str | None) -> bool:
    """Vorbis comments, and FLAC's own pictures."""
    fresh = _tags_of(new)
    tags: Any = old.tags if old is not None and old.tags is not None else {}
    names: list[str] = list(tags.keys())
    for name in names:
        if name.lower() not in _STALE:
            fresh[name] = tags[name]
    wanted = extended_title(_first(tags.get("title")), title)
    if wanted:
        fresh["title"] = wanted
    for picture in getattr(old, "pictures", ()):
        new.add_picture(picture)
    return True


def _copy_frames(old: Any, new: Any, title: str | None) -> bool:
    """ID3 frames, of MP3 and of WAV."""
    tags = old.tags if old is not None else None
    frames = [] if tags is None else [f for f in tags.values() if f.FrameID.lower() not in _STALE]
    shown = None if tags is None else tags.get("TIT2")
    wanted = extended_title(_first(shown.text if shown is not None else None), title)
    if not frames and not wanted:
        return False
    fresh = _tags_of(new)
    for frame in frames:
        fresh.add(frame)
    if wanted:
        fresh.setall("TIT2", [TIT2(encoding=3, text=[wanted])])
    return True


def _tags_of(file: Any) -> Any:
    """Those of an opened file, made where it has none."""
    if file.tags is None:
        file.add_tags()
    return cast("Any", file.tags)


def _first(values: Any) -> str | None:
    return str(values[0]) if values else None
