"""Check a request against what a provider can do, and say what it comes to, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .credits import Quote, quote
from .errors import InvalidRequest, OverBudget, TooLarge, UnsupportedField
from .request import ChainRequest, ExtendRequest, Request
from .source import KIND_WORDS, Source
from .spec import ProviderSpec
from .task import SourceFacts

# Fields that every provider understands because the engine itself carries them out.
OURS = frozenset({
    "source", "provider", "options", "max_credits", "idempotency_key", "take", "stitch", "dry_run",
    "wait_seconds", "target_seconds", "max_steps", "variation", "prompts",
})  # fmt: skip
# Providers that need a point before the end get this much less than the length.
POINT_BEFORE_END_SECONDS = 2.0
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True)
class Plan:
    """What will be done. Seconds; `length_seconds` is the wanted length of the whole result where it can be told."""

    length_seconds: float | None
    add_seconds: float | None
    quote: Quote
    at_least: Quote


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
    refused += ["prompts"] if "prompts" in given and "prompt" not in spec.fields else []
    refused += [f"options.{name}" for name in sorted(_unknown_options(request, spec))]
    if refused:
        raise UnsupportedField(
            f"{spec.name} cannot use {', '.join(refused)}.",
            f"leave {'it' if len(refused) == 1 else 'them'} out ({_possible(spec)}), or choose another provider.",
        )
    _check_option_values(request, spec)


def _unknown_options(request: Request, spec: ProviderSpec) -> Iterable[str]:
    return set(request.options or {}) - set(spec.options) if spec.options is not None else ()


def _check_option_values(request: Request, spec: ProviderSpec) -> None:
    possible = spec.options or {}
    wrong = [
        name for name, value in (request.options or {}).items() if name in possible and value not in possible[name]
    ]
    if wrong:
        told = "; ".join(f"options.{name} is one of {', '.join(possible[name])}" for name in sorted(wrong))
        raise InvalidRequest(f"wrong value of {', '.join(f'options.{name}' for name in sorted(wrong))}.", f"{told}.")


def _possible(spec: ProviderSpec) -> str:
    names = ", ".join(spec.fields)
    return f"{spec.name} takes {names}; options: {option_words(spec)}"


def option_words(spec: ProviderSpec) -> str:
    """What `options` may carry, as a person writes it: `ending (keep, fade)`."""
    if spec.options is None:
        return "any"
    return ", ".join(f"{name} ({', '.join(values)})" for name, values in spec.options.items()) or "none"


def fill_in(request: Request, spec: ProviderSpec, source: SourceFacts) -> dict[str, Any]:
    """What is sent under our names: what was asked for, and what the provider's mode demands and we know.

    Raises:
        UnsupportedField: Two fields that this provider sends as one.
        InvalidRequest: Names everything that is still missing, at once, or is too long.
    """
    asked = {name: getattr(request, name) for name in spec.fields if getattr(request, name, None) is not None}
    _refuse_rivals(asked, spec)
    sent = dict(asked)
    if "model" in spec.fields and source.model:
        sent.setdefault("model", source.model)
    if spec.custom_fields & asked.keys():
        known = {"title": source.title, "style": source.style, "continue_at": default_point(source.duration_seconds)}
        sent |= {
            name: value for name, value in known.items() if name in spec.custom_needs and name not in sent and value
        }
        _refuse_missing(sent, spec)
    elif spec.needs_point and not spec.custom_needs and not uploads_first(spec, source):
        sent.setdefault("continue_at", default_point(source.duration_seconds))
        _refuse_missing_point(sent)
    _check_texts(sent, spec)
    return sent


def uploads_first(spec: ProviderSpec, source: SourceFacts) -> bool:
    """Whether a link becomes the provider's own clip by a paid step of its own."""
    return source.url is not None and "upload" in spec.other_prices


def default_point(known: float | None) -> float | None:
    """Where new music starts unless told: a little before the end, for providers that must be given a point."""
    return None if known is None else round(max(known - POINT_BEFORE_END_SECONDS, known / 2), 2)


