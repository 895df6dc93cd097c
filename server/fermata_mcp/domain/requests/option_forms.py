"""Values of a provider's own options that are more than a choice of words, as people write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from pydantic_core import PydanticCustomError

from fermata_mcp.domain.errors import FermataError, InvalidRequest
from fermata_mcp.domain.spec import OptionForm, ProviderSpec

from .request import ChainRequest, Request, seconds_of

USUAL_TIMES = 2
_MOST_TIMES = 1000
_MOST_PLACES = 100
_PASSAGE = re.compile(
    r"\s*(?P<start>[\d:.,]+)\s*(?:s|sec)?\s*(?:[-\u2013\u2014]|to|bis|\.\.)\s*(?P<stop>[\d:.,]+)\s*(?:s|sec)?\s*"
)


def moment(value: Any) -> float | None:
    """Seconds that a number or `2:05` says; None where it says none."""
    try:
        found = seconds_of(value)
    except PydanticCustomError:
        return None
    number = isinstance(found, int | float) and not isinstance(found, bool)
    return float(found) if number and 0 <= found < float("inf") else None


def passage(value: Any) -> tuple[float, float] | None:
    """From where to where `0:40-1:00` is, in seconds; None where it says no passage."""
    match = _PASSAGE.fullmatch(value) if isinstance(value, str) else None
    start, stop = (moment(match["start"]), moment(match["stop"])) if match else (None, None)
    return None if start is None or stop is None or start >= stop else (start, stop)


def places(value: Any) -> list[float | tuple[float, float]] | None:
    """Seconds of a result, or pairs of places of its source once it is known which are meant; None for neither."""
    given = cast("list[Any]", value) if isinstance(value, list) else [value]
    found: list[float | tuple[float, float]] = []
    for one in given:
        pair = [moment(end) for end in cast("list[Any]", one)] if isinstance(one, list) else []
        if len(pair) == 2 and pair[0] is not None and pair[1] is not None:
            found.append((pair[0], pair[1]))
        elif (at := moment(one)) is not None:
            found.append(at)
        else:
            return None
    return found if 0 < len(found) <= _MOST_PLACES else None


def times(value: Any) -> int | None:
    """How often something is heard in all; None where that makes no sense."""
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    return int(value) if whole and 2 <= value <= _MOST_TIMES else None


def _some(value: Any) -> float | None:
    return moment(value) or None


_READ: Mapping[OptionForm, tuple[Callable[[Any], Any], str]] = {
    "seconds": (_some, "a number of seconds above 0"),
    "times": (times, f"a whole number from 2 to {_MOST_TIMES}, of how often it is heard in all"),
    "places": (places, f"a list of at most {_MOST_PLACES} times, each the second of a join in an earlier result"),
    "passage": (passage, 'a passage such as "0:40-1:00"'),
}


def form_problems(options: Mapping[str, Any], spec: ProviderSpec) -> Iterator[FermataError]:
    """Values that are not of the form their option has."""
    for name, form in spec.option_forms.items():
        read, words = _READ[form]
        if name in options and read(options[name]) is None:
            yield InvalidRequest(f"wrong value of options.{name}.", f"options.{name} is {words}.")


def rival_problems(request: Request, spec: ProviderSpec) -> Iterator[FermataError]:
    """Options of one provider that say different things about the same."""
    options = request.options or {}
    known = spec.option_forms.keys() & options.keys()
    ending = options.get("ending")
    if "fade_seconds" in known and ending not in (None, "fade"):
        yield InvalidRequest(
            f'options.fade_seconds fades out, and options.ending "{ending}" does not.', "leave one of them out."
        )
    if "times" in known and "repeat" not in options:
        yield InvalidRequest(
            "options.times says how often a passage is heard, and options.repeat does not say which.",
            'add options.repeat, such as "0:40-1:00".',
        )
    if "repeat" in known:
        yield from _beside_repeat(request, options)


def _beside_repeat(request: Request, options: Mapping[str, Any]) -> Iterator[FermataError]:
    """The length of the result follows from what is repeated."""
    if isinstance(request, ChainRequest):
        yield InvalidRequest(
            "options.repeat makes the track as much longer as the passage lasts, so there is no target to reach.",
            "use extend_track with options.repeat and options.times, then chain_extend with its result as source.",
        )
    elif request.add_seconds is not None:
        yield InvalidRequest(
            "options.repeat makes the track as much longer as the passage lasts; add_seconds says something else.",
            "leave add_seconds out; options.times says how often the passage is heard in all.",
        )
    others = [f"options.{name}" for name in ("part",) if name in options]
    others += ["continue_at"] if request.continue_at is not None else []
    others += [f'options.ending "{options["ending"]}"'] if "loop" in str(options.get("ending")) else []
    if others:
        yield InvalidRequest(
            f"options.repeat says which music is heard again, and so does {', '.join(others)}.",
            f"leave {', '.join(others)} out, or leave options.repeat out.",
        )


def repeated(options: Mapping[str, Any], spec: ProviderSpec) -> tuple[float, float, int] | None:
    """The passage that is repeated, in seconds, and how often it is heard in all; None where none is."""
    found = passage(options.get("repeat")) if "repeat" in spec.option_forms else None
    return None if found is None else (*found, times(options.get("times", USUAL_TIMES)) or USUAL_TIMES)
