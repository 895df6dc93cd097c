"""Tags of WAV and AIFF files: an ID3 chunk, their own words, marks, loops, and chunks that stay as they are."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

from mutagen.id3 import ID3

from fermata_mcp.media.formats.chunks import Chunk, chunks_of, put, without

from . import frames
from .comments import timed
from .model import LOOP_LENGTH, LOOP_START, Mark, Tags
from .points import cue, decoded, instrument, listed, loop_in_smpl, marks_in_cue, marks_of_instrument, smpl
from .timed import loop_of
from .words import INFO, STALE, plain, turned

if TYPE_CHECKING:
    from pathlib import Path

_INFO = turned(INFO)
_ID3 = frozenset({b"id3 ", b"ID3 "})
_WORDS = {b"NAME": "title", b"AUTH": "artist", b"(c) ": "copyright", b"ANNO": "comment"}
_MARKS = frozenset({b"cue ", b"smpl", b"LIST", b"MARK", b"INST"})
# Of the samples, of the old file's length or peaks, or nothing.
_TECHNICAL = frozenset(
    {
        b"fmt ", b"data", b"fact", b"PEAK", b"ds64", b"JUNK", b"junk", b"FLLR", b"PAD ", b"wavl", b"slnt", b"levl",
        b"COMM", b"SSND", b"FVER", b"FREE", b"CHAN", b"ISFT",
    }
)  # fmt: skip
_POINTERS = {
    b"acid": "beats (acid)", b"strc": "beats (strc)", b"basc": "beats (Apple loop)", b"trns": "transients (Apple loop)",
    b"plst": "play list", b"regn": "regions", b"COMT": "marked comments",
}  # fmt: skip
_REWRITTEN = _ID3 | _MARKS | frozenset(_WORDS)


@dataclass(frozen=True)
class Wave:
    """What a WAV or AIFF file says, the chunks that stay as they are, and words for what cannot stay."""

    tags: Tags
    id3: Any
    chunks: tuple[Chunk, ...]
    marks: tuple[Chunk, ...]
    lost: tuple[str, ...]


def read(path: Path, rate: int) -> Wave:
    every = chunks_of(path, but=_TECHNICAL)
    id3 = next((_id3_in(one.data) for one in every if one.name in _ID3), None)
    tags = frames.tags_in(id3) if id3 is not None else Tags()
    tags = timed(tags.filled_from(_own_words(every))).filled_from(_places(every, rate))
    stay = tuple(one for one in every if one.name not in _REWRITTEN and one.name not in _POINTERS)
    lost = tuple(sorted({_POINTERS[one.name] for one in every if one.name in _POINTERS}))
    return Wave(tags, id3, stay, tuple(one for one in every if one.name in _MARKS), lost)


def _id3_in(data: bytes) -> Any:
    try:
        return cast("Any", ID3)(BytesIO(data))
    except Exception:  # noqa: BLE001 (damaged ones make it raise whatever its code happens to meet)
        return None


def _own_words(chunks: tuple[Chunk, ...]) -> Tags:
    texts: dict[str, tuple[str, ...]] = {}
    for one in chunks:
        if one.name in _WORDS:
            texts[_WORDS[one.name]] = (*texts.get(_WORDS[one.name], ()), decoded(one.data))
        elif one.name == b"LIST" and one.data[:4] == b"INFO":
            for name, data in listed(one.data):
                key = name.decode("latin-1")
                if key != "ISFT" and plain(key) not in STALE:
                    texts[_INFO.get(key, f"info:{key.lower()}")] = (decoded(data),)
    return Tags({name: values for name, values in texts.items() if any(values)})


def _places(chunks: tuple[Chunk, ...], rate: int) -> Tags:
    by_name = {one.name: one.data for one in chunks}
    marks, loop = marks_of_instrument(by_name)
    loop = loop or loop_in_smpl(by_name.get(b"smpl", b""))
    chapters = (*marks_in_cue(chunks, rate), *(Mark(at / rate, words) for at, words in marks.values()))
    texts = {LOOP_START: (str(loop[0]),), LOOP_LENGTH: (str(loop[1]),)} if loop else {}
    return Tags(texts, chapters=tuple(sorted(chapters, key=lambda mark: mark.at)))


def write(path: Path, tags: Tags, old: Wave, kept_frames: list[Any], version: int, shape: tuple[int, int]) -> None:
    """Put `tags` into the file, and what is kept of the `old` one. `shape` is its rate and its frames."""
    rate, length = shape
    with path.open("rb") as file:
        is_wav = file.read(4) != b"FORM"
    freed = frozenset({b"id3 ", b"ID3 ", b"smpl", b"cue ", b"LIST"} if is_wav else _REWRITTEN)
    without(path, freed)
    loop = loop_of(tags) or (0, 0)
    marks = {one.name: one.data for one in old.marks}
    id3 = id3_chunk(tags, old.id3, kept_frames, version, length * 1000 // rate, b"id3 " if is_wav else b"ID3 ")
    if is_wav:
        sampler = [smpl(*loop, rate, marks.get(b"smpl", b""))] if loop[1] else []
        own = [*_info(tags), *sampler, *cue(tags.chapters, rate)]
    else:
        words = [(name, tags.texts.get(known, ())) for name, known in _WORDS.items()]
        own = [Chunk(name, value.encode()) for name, values in words for value in values]
        own += instrument(*loop, tags.chapters, rate, marks.get(b"INST", b""))
    put(path, [*old.chunks, *own, *([id3] if id3 else [])])


def _info(tags: Tags) -> list[Chunk]:
    items = [(INFO[name], values) for name, values in tags.texts.items() if name in INFO]
    items += [(name[5:].upper(), values) for name, values in tags.texts.items() if name.startswith("info:")]
    inner = b"".join(_item(name, "; ".join(values)) for name, values in items)
    return [Chunk(b"LIST", b"INFO" + inner)] if inner else []


def _item(name: str, text: str) -> bytes:
    data = text.encode() + b"\0"
    return struct.pack("<4sI", name.encode("latin-1")[:4], len(data)) + data + b"\0" * (len(data) % 2)


def id3_chunk(tags: Tags, old: Any, kept: list[Any], version: int, milliseconds: int, name: bytes) -> Chunk | None:
    """The chunk with all frames, of ID3's minor `version`; None where there are none."""
    told = Tags(
        {known: values for known, values in tags.texts.items() if not known.startswith("info:")},
        tags.pictures, tags.chapters, tags.lines,
    )  # fmt: skip
    new = filled_id3(told, old, kept, version, milliseconds)
    if not len(new):
        return None
    memory = BytesIO()
    new.save(memory, v2_version=version, padding=_none)
    return Chunk(name, memory.getvalue())


def _none(_info: Any) -> int:
    return 0


def filled_id3(tags: Tags, old: Any, kept: list[Any], version: int, milliseconds: int) -> Any:
    """A new tag of these frames, ready to be saved in that version."""
    new = cast("Any", ID3)()
    for frame in [*kept, *frames.frames_of(tags, old, milliseconds)]:
        new.add(frame)
    if version == 3:
        new.update_to_v23()
    return new
