"""What a request comes to, before anything is paid; and what one submit of it does, when it is."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fermata_mcp.domain.credits import Quote, Unit, bare
from fermata_mcp.domain.errors import FermataError, InvalidRequest, OverBudget
from fermata_mcp.domain.spec import SHORTEST_ADD_SECONDS, ProviderSpec
from fermata_mcp.domain.task import SourceFacts, Work

from .request import ChainRequest, Request
from .wire_request import WireRequest, first_wire_request, uploads_first


def work_cost(work: Work, spec: ProviderSpec) -> Quote:
    """What the submit of `work` costs: what is held for it."""
    sent = WireRequest(spec, work.fields, work.options)
    source, known = _sent(sent, "continue_at", work.point), spec.fields.get("add_seconds")
    added = known.default if work.asked_length is None and known else work.asked_length
    return spec.cost(work.action, sent.model, source, _sent(sent, "add_seconds", added))


def extension_cost(request: Request, spec: ProviderSpec, source: SourceFacts, added: float | None) -> Quote:
    """One extension that adds `added` seconds, with an upload where it needs one."""
    sent = first_wire_request(request, spec, source)
    point = sent.fields.get("continue_at")
    known = source.clip_seconds or source.duration_seconds if point is None else point
    lengths = _sent(sent, "continue_at", known), _sent(sent, "add_seconds", added)
    return _with_upload(spec.cost("extend", sent.model, *lengths), spec, source)


def chain_cost(request: ChainRequest, spec: ProviderSpec, source: SourceFacts) -> Quote:
    """The most that all steps of a chain can cost."""
    model, target = _model(request, spec, source), request.target_seconds
    if "add_seconds" in spec.fields:
        added = missing_seconds(target - (source.duration_seconds or 0.0), spec)
        each = spec.cost("extend", model, max(0.0, target + SHORTEST_ADD_SECONDS - added), added)
    else:
        each = spec.cost("extend", model, min(spec.lengths.longest_source, target))
    return with_concat(_with_upload(each.times(request.max_steps), spec, source), request, spec, source)


def missing_seconds(missing: float, spec: ProviderSpec) -> float:
    """What a step of a chain asks for, where a provider lets one choose."""
    return min(spec.lengths.longest_add, max(SHORTEST_ADD_SECONDS, missing))


def expected_cost(request: Request, spec: ProviderSpec, source: SourceFacts, usual: float) -> int | None:
    """Parts that a chain comes to if each extension adds `usual` seconds; None where that cannot be told."""
    known = source.duration_seconds
    if not isinstance(request, ChainRequest) or spec.lengths.any_result or known is None:
        return None
    steps = min(request.max_steps, max(1, math.ceil((request.target_seconds - known) / usual)))
    model = _model(request, spec, source)
    each = [spec.cost("extend", model, known + step * usual, usual) for step in range(steps)]
    together = Quote(sum(one.low for one in each), sum(one.high for one in each), unit=each[0].unit)
    return with_concat(_with_upload(together, spec, source), request, spec, source).high


def with_concat(once: Quote, request: Request, spec: ProviderSpec, source: SourceFacts) -> Quote:
    """A part whose source is not at hand is joined by the provider, where it can and the caps allow it."""
    at_hand = source.file or source.audio_url or source.url
    if "concat" not in spec.other_prices or request.stitch == "never" or at_hand:
        return once
    more = once.plus(spec.cost("concat"))
    return Quote(once.low, more.high, unit=more.unit)


def cap_problems(request: Request, spec: ProviderSpec, least: Quote) -> Iterator[FermataError]:
    """A request that would cost more than its caller's cap, or whose cap says nothing of what is paid here."""
    if not least.high:
        return
    cap = cap_in(request, spec.unit)
    other: Unit = "usd" if spec.unit == "credits" else "credits"
    if cap is None and cap_in(request, other) is not None:
        yield InvalidRequest(
            f"max_{other} says nothing of {spec.name}, which is paid in {_CALLED[spec.unit]}.",
            f"pass max_{spec.unit} {least.number} instead, or name a provider that is paid in {_CALLED[other]}.",
        )
    elif cap is not None and least.most > cap:
        yield OverBudget(
            f"this can cost {least.words}, more than max_{spec.unit} {cap:g}.",
            f"pass max_{spec.unit} {least.number} or more, or ask for less.",
        )


_CALLED: dict[Unit, str] = {"credits": "credits", "usd": "dollars"}


def cap_in(request: Request, unit: Unit) -> float | None:
    """The caller's cap in this unit."""
    return request.max_credits if unit == "credits" else request.max_usd


def operators_cap_problem(least: Quote, cap: float | None) -> Iterator[FermataError]:
    """What the operator's cap on one call has to say."""
    if cap is not None and least.most > cap:
        name = f"FERMATA_MAX_{least.unit.upper()}_PER_CALL"
        yield OverBudget(
            f"this costs {least.words}; {name} is {bare(cap, least.unit)}.",
            "ask for less, or have the operator raise the cap.",
        )


def _with_upload(once: Quote, spec: ProviderSpec, source: SourceFacts) -> Quote:
    return once.plus(spec.cost("upload")) if uploads_first(spec, source) else once


def _model(request: Request, spec: ProviderSpec, source: SourceFacts) -> str | None:
    return first_wire_request(request, spec, source).model


def _sent(sent: WireRequest, name: str, ours: float | None) -> float | None:
    """Seconds that the provider will read as our field; None for what only it understands."""
    wire = sent.native(name)
    if wire is None:
        return ours
    told = sent.options[wire]
    return float(told) if isinstance(told, int | float) and not isinstance(told, bool) else None