def _refuse_rivals(asked: dict[str, Any], spec: ProviderSpec) -> None:
    if {"prompt", "lyrics"} <= asked.keys() and spec.fields["prompt"].wire == spec.fields["lyrics"].wire:
        raise UnsupportedField(
            f"{spec.name} sends prompt and lyrics as one field, so it cannot use prompt beside lyrics.",
            "leave prompt out, or say how it should sound in style.",
        )


def _refuse_missing(sent: dict[str, Any], spec: ProviderSpec) -> None:
    same_wire = {spec.fields[name].wire for name in sent if name in spec.fields}
    missing = [name for name in spec.custom_needs if name not in sent and spec.fields[name].wire not in same_wire]
    if missing:
        raise InvalidRequest(
            f"{spec.name} needs {', '.join(missing)} too, once anything is chosen.",
            f"add {', '.join(missing)}, or leave all of {', '.join(spec.custom_needs)} out to go on as before.",
        )


def _refuse_missing_point(sent: dict[str, Any]) -> None:
    if sent["continue_at"] is None:
        raise InvalidRequest("the length of this source is not known.", "say in continue_at where new music starts.")


def _check_texts(sent: dict[str, Any], spec: ProviderSpec) -> None:
    for name, value in sent.items():
        limit = spec.fields[name].max_length
        if limit is not None and isinstance(value, str) and len(value) > limit:
            raise InvalidRequest(
                f"`{name}` has {len(value)} characters; {spec.name} takes at most {limit}.", f"shorten {name}."
            )


def make_plan(request: Request, spec: ProviderSpec, source: SourceFacts) -> Plan:
    """What carrying out `request` means for this provider and this source.

    Raises:
        InvalidRequest: A point or length that makes no sense for this source.
        TooLarge: Longer than the provider can handle.
        OverBudget: `max_credits` is below the quote.
    """
    _check_point(request.continue_at, source)
    _check_source_length(spec, source)
    plan = (
        _chain_plan(request, spec, source) if isinstance(request, ChainRequest) else _extend_plan(request, spec, source)
    )
    _check_result_length(plan, spec, source)
    _check_cap(request.max_credits, plan.at_least)
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
    once = _with_upload(quote(spec.price), spec, source)
    most = _with_concat(once, request, spec, source)
    if request.add_seconds is not None and request.add_seconds > spec.longest_add_seconds:
        raise InvalidRequest(
            f"{spec.name} adds at most {spec.longest_add_seconds:g} s in one extension.",
            "ask for less, or use chain_extend.",
        )
    if spec.default_add_seconds is None:
        return Plan(None, request.add_seconds, most, once)
    known = source.duration_seconds
    point = request.continue_at if request.continue_at is not None else known
    add = request.add_seconds
    if add is None:
        add = spec.default_add_seconds + max(0.0, (known or 0) - (point or 0))
    length = None if point is None else point + add
    return Plan(length, add, once, once)


def _with_upload(once: Quote, spec: ProviderSpec, source: SourceFacts) -> Quote:
    if not uploads_first(spec, source):
        return once
    upload = quote(spec.other_prices["upload"])
    return Quote(once.low + upload.low, once.high + upload.high)


def _with_concat(once: Quote, request: Request, spec: ProviderSpec, source: SourceFacts) -> Quote:
    """A part whose source is not at hand is joined by the provider, where it can and the caps allow it."""
    if "concat" not in spec.other_prices or request.stitch == "never" or source.file or source.duration_seconds is None:
        return once
    more = quote(spec.other_prices["concat"])
    return Quote(once.low, once.high + more.high)


def _chain_plan(request: ChainRequest, spec: ProviderSpec, source: SourceFacts) -> Plan:
    once = _with_upload(quote(spec.price), spec, source)
    most = once if spec.any_length else _with_upload(quote(spec.price, request.max_steps), spec, source)
    return Plan(request.target_seconds, None, Quote(once.low, most.high), once)


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
