"""What both builds of an ACE-Step server are asked alike: a span past the end, words, and a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from fermata_mcp.domain.task import Work

# What comes back may differ from the source in so many seconds before the point: the model needs them to go on well.
BLEND_SECONDS = 4.0
# The model works in frames of 0.04 s and gives whole pairs of them back.
PAIR_SECONDS = 0.08
# Both builds round down, and many places on the grid lie a little below themselves as 32-bit numbers.
NUDGE_SECONDS = 0.001
USUAL_ADD_SECONDS = 30.0
NO_WORDS = "music"


@dataclass(frozen=True)
class Span:
    """Seconds of the file that is sent: what is made anew, past its end."""

    start: float
    end: float


def span_of(work: Work) -> Span:
    """From a little before the point to the end that was asked for, each where the server rounds it to itself."""
    sent = work.sent_seconds or work.source_seconds or 0.0
    end = math.ceil(round((sent + (work.add_seconds or USUAL_ADD_SECONDS)) / PAIR_SECONDS, 6)) * PAIR_SECONDS
    return Span(round(max(0.0, sent - BLEND_SECONDS) + NUDGE_SECONDS, 3), round(end + NUDGE_SECONDS, 3))


def words_of(work: Work) -> str:
    """Style and wishes as one text; never empty, which one of the builds refuses."""
    said = (str(work.fields[name]).strip() for name in ("style", "prompt") if work.fields.get(name))
    return ", ".join(one for one in said if one) or NO_WORDS


def heard(work: Work, bpm: str, key: str, beats: str) -> dict[str, Any]:
    """What was heard in the source, by the names that a build has for it."""
    music = work.music
    told = {} if music is None else {bpm: music.bpm, key: music.key, beats: music.beats}
    return {name: value for name, value in told.items() if value}
