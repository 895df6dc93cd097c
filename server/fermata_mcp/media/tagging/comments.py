"""Vorbis comments (FLAC, Vorbis, Opus) and APE items, as what we know, and back.

Chapters are the CHAPTERxxx comments of Xiph's wiki; timed lyrics are LRC text.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, cast

from mutagen.flac import Picture as Block

from .model import Mark, Picture, Tags
from .words import STALE, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COVERS = "metadata_block_picture"
_OLD_COVER = "coverart"
_CHAPTER = re.compile(r"chapter(\d{2,3})")
_STAMP = re.compile(r"\[(\d+):(\d{1,2}(?:[.:]\d{1,3})?)\]")
TIMED_LYRICS = "syncedlyrics"


def tags_in(texts: Mapping[str, Iterable[str]], pictures: Iterable[Any]) -> Tags:
    """What comments say; `pictures` are FLAC's own."""
    known: dict[str, tuple[str, ...]] = {}
    found = [_of_block(one) for one in pictures]
    for name, values in texts.items():
        if name.lower() in (COVERS, _OLD_COVER):
            found += [picture for value in values if (picture := _decoded(value)) is not None]
        elif plain(name) not in STALE:
            known[plain(name)] = (*known.get(plain(name), ()), *values)
    return timed(Tags(known, tuple(found)))


def timed(tags: Tags) -> Tags:
    """With chapters and timed lyrics that stand in texts read as such."""
    texts = dict(tags.texts)
    chapters: list[Mark] = []
    for name in sorted(texts):
        if (found := _CHAPTER.fullmatch(name)) and (at := seconds(texts[name][0])) is not None:
            words = texts.pop(f"chapter{found[1]}name", ("",))[0]
            texts.pop(name)
            chapters.append(Mark(at, words))
    lines = tags.lines
    for name in (TIMED_LYRICS, "lyrics"):
        if not lines and name in texts and (read := lines_of(texts[name][0])):
            lines = read
            texts.pop(name)
    return Tags(texts, tags.pictures, (*tags.chapters, *chapters), lines)


def comments_of(tags: Tags) -> dict[str, list[str]]:
    """Comments that say `tags`, except for the pictures."""
    made = {name: list(values) for name, values in tags.texts.items()}
    for number, mark in enumerate(tags.chapters, 1):
        made[f"chapter{number:03}"] = [clock(mark.at)]
        made[f"chapter{number:03}name"] = [mark.words]
    if tags.lines:
        made[TIMED_LYRICS] = [written_lines(tags.lines)]
    return {name.upper(): values for name, values in made.items()}


def written_lines(lines: Iterable[Mark]) -> str:
    """LRC text."""
    return "\n".join(f"[{int(mark.at // 60):02}:{mark.at % 60:05.2f}]{mark.words}" for mark in lines)


def lines_of(text: str) -> tuple[Mark, ...]:
    """The lines of LRC text in the order of time; none where it is plain text."""
    found: list[Mark] = []
    for line in text.splitlines():
        stamps = list(_STAMP.finditer(line))
        words = _STAMP.sub("", line).strip()
        found += [Mark(int(one[1]) * 60 + float(one[2].replace(":", ".")), words) for one in stamps]
    return tuple(sorted(found, key=lambda mark: mark.at))


def clock(at: float) -> str:
    """HH:MM:SS.mmm."""
    whole = round(at * 1000)
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02}.{whole % 1000:03}"


def seconds(text: str) -> float | None:
    """Of a time as `clock` writes it."""
    try:
        hours, minutes, rest = text.strip().split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(rest)
    except ValueError:
        return None


def _of_block(one: Any) -> Picture:
    return Picture(bytes(one.data), str(one.mime), int(one.type), str(one.desc))


def _decoded(text: str) -> Picture | None:
    try:
        return _of_block(cast("Any", Block)(base64.b64decode(text)))
    except Exception:  # noqa: BLE001 (damaged ones make it raise whatever its code happens to meet)
        return None


def block_of(picture: Picture) -> Any:
    """As FLAC holds it."""
    block = cast("Any", Block)()
    block.data, block.mime, block.type, block.desc = picture.data, picture.mime, picture.kind, picture.description
    return block


def encoded(picture: Picture) -> str:
    """As a comment holds it."""
    return base64.b64encode(block_of(picture).write()).decode()


def tags_in_items(items: Any) -> Tags:
    """What APE items say."""
    texts: dict[str, list[str]] = {}
    pictures: list[Picture] = []
    for name, value in cast("Iterable[tuple[str, Any]]", items.items()):
        if value.kind == 1:
            if name.lower().startswith("cover art"):
                pictures.append(_cover(name, bytes(value.value)))
        elif value.kind == 0:
            texts[name] = [str(one) for one in value]
    found = tags_in(texts, ())
    for what in ("track", "disc"):
        number, _, total = (found.first(f"{what}number") or "").partition("/")
        found = found.saying(**{f"{what}number": number, f"{what}total": total}) if total else found
    return Tags(found.texts, tuple(pictures), found.chapters, found.lines)


def _cover(name: str, data: bytes) -> Picture:
    """Its file's name stands in front, ended by a zero."""
    image = data.partition(b"\0")[2] or data
    return Picture(image, mime_of(image), 4 if "back" in name.lower() else 3)


def mime_of(image: bytes) -> str:
    return "image/png" if image[:4] == b"\x89PNG" else "image/gif" if image[:3] == b"GIF" else "image/jpeg"
