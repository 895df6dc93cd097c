"""What `local` can do, and how what is asked of it is said to the engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fermata_mcp.domain.requests.option_forms import moment, places, repeated
from fermata_mcp.domain.spec import FieldSpec, Lengths, Pace, ProviderSpec
from fermata_mcp.domain.task import Work
from fermata_mcp.rearrange import job as engine
from fermata_mcp.rearrange.job import (
    HONESTY,
    HONESTY_SHORTER,
    LONGEST_RESULT_SECONDS,
    LONGEST_SOURCE_SECONDS,
    SHORTEST_SECONDS,
)

SPEC = ProviderSpec(
    name="local",
    title="Local (no key)",
    summary="Fits a track to a length offline by re-arranging its own material along musically equal places.",
    sources=frozenset({"file", "url", "task"}),
    here=True,
    fields={
        "continue_at": FieldSpec("continue_at", note="everything before it stays untouched"),
        "add_seconds": FieldSpec("length_seconds", note="default 30"),
        "title": FieldSpec("title"),
    },
    options={
        "ending": ("keep", "fade", "loop", "intro_loop"),
        "fade_seconds": (),
        "part": ("intro", "middle", "outro"),
        "avoid": (),
        "repeat": (),
        "times": (),
    },
    option_forms={"fade_seconds": "seconds", "avoid": "places", "repeat": "passage", "times": "times"},
    pace=Pace(first=0.2, interval=0.5, give_up=3600),
    submit="repeatable",
    verified="run by the tests, on real audio",
    lengths=Lengths(
        any_result=True,
        shortest_result=SHORTEST_SECONDS,
        shortest_source=SHORTEST_SECONDS,
        longest_source=LONGEST_SOURCE_SECONDS,
        longest_result=LONGEST_RESULT_SECONDS,
        default_add=30,
    ),
    honesty=HONESTY,
    honesty_shorter=HONESTY_SHORTER,
    notes=(
        "WAV, FLAC, OGG, MP3, AIFF and CAF; with the extra `formats` or an ffmpeg on the PATH also "
        "m4a (AAC, ALAC), WMA, WebM, and the sound of videos",
        "the result keeps the format of its source; the ending of save_as chooses another",
        "chain_extend with a target below the track's length makes it shorter: beginning and ending stay",
        "options.ending: keep the track's own, fade out at the exact length, loop (plays end to start for ever) or "
        "intro_loop (plays once to its end, then for ever from a mark within); loops are marked for games and samplers",
        "options.fade_seconds: how long the fade-out lasts",
        "options.part: which third of the track is made longer or shorter; the others are heard as they were",
        "options.repeat and options.times: a passage such as 0:40-1:00, heard so many times in all (2 unless told)",
        "options.avoid: seconds of joins in an earlier result of the same source that are not wanted again; its source "
        "may be that result itself",
    ),
)


def engine_job(work: Work, cache: Path) -> engine.Job:
    """What the engine is to do for one piece of work; analyses are kept in `cache`."""
    return engine.Job(
        source=Path(work.source_file or ""),
        seal=work.source_seal,
        target=Path(work.save_as),
        length_seconds=work.length_seconds or 0,
        continue_at=work.continue_at,
        title=work.fields.get("title"),
        take=work.take,
        cache=cache,
        **_wishes(work.options),
    )


def _wishes(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that have passed their checks, as the engine takes them."""
    found = {name: options[name] for name in ("ending", "part") if name in options}
    if "fade_seconds" in options:
        found |= {"ending": "fade", "fade_seconds": moment(options["fade_seconds"])}
    if "avoid" in options:
        found["avoid"] = tuple(one for one in places(options["avoid"]) or () if isinstance(one, tuple))
    if again := repeated(options, SPEC):
        found |= {"repeat": again[:2], "times": again[2]}
    return found
