"""The nouns of the engine: what is to be lengthened, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from fermata_mcp.media.facts import AudioFacts

HONESTY = "Made longer from the track's own material; nothing new was composed."
HONESTY_SHORTER = "Made shorter by leaving out some of the track's own material; nothing new was composed."
SHORTEST_SECONDS = 0.5
LONGEST_SOURCE_SECONDS = 6 * 3600
LONGEST_RESULT_SECONDS = 12 * 3600

Mode = Literal["rearranged", "repeated", "silence"]
Ending = Literal["auto", "keep", "fade", "loop", "intro_loop"]
Part = Literal["intro", "middle", "outro"]


@dataclass(frozen=True)
class Job:
    """One file to make longer or shorter.

    Attributes:
        source: The audio file.
        target: Where the result goes; its folder must exist.
        length_seconds: Wanted length of the whole result.
        continue_at: Everything before this second stays untouched, and new material starts soon after it.
        title: Replaces the title tag; None marks the old one as extended.
        take: 1 for the best arrangement, 2, 3, … for other good ones; the same number gives the same result.
        ending: `keep` the track's own, `fade` out at the exact length, `loop` for a file that plays end to start for
            ever, `intro_loop` for one that plays once up to its end and then from a mark within; `auto` keeps the own
            ending where that sounds well and fades otherwise.
        fade_seconds: How long the fade-out lasts; None for a tenth of the result.
        part: Which third of the track the added music lies in, or what is left out; None for wherever it is heard
            least.
        avoid: Pairs of seconds of the source (left, entered) between which no jump may be made.
        repeat: The passage, in seconds of the source, that is heard `times` times in all; the length follows from it.
        seal: What tells that the source is still the file that was checked; None where nobody checked it.
        cache: Folder where analyses are kept for the next time; None keeps none.
    """

    source: Path
    target: Path
    length_seconds: float
    continue_at: float | None = None
    title: str | None = None
    take: int = 1
    ending: Ending = "auto"
    fade_seconds: float | None = None
    part: Part | None = None
    avoid: tuple[tuple[float, float], ...] = ()
    repeat: tuple[float, float] | None = None
    times: int = 2
    cache: Path | None = None
    seal: str | None = None

    @property
    def loops(self) -> bool:
        """Whether the end leads into a place before it."""
        return self.ending in ("loop", "intro_loop")


@dataclass(frozen=True)
class Seam:
    """Where the result jumps.

    Attributes:
        at: Second of the result at which the cut lies.
        leave: Second of the source that is left there.
        enter: Second of the source at which it goes on.
        crossfade_ms: How long both are heard, in milliseconds.
        confidence: Share of listeners, 0 to 1, who would not mind.
    """

    at: float
    leave: float
    enter: float
    crossfade_ms: float
    confidence: float


@dataclass(frozen=True)
class Result:
    """What was made. `facts` are those of the written file."""

    facts: AudioFacts
    mode: Mode
    seams: tuple[Seam, ...]
    ending: Literal["kept", "faded", "loops"]
    warnings: tuple[str, ...]
