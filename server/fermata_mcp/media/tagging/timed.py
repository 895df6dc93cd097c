"""What points into the time line, after parts of the music were moved: recomputed where that is exact, or left out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from fermata_mcp.domain.moments import counted

from .model import LOOP_END, LOOP_LENGTH, LOOP_START, Mark, Tags

CUE_SHEET = "cuesheet"
_INDEX = re.compile(r"(INDEX\s+\d+\s+)(\d+):(\d\d):(\d\d)", re.IGNORECASE)
_PER_SECOND = 75  # a cue sheet's frames


@dataclass(frozen=True)
class Passage:
    """Frames `start` to `stop` of the source are heard from frame `at` of the result on."""

    at: int
    start: int
    stop: int


@dataclass(frozen=True)
class Moves:
    """Where the frames of a source are heard in its result.

    Attributes:
        rate: Frames a second, of both.
        passages: In the order of the result.
        blends: From and to which frame of the result two places are heard at once.
        frames: Length of the result.
        faded: So many frames at its end fade out.
    """

    rate: int
    passages: tuple[Passage, ...]
    frames: int
    blends: tuple[tuple[int, int], ...] = ()
    faded: int = 0

    def places(self, frame: int) -> list[int]:
        """The frames of the result at which that of the source is heard."""
        found = [one.at + frame - one.start for one in self.passages if one.start <= frame < one.stop]
        return [place for place in found if place < self.frames]

    def seconds(self, at: float) -> list[float]:
        """The same in seconds."""
        return [place / self.rate for place in self.places(round(at * self.rate))]

    def is_plain(self, place: int) -> bool:
        """Whether the result is there as the source was."""
        return place < self.frames - self.faded and not any(start <= place < stop for start, stop in self.blends)


def moved(tags: Tags, moves: Moves | None, counts: tuple[float, float] = (1.0, 1.0)) -> tuple[Tags, tuple[str, ...]]:
    """The tags for the result, and words for what could not be kept.

    Args:
        moves: None where nobody knows what is where.
        counts: A loop's counts for each frame of the source, and of the result (Opus counts at 48 kHz).
    """
    if moves is None:
        return _without_places(tags)
    lost: list[str] = []
    chapters = tuple(Mark(at[0], mark.words) for mark in tags.chapters if (at := moves.seconds(mark.at)))
    if gone := len(tags.chapters) - len(chapters):
        lost.append(counted(gone, "chapter", "that is not heard any more", "that are not heard any more"))
    lines = sorted(
        (Mark(at, mark.words) for mark in tags.lines for at in moves.seconds(mark.at)), key=lambda one: one.at
    )
    tags = replace(tags, chapters=tuple(sorted(chapters, key=lambda mark: mark.at)), lines=tuple(lines))
    for change in (_with_loop, _with_sheet):
        tags, said = change(tags, moves, counts)
        lost += said
    return tags, tuple(lost)


def _without_places(tags: Tags) -> tuple[Tags, tuple[str, ...]]:
    loop = LOOP_START in tags.texts
    had = {
        "loop marks": loop,
        "cue sheet": CUE_SHEET in tags.texts,
        "chapters": tags.chapters,
        "timed lyrics": tags.lines,
    }
    plain = tags.without(LOOP_START, LOOP_LENGTH, LOOP_END, CUE_SHEET)
    if tags.lines and "lyrics" not in tags.texts:
        plain = plain.saying(lyrics="\n".join(mark.words for mark in tags.lines))
    return replace(plain, chapters=(), lines=()), tuple(word for word, there in had.items() if there)


def _with_loop(tags: Tags, moves: Moves, counts: tuple[float, float]) -> tuple[Tags, list[str]]:
    loop = loop_of(tags)
    bare = tags.without(LOOP_START, LOOP_LENGTH, LOOP_END)
    if loop is None:
        return bare, ["loop marks"] if LOOP_START in tags.texts else []
    start, stop = (round(count / counts[0]) for count in (loop[0], loop[0] + loop[1]))
    starts = [place for place in moves.places(start) if moves.is_plain(place)]
    stops = [place + 1 for place in moves.places(stop - 1) if moves.is_plain(place)]
    if not starts or not stops or starts[0] >= stops[-1]:
        return bare, ["loop marks"]
    begin, end = (round(place * counts[1]) for place in (starts[0], stops[-1]))
    told = {LOOP_START: str(begin), LOOP_LENGTH: str(end - begin), LOOP_END: str(end)}
    return bare.saying(**{name: text for name, text in told.items() if name in tags.texts}), []


def loop_of(tags: Tags) -> tuple[int, int] | None:
    """Start and length as they are counted there."""
    start, length, end = (_count(tags.first(name)) for name in (LOOP_START, LOOP_LENGTH, LOOP_END))
    if start is None:
        return None
    length = end - start if length is None and end is not None else length
    return (start, length) if length is not None and length > 0 else None


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdigit() else None


def _with_sheet(tags: Tags, moves: Moves, _counts: tuple[float, float]) -> tuple[Tags, list[str]]:
    sheet = tags.first(CUE_SHEET)
    if sheet is None:
        return tags, []
    lost = False

    def moved_index(found: re.Match[str]) -> str:
        nonlocal lost
        places = moves.seconds(int(found[2]) * 60 + int(found[3]) + int(found[4]) / _PER_SECOND)
        if not places:
            lost = True
            return found[0]
        count = round(places[0] * _PER_SECOND)
        return f"{found[1]}{count // (60 * _PER_SECOND):02}:{count // _PER_SECOND % 60:02}:{count % _PER_SECOND:02}"

    new = _INDEX.sub(moved_index, sheet)
    return (tags.without(CUE_SHEET), ["cue sheet"]) if lost else (tags.saying(cuesheet=new), [])
