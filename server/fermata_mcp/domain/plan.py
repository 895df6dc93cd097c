"""Check a request against what a provider can do, and say what it comes to, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .credits import Quote, quote
from .errors import InvalidRequest, OverBudget, TooLarge, UnsupportedField
from .request import ChainRequest, ExtendRequest, Request
from .source import KIND_WORDS, Source
from .spec import ProviderSpec
from .task import SourceFacts

# Fields that every provider understands because the engine itself carries them out.
OURS = frozenset({
    "source", "provider", "options", "max_credits", "idempotency_key", "take", "stitch", "dry_run",
    "wait_seconds", "target_seconds", "max_steps", "variation",
})  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True)
class Plan:
    """What will be done. Seconds; `length_seconds` is the wanted length of the whole result where it can be told."""

    length_seconds: float | None
    add_seconds: float | None
    quote: Quote


def clean_text(text: str, limit: int = 200) -> str:
    """`text` on one line, without control or direction characters, cut to `limit` characters."""
    return re.sub(r"\s+", " ", _CONTROL.sub(" ", text)).strip()[:limit]


def check_source_form(source: Source, spec: ProviderSpec) -> None:
    """Refuse a source form that the provider cannot take, naming those it can."""
    word = KIND_WORDS[type(source)]
    if word not in spec.sources:
        raise InvalidRequest(
            f"{spec.name} cannot take a {word} as source.",
            f"give {_forms(spec)}, or choose another provider.",
        )


def _forms(spec: ProviderSpec) -> str:
    words = {
        "file": "a file path",
        "url": "an https:// link",
        "task": "a task id (tsk_…)",
        "clip": "clip:<id>",
    }
    return " or ".join(words[kind] for kind in ("file", "url", "task", "clip") if kind in spec.sources)


def check_fields(request: Request, spec: ProviderSpec) -> None:
    """Refuse everything the provider cannot express, all of it at once."""
    given = request.model_fields_set & {name for name, value in request if value is not None}
    refused = sorted(given - OURS - set(spec.fields))
    refused += [f"options.{name}" for name in sorted(_unknown_options(request, spec))]
    if refused:
        raise UnsupportedField(
            f"{spec.name} cannot use {', '.join(refused)}.",
            f"leave {'it' if len(refused) == 1 else 'them'} out ({_possible(spec)}), or choose another provider.",
        )


def _unknown_options(request: Request, spec: ProviderSpec) -> Iterable[str]:
    return set(request.options or {}) - spec.options if spec.options is not None else ()


def _possible(spec: ProviderSpec) -> str:
    names = ", ".join(spec.fields)
    options = ", ".join(sorted(spec.options)) if spec.options else "none"
    return f"{spec.name} takes {names}; options: {options}"


def make_plan(request: Request, spec: ProviderSpec, source: SourceFacts) -> Plan:
    """What carrying out `request` means for this provider and this source.

    Raises:
        InvalidRequest: A point or length that makes no sense for this source.
        TooLarge: Longer than the provider can handle.
        OverBudget: `max_credits` is below the quote.
    """
    _check_point(request.continue_at, source)
    _check_source_length(spec, source)
    if isinstance(request, ChainRequest):
        plan = _chain_plan(request, spec, source)
    else:
        plan = _extend_plan(request, spec, source)
    _check_result_length(plan, spec, source)
    _check_cap(request.max_credits, plan.quote)
    return plan


def _check_point(continue_at: float | None, source: SourceFacts) -> None:
    known = source.duration_seconds
    if continue_at is not None and known is not None and continue_at > known:
        raise InvalidRequest(
            f"`continue_at` is {continue_at:g} s, but the track ends at {known:.2f} s.",
            f"give a point between 0 and {known:.2f}, or leave it out to continue at the end.",
        )


def _check_source_length(spec: ProviderSpec, source: SourceFacts) -> None:
    known = source.duration_seconds
    if known is None:
        return
    if known < spec.shortest_source_seconds:
        raise InvalidRequest(
            f"the track is {known:.2f} s long; {spec.name} needs at least {spec.shortest_source_seconds:g} s.",
            "give a longer track.",
        )
    if known > spec.longest_source_seconds:
        raise TooLarge(
            f"the track is {known:.0f} s long; {spec.name} takes at most {spec.longest_source_seconds:g} s.",
            "cut the track, or choose another provider.",
        )


def _extend_plan(request: ExtendRequest, spec: ProviderSpec, source: SourceFacts) -> Plan:
    if spec.default_add_seconds is None:
        return Plan(None, None, quote(spec.price))
    known = source.duration_seconds
    point = request.continue_at if request.continue_at is not None else known
    add = request.add_seconds
    if add is None:
        add = spec.default_add_seconds + max(0.0, (known or 0) - (point or 0))
    length = None if point is None else point + add
    return Plan(length, add, quote(spec.price))


def _chain_plan(request: ChainRequest, spec: ProviderSpec, source: SourceFacts) -> Plan:
    target = request.target_seconds
    extensions = 1 if spec.any_length else request.max_steps
    return Plan(target, None, quote(spec.price, extensions))


def _check_result_length(plan: Plan, spec: ProviderSpec, source: SourceFacts) -> None:
    length, known = plan.length_seconds, source.duration_seconds
    if length is None:
        return
    if known is not None and length <= known:
        raise InvalidRequest(
            f"the result would be {length:.2f} s, not longer than the track's {known:.2f} s.",
            "ask for a greater length (add_seconds counts from continue_at).",
        )
    if length > spec.longest_result_seconds:
        raise TooLarge(
            f"the result would be {length:.0f} s long; {spec.name} makes at most {spec.longest_result_seconds:g} s.",
            "ask for less.",
        )


def _check_cap(max_credits: float | None, expected: Quote) -> None:
    if max_credits is not None and expected.credits > max_credits:
        raise OverBudget(
            f"this can cost {expected.credits:g} credits, more than max_credits {max_credits:g}.",
            f"pass max_credits {expected.credits:g} or more, or ask for less.",
        )
