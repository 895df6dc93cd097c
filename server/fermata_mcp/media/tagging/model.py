"""What files say of their music, whatever their kind: words, pictures, and what points into the time line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

EXTENDED, SHORTENED = " (extended)", " (shortened)"
LOOP_START, LOOP_LENGTH, LOOP_END = "loopstart", "looplength", "loopend"
_LONGEST_TITLE = 200
_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True)
class Picture:
    """`kind` is ID3's number: 3 for the front cover."""

    data: bytes
    mime: str
    kind: int = 3
    description: str = ""


@dataclass(frozen=True)
class Mark:
    """Words at a second: a chapter begins, or a line is sung."""

    at: float
    words: str


@dataclass(frozen=True)
class Tags:
    """What a file says.

    Attributes:
        texts: By the name of a Vorbis comment in lower case ("title", "tracknumber", "loopstart" …).
        pictures: Covers and others.
        chapters: In the order of time.
        lines: Lyrics with the time at which each is sung.
    """

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOTHING)
    pictures: tuple[Picture, ...] = ()
    chapters: tuple[Mark, ...] = ()
    lines: tuple[Mark, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.texts or self.pictures or self.chapters or self.lines)

    def first(self, name: str) -> str | None:
        return next(iter(self.texts.get(name, ())), None)

    def filled_from(self, other: Tags) -> Tags:
        """With what only the other says."""
        return Tags(
            {**other.texts, **self.texts},
            self.pictures or other.pictures,
            self.chapters or other.chapters,
            self.lines or other.lines,
        )

    def without(self, *names: str) -> Tags:
        return replace(self, texts={name: values for name, values in self.texts.items() if name not in names})

    def saying(self, **texts: str | None) -> Tags:
        """With these texts instead of what it said; those that are None stay as they were."""
        return replace(self, texts={**self.texts, **{name: (text,) for name, text in texts.items() if text}})


def clean_title(text: str) -> str:
    """Without control characters, at most 200 characters."""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:_LONGEST_TITLE].strip()


def title_of_result(old: str | None, title: str | None, *, shorter: bool = False) -> str | None:
    """The result's title: the wanted one, or the old one marked as extended or shortened, or none."""
    if title is not None and clean_title(title):
        return clean_title(title)
    before = clean_title(old or "").removesuffix(EXTENDED).removesuffix(SHORTENED)
    mark = SHORTENED if shorter else EXTENDED
    return before[: _LONGEST_TITLE - len(mark)] + mark if before else None
