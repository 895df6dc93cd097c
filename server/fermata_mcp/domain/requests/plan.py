"""Check a request against what a provider can do, and say what it comes to, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fermata_mcp.domain.credits import Quote
from fermata_mcp.domain.errors import FermataError, InvalidRequest, TooLarge
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import SourceFacts

from .cost import cap_problems, chain_cost, extension_cost, missing_seconds, with_concat
from .cost import expected_cost as expected_cost  # of a chain, beside the most that it can cost
from .option_forms import repeated
from .request import ChainRequest, ExtendRequest, Request
from .wire_request import default_point as default_point  # chains place their later points by it
from .wire_request import sent_problems

_ROUNDED_SECONDS = 0.01  # by which a length may miss the track's and mean it


@dataclass(frozen=True)
class Plan:
    """What will be done. Seconds; `length_seconds` is the wanted length of the whole result where it can be told."""

    length_seconds: float | None
    add_seconds: float | None
    quote: Quote
    at_least: Quote


def plan_problems(request: Request, spec: ProviderSpec, source: SourceFacts) -> list[FermataError]:
    """Everything about this request that makes no sense for this source, or costs too much."""
    found = [*sent_problems(request, spec, source), *_source_length_problems(spec, source)]
    plan = plan_of(request, spec, source)
    return [
        *found,
        *_repeat_problems(request, spec, source),
        *_result_length_problems(request, plan, spec, source),
        *cap_problems(request, spec, plan.at_least),
    ]


def plan_of(request: Request, spec: ProviderSpec, source: SourceFacts) -> Plan:
    """What carrying out `request` means for this provider and this source, whether it can be or not."""
    if isinstance(request, ChainRequest):
        return _chain_plan(request, spec, source)
    return _extend_plan(request, spec, source)


def _source_length_problems(spec: ProviderSpec, source: SourceFacts) -> Iterator[FermataError]:
    known = source.duration_seconds
    if known is None:
        return
    if known < spec.lengths.shortest_source:
        yield InvalidRequest(
            f"the track is {known:.2f} s long; {spec.name} needs at least {spec.lengths.shortest_source:g} s.",
            "give a longer track.",
        )
    if known > spec.lengths.longest_source:
        yield TooLarge(
            f"the track is {known:.0f} s long; {spec.name} takes at most {spec.lengths.longest_source:g} s.",
            "cut the track, or choose another provider.",
        )


def _extend_plan(request: ExtendRequest, spec: ProviderSpec, source: SourceFacts) -> Plan:
    add = request.add_seconds
    if add is None:
        add = default_add(request, spec, source)
    once = extension_cost(request, spec, source, add)
    if spec.lengths.default_add is None:
        return Plan(None, request.add_seconds, with_concat(once, request, spec, source), once)
    known = source.duration_seconds
    again = repeated(request.options or {}, spec)
    if again is not None:
        start, stop, times = again
        more = (times - 1) * (stop - start)
        return Plan(None if known is None else known + more, more, once, once)
    point = request.continue_at if request.continue_at is not None else known
    length = None if point is None or add is None else point + add
    return Plan(length, add, once, once)


def default_add(request: ExtendRequest, spec: ProviderSpec, source: SourceFacts) -> float | None:
    """Seconds that are added where the caller names none; None where that is not known (yet)."""
    if spec.lengths.default_add is None:
        known = spec.fields.get("add_seconds")
        return known.default if known else None
    if request.continue_at is None:
        return spec.lengths.default_add
    if source.duration_seconds is None:
        return None
    return spec.lengths.default_add + max(0.0, source.duration_seconds - request.continue_at)


def _chain_plan(request: ChainRequest, spec: ProviderSpec, source: SourceFacts) -> Plan:
    point = request.continue_at if request.continue_at is not None else source.duration_seconds
    add = missing_seconds(request.target_seconds - (point or 0.0), spec) if "add_seconds" in spec.fields else None
    once = extension_cost(request, spec, source, add)
    if spec.lengths.any_result:
        return Plan(request.target_seconds, None, once, once)
    most = chain_cost(request, spec, source)
    return Plan(request.target_seconds, None, Quote(once.low, max(once.high, most.high), unit=most.unit), once)


def _repeat_problems(request: Request, spec: ProviderSpec, source: SourceFacts) -> Iterator[FermataError]:
    again, known = repeated(request.options or {}, spec), source.duration_seconds
    if again is not None and known is not None and again[1] > known + _ROUNDED_SECONDS:
        yield InvalidRequest(
            f"options.repeat ends at {again[1]:g} s, but the track ends at {known:.2f} s.",
            f"give a passage between 0 and {known:.2f} s.",
        )


def _result_length_problems(
    request: Request, plan: Plan, spec: ProviderSpec, source: SourceFacts
) -> Iterator[FermataError]:
    length, known = plan.length_seconds, source.duration_seconds
    if length is None:
        return
    if known is not None and length <= known and not _fits(request, spec, length, known):
        yield _not_longer(request, spec, length, known)
    if spec.lengths.any_result and length < spec.lengths.shortest_result:
        yield InvalidRequest(
            f"the result would be {length:g} s long; {spec.name} makes at least {spec.lengths.shortest_result:g} s.",
            "ask for more.",
        )
    if known is not None and length <= known and request.continue_at is not None and length <= request.continue_at:
        yield InvalidRequest(
            f"everything before continue_at {request.continue_at:g} s stays, so {length:g} s cannot be reached.",
            f"leave continue_at out, or ask for more than {request.continue_at:g} s.",
        )
    if length > spec.lengths.longest_result:
        yield TooLarge(
            f"the result would be {length:.0f} s long; {spec.name} makes at most {spec.lengths.longest_result:g} s.",
            f"ask for at most {spec.lengths.longest_result:g} s{_endless(spec)}.",
        )


def _fits(request: Request, spec: ProviderSpec, length: float, known: float) -> bool:
    """Whether a track can be fitted to a length that is not above its own: shortened, or made a loop."""
    if not isinstance(request, ChainRequest) or not spec.lengths.any_result:
        return False
    return known - length > _ROUNDED_SECONDS or "ending" in (request.options or {})


def _endless(spec: ProviderSpec) -> str:
    loops = "loop" in (spec.options or {}).get("ending", ())
    return ', or pass options {"ending": "loop"}: a player can repeat that result for ever' if loops else ""


def _not_longer(request: Request, spec: ProviderSpec, length: float, known: float) -> InvalidRequest:
    if isinstance(request, ChainRequest) and spec.lengths.any_result:
        return InvalidRequest(
            f"the track is {known:.2f} s long already.", "use it as it is, or ask for another target_seconds."
        )
    if isinstance(request, ChainRequest):
        return InvalidRequest(
            f"the track is {known:.2f} s long already, and {spec.name} makes no track shorter than it is.",
            f"use provider local, which fits a track to target_seconds {length:g}, free; or ask for a target above "
            f"{known:.2f}.",
        )
    point = known if request.continue_at is None else request.continue_at
    return InvalidRequest(
        f"the result would be {length:.2f} s, not longer than the track's {known:.2f} s: music from continue_at on is "
        "replaced by the new seconds.",
        f"ask for add_seconds above {known - point:.2f}, or leave continue_at out to keep the whole track and go on "
        f"from its end{_around(point, known, spec)}.",
    )


def _around(point: float, known: float, spec: ProviderSpec) -> str:
    """How to get more of what is at a point, and lose nothing; "" where the provider cannot."""
    if "part" not in (spec.options or {}):
        return ""
    part = "intro" if point < known / 3 else "middle" if point < 2 * known / 3 else "outro"
    return f', or leave it out and pass options {{"part": "{part}"}} to make the music around {point:g} s longer'


def identity_of(request: Request, spec: ProviderSpec, source: SourceFacts) -> dict[str, Any]:
    """What makes two requests for this source the same: a default that is spelled out equals no value."""
    defaults: dict[str, Any] = {"model": (source.model or spec.default_model) if "model" in spec.fields else None}
    if isinstance(request, ExtendRequest):
        defaults["add_seconds"] = default_add(request, spec, source)
    return {name: value for name, value in request.identity().items() if value != defaults.get(name)}
