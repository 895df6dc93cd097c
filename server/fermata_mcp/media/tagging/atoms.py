"""MP4's atoms (m4a) and ASF's attributes (wma), as what we know, and back."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, cast

from mutagen import asf
from mutagen.mp4 import MP4Cover, MP4FreeForm

from .comments import TIMED_LYRICS, mime_of, timed, written_lines
from .model import Mark, Picture, Tags
from .words import ATOMS, ATTRIBUTES, STALE, plain, turned

if TYPE_CHECKING:
    from collections.abc import Iterable

FREE = "----:com.apple.iTunes:"
_ATOM_NAMES, _ATTRIBUTE_NAMES = turned(ATOMS), turned(ATTRIBUTES)
_PAIRS = {"trkn": "track", "disk": "disc"}
_COVER, _PICTURE = "covr", "WM/Picture"
# ours to write anew, or said of the old file
_REWRITTEN = frozenset({*_ATOM_NAMES, *_PAIRS, _COVER, "tmpo", "cpil", "©too", "gnre"})


def tags_in_atoms(file: Any) -> Tags:
    """What an opened `mutagen.mp4.MP4` says."""
    texts: dict[str, tuple[str, ...]] = {}
    pictures: list[Picture] = []
    for name, values in cast("Iterable[tuple[str, Any]]", (file.tags or {}).items()):
        if name in _ATOM_NAMES:
            texts[_ATOM_NAMES[name]] = tuple(map(str, values))
        elif name in _PAIRS and values:
            texts |= _pair(_PAIRS[name], *values[0][:2])
        elif name == _COVER:
            pictures += [Picture(bytes(one), mime_of(bytes(one))) for one in values]
        elif name.startswith("----:"):
            texts[plain(name.rpartition(":")[2])] = tuple(bytes(one).decode(errors="replace") for one in values)
        elif name == "tmpo":
            texts["bpm"] = tuple(map(str, values))
        elif name == "cpil" and values:
            texts["compilation"] = ("1",)
    chapters = tuple(Mark(float(one.start), str(one.title)) for one in file.chapters or ())
    known = {name: values for name, values in texts.items() if name not in STALE}
    return timed(Tags(known, tuple(pictures), chapters))


def _pair(what: str, number: int, total: int) -> dict[str, tuple[str, ...]]:
    found = {f"{what}number": number, f"{what}total": total}
    return {name: (str(value),) for name, value in found.items() if value}


def kept_atoms(file: Any) -> dict[str, Any]:
    """Those that stay as they are: of an MP4 file, for another one."""
    every = cast("dict[str, Any]", dict(file.tags or {}))
    return {name: value for name, value in every.items() if name not in _REWRITTEN and not name.startswith("----:")}


def atoms_of(tags: Tags) -> dict[str, Any]:
    """Atoms that say `tags`; chapters have none."""
    made: dict[str, Any] = {}
    for name, values in _with_lines(tags).texts.items():
        if name in ATOMS:
            made[ATOMS[name]] = list(values)
        elif name == "bpm" and values[0].strip().isdigit():
            made["tmpo"] = [min(65535, int(values[0]))]
        elif name == "compilation":
            made["cpil"] = values[0].strip() not in ("", "0")
        elif name.removesuffix("number").removesuffix("total") not in _PAIRS.values():
            made[FREE + name.upper()] = [_free(value) for value in values]
    for atom, what in _PAIRS.items():
        pair = tuple(_number(tags.first(f"{what}{part}")) for part in ("number", "total"))
        if any(pair):
            made[atom] = [pair]
    if tags.pictures:
        made[_COVER] = [_covered(one) for one in tags.pictures]
    return made


def _with_lines(tags: Tags) -> Tags:
    return tags.saying(**{TIMED_LYRICS: written_lines(tags.lines)}) if tags.lines else tags


def _free(value: str) -> Any:
    return cast("Any", MP4FreeForm)(value.encode())


def _covered(one: Picture) -> Any:
    kind = cast("Any", MP4Cover)
    return kind(one.data, kind.FORMAT_PNG if one.mime == "image/png" else kind.FORMAT_JPEG)


def _number(text: str | None) -> int:
    digits = (text or "").partition("/")[0].strip()
    return min(65535, int(digits)) if digits.isdigit() else 0


def tags_in_attributes(file: Any) -> Tags:
    """What an opened `mutagen.asf.ASF` says."""
    texts: dict[str, tuple[str, ...]] = {}
    pictures: list[Picture] = []
    for name, value in cast("Iterable[tuple[str, Any]]", file.tags or ()):
        if name == _PICTURE:
            pictures += _read_picture(bytes(value.value))
        elif isinstance(value.value, bytes):
            continue
        else:
            known = _ATTRIBUTE_NAMES.get(name) or plain(name.removeprefix("WM/"))
            texts[known] = (*texts.get(known, ()), str(value))
    kept = {name: values for name, values in texts.items() if name not in STALE and any(values)}
    return timed(Tags(kept, tuple(pictures)))


def _read_picture(data: bytes) -> list[Picture]:
    kind, size = struct.unpack("<BI", data[:5]) if len(data) >= 5 else (0, 0)
    words = data[5 : len(data) - size].decode("utf-16-le", "replace").split("\0")
    return [Picture(data[len(data) - size :], words[0], kind, words[1])] if size and len(words) >= 2 else []


def attributes_of(tags: Tags) -> dict[str, Any]:
    """Attributes that say `tags`; chapters have none."""
    make: dict[str, Any] = {}
    for name, values in _with_lines(tags).texts.items():
        make[ATTRIBUTES.get(name, name.upper())] = [cast("Any", asf).ASFUnicodeAttribute(value) for value in values]
    if tags.pictures:
        make[_PICTURE] = [cast("Any", asf).ASFByteArrayAttribute(_written(one)) for one in tags.pictures]
    return make


def _written(one: Picture) -> bytes:
    words = f"{one.mime}\0{one.description}\0".encode("utf-16-le")
    return struct.pack("<BI", one.kind, len(one.data)) + words + one.data
