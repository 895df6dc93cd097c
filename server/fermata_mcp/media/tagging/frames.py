"""ID3 frames, of MP3, WAV and AIFF, as what we know, and back. Layout: ID3v2.4, and the chapter frames addendum 1.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from mutagen import id3

from .model import Mark, Picture, Tags
from .words import FRAMES, STALE, plain, turned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NAMES = turned(FRAMES)
# Points into the time line, or says how the old file was encoded: ours to write anew, or to leave out.
_OURS = frozenset(
    {"CHAP", "CTOC", "SYLT", "USLT", "COMM", "APIC", "TRCK", "TPOS", "TXXX", "TSSE", "TLEN", *_NAMES}
)  # fmt: skip
_POINTERS = {"ETCO": "timed events", "MLLT": "", "ASPI": "", "SEEK": "", "POSS": "position", "SYTC": "tempo changes"}
_MILLISECONDS = 2
_LYRICS = 1
_UTF8 = 3


def tags_in(frames: Any) -> Tags:
    """What frames say, as `mutagen.id3.ID3` holds them."""
    texts: dict[str, tuple[str, ...]] = {}
    for frame in cast("Iterable[Any]", frames.values()):
        for name, values in _texts(frame):
            texts[name] = (*texts.get(name, ()), *values)
    pictures = tuple(Picture(one.data, one.mime, int(one.type), one.desc) for one in frames.getall("APIC"))
    chapters = tuple(Mark(one.start_time / 1000, _title(one)) for one in frames.getall("CHAP"))
    lines = tuple(
        Mark(at / 1000, words)
        for one in frames.getall("SYLT")[:1]
        if one.format == _MILLISECONDS
        for words, at in one.text
    )
    known = {name: values for name, values in texts.items() if name not in STALE and any(values)}
    return Tags(known, pictures, tuple(sorted(chapters, key=lambda mark: mark.at)), lines)


def _texts(frame: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Names and values in one frame."""
    kind = frame.FrameID
    if kind in _NAMES:
        values = frame.genres if kind == "TCON" else [str(text) for text in frame.text]
        yield _NAMES[kind], tuple(values)
    elif kind in ("TRCK", "TPOS"):
        number, _, total = str(frame.text[0] if frame.text else "").partition("/")
        what = "track" if kind == "TRCK" else "disc"
        yield f"{what}number", (number,)
        if total:
            yield f"{what}total", (total,)
    elif kind == "TXXX":
        yield plain(frame.desc), tuple(str(text) for text in frame.text)
    elif kind == "COMM" and not frame.desc.startswith("iTun"):
        yield ("comment" if not frame.desc else plain(f"comment:{frame.desc}")), tuple(str(text) for text in frame.text)
    elif kind == "USLT":
        yield "lyrics", (str(frame.text),)


def _title(chapter: Any) -> str:
    inner: Any = chapter.sub_frames.get("TIT2")
    return str(inner.text[0]) if inner is not None and inner.text else ""


def kept(frames: Any) -> tuple[list[Any], tuple[str, ...]]:
    """The frames that stay as they are, and words for those that cannot."""
    every = list(cast("Iterable[Any]", frames.values()))
    stay = [one for one in every if one.FrameID not in _OURS and one.FrameID not in _POINTERS]
    lost = {_POINTERS.get(one.FrameID, "") for one in every}
    if any(one.format != _MILLISECONDS for one in frames.getall("SYLT")):
        lost.add("timed lyrics")
    return stay, tuple(sorted(word for word in lost if word))


def frames_of(tags: Tags, old: Any, milliseconds: int) -> list[Any]:
    """Frames that say `tags` in a file that lasts so long, with the languages that `old` frames (or None) are in."""
    made: list[Any] = []
    for name, values in tags.texts.items():
        made += _made(name, list(values), tags, old)
    made += [_picture(one) for one in tags.pictures]
    made += _chapters(tags.chapters, milliseconds)
    if tags.lines:
        text = [(mark.words, round(mark.at * 1000)) for mark in tags.lines]
        lang = _language(old, "SYLT")
        made.append(_new("SYLT", lang=lang, format=_MILLISECONDS, type=_LYRICS, desc="", text=text))
    return made


def _made(name: str, values: list[str], tags: Tags, old: Any) -> list[Any]:
    if name in FRAMES:
        return [_new(FRAMES[name], text=values)]
    if name in ("tracknumber", "discnumber"):
        total = tags.first(name.replace("number", "total"))
        return [_new("TRCK" if name[0] == "t" else "TPOS", text=[f"{values[0]}/{total}" if total else values[0]])]
    if name in ("tracktotal", "disctotal") and name.replace("total", "number") in tags.texts:
        return []
    if name == "comment" or name.startswith("comment:"):
        return [_new("COMM", lang=_language(old, "COMM"), desc=name[8:], text=values)]
    if name == "lyrics":
        return [_new("USLT", lang=_language(old, "USLT"), desc="", text="\n".join(values))]
    return [_new("TXXX", desc=_spelled(name, old), text=values)]


def _spelled(name: str, old: Any) -> str:
    """A free text's name as the old file wrote it; ours in capitals, as games read them."""
    found = [] if old is None else [one.desc for one in old.getall("TXXX") if plain(one.desc) == name]
    return found[0] if found else name.upper()


def _language(old: Any, kind: str) -> str:
    found: list[Any] = [] if old is None else old.getall(kind)
    return str(found[0].lang) if found else "XXX"


def _picture(one: Picture) -> Any:
    return _new("APIC", mime=one.mime, type=one.kind, desc=one.description, data=one.data)


def _chapters(marks: tuple[Mark, ...], milliseconds: int) -> list[Any]:
    made: list[Any] = []
    for number, mark in enumerate(marks):
        until = round(marks[number + 1].at * 1000) if number + 1 < len(marks) else milliseconds
        title = [_new("TIT2", text=[mark.words])] if mark.words else []
        times = {"start_time": round(mark.at * 1000), "end_time": until}
        nowhere = {"start_offset": 0xFFFFFFFF, "end_offset": 0xFFFFFFFF}
        made.append(cast("Any", id3).CHAP(element_id=f"chp{number}", **times, **nowhere, sub_frames=title))
    if made:
        ids = [one.element_id for one in made]
        made.append(cast("Any", id3).CTOC(element_id="toc", flags=3, child_element_ids=ids, sub_frames=[]))
    return made


def _new(kind: str, **fields: Any) -> Any:
    return getattr(id3, kind)(encoding=_UTF8, **fields)
