"""Which part of its source a result plays when, and what of it was heard before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_TINY = 0.005  # seconds; what joins leave over is no passage


@dataclass(frozen=True)
class Join:
    """A place in the result, seconds, where it goes on at `enter` after `leave` of its source; how sure, 0 to 1."""

    at: float
    leave: float
    enter: float
    confidence: float

    @classmethod
    def of(cls, seam: dict[str, Any]) -> Join:
        """Of a seam as a TaskView tells it."""
        return cls(seam["at"], seam["from"], seam["to"], seam["confidence"])


@dataclass(frozen=True)
class Passage:
    """Seconds `start` to `end` of a result, which are those of its source from `source` on."""

    start: float
    end: float
    source: float
    again: bool


def delivered(view: dict[str, Any]) -> dict[str, Any] | None:
    """The deliverable of a TaskView as one of its clips; of a chain's joined file no more is known than where it is."""
    audio: dict[str, Any] | None = view["audio"]
    if not audio:
        return None
    alike = [clip for clip in view["clips"] if clip["file"] == audio["file"]]
    return alike[0] if alike else {**audio, "seams": [], "continue_at": None}


def passages(joins: Iterable[Join], seconds: float, source_seconds: float | None = None) -> list[Passage]:
    """A result, `seconds` long, in passages that are heard for the first time, or again.

    Args:
        source_seconds: How long the source is; what the result has after its end is none of it.
    """
    found: list[Passage] = []
    heard: list[tuple[float, float]] = []
    starts = [(0.0, 0.0), *((join.at, join.enter) for join in sorted(joins, key=lambda join: join.at))]
    for (start, source), after in zip(starts, [*(at for at, _ in starts[1:]), seconds], strict=True):
        end = after if source_seconds is None else min(after, start + source_seconds - source)
        found += _divided(start, end, source, heard)
        heard = _united([*heard, (source, source + end - start)])
    return [passage for passage in found if passage.end - passage.start > _TINY]


def _divided(start: float, end: float, source: float, heard: list[tuple[float, float]]) -> list[Passage]:
    to_result = start - source
    last = source + end - start
    edges = {source, last, *(min(max(edge, source), last) for span in heard for edge in span)}
    ordered = sorted(edges)
    return [
        Passage(before + to_result, after + to_result, before, _is_in((before + after) / 2, heard))
        for before, after in pairwise(ordered)
    ]


def _is_in(place: float, spans: list[tuple[float, float]]) -> bool:
    return any(start <= place < end for start, end in spans)


def _united(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    united: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if united and start <= united[-1][1]:
            start, end = united[-1][0], max(end, united.pop()[1])
        united.append((start, end))
    return united
