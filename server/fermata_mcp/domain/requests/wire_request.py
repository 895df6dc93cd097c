"""What goes to a provider, judged as it will be on its wire: our fields, with `options` put beside and over them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from fermata_mcp.domain.errors import FermataError, InvalidRequest, TooLarge, UnsupportedField
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import SourceFacts

from .request import ChainRequest, Request, says_nothing

# Providers that need a point before the end get this much less than the length.
POINT_BEFORE_END_SECONDS = 2.0
WEIGHTS = ("style_weight", "weirdness", "audio_weight")


@dataclass(frozen=True)
class WireRequest:
    """One extension's fields under our names, and the provider's own from `options`, which win on the wire."""

    spec: ProviderSpec
    fields: Mapping[str, Any]
    options: Mapping[str, Any]

    def native(self, name: str) -> str | None:
        """The option that is sent in place of our field."""
        known = self.spec.fields.get(name)
        names = (known.wire, *known.aliases) if known else ()
        return next((wire for wire in names if wire in self.options), None)

    def value(self, name: str) -> Any:
        """What the provider will read as our field `name`; None where it gets nothing."""
        wire = self.native(name)
        return self.fields.get(name) if wire is None else self.options[wire]

    def called(self, name: str) -> str:
        """How the caller wrote it."""
        wire = self.native(name)
        return name if wire is None else f"options.{wire}"

    def fills(self, name: str) -> bool:
        """Whether the wire field of our field `name` is filled, by whatever name."""
        wire = self.spec.fields[name].wire
        shared = [other for other in self.fields if other in self.spec.fields and self.spec.fields[other].wire == wire]
        return bool(shared) or self.native(name) is not None

    @property
    def custom(self) -> bool:
        """Whether anything switches the provider's custom mode."""
        flag = self.spec.custom.flag
        if flag is not None and flag in self.options:
            return bool(self.options[flag])
        native = {self.spec.fields[name].wire for name in self.spec.custom.fields} | self.spec.custom.options
        return bool(self.spec.custom.fields & self.fields.keys()) or not native.isdisjoint(self.options)

    @property
    def model(self) -> str | None:
        said = self.value("model")
        return said if isinstance(said, str) else self.spec.default_model


def custom_lacks(sent: WireRequest) -> list[str]:
    """What custom mode needs, where anything switches it, and is not there."""
    needs = [name for name in sent.spec.custom.needs if not (name == "prompt" and _needs_no_prompt(sent))]
    return [name for name in needs if not sent.fills(name)] if sent.custom else []


def prompt_of(prompts: Sequence[str] | None, step: int) -> str | None:
    """The prompt of a chain's extension (counted from 0); the last one also serves all that follow."""
    said = prompts[min(step, len(prompts) - 1)] if prompts else None
    return None if says_nothing(said) else said


def first_wire_request(request: Request, spec: ProviderSpec, source: SourceFacts) -> WireRequest:
    """What the first extension sends."""
    prompts = request.prompts if isinstance(request, ChainRequest) else None
    return _wire_request(request, spec, source, prompt_of(prompts, 0) if prompts else None)


def fill_in(request: Request, spec: ProviderSpec, source: SourceFacts) -> dict[str, Any]:
    """What is sent under our names: what was asked for, and what the provider's mode demands and we know."""
    return dict(first_wire_request(request, spec, source).fields)


def _wire_request(request: Request, spec: ProviderSpec, source: SourceFacts, prompt: str | None) -> WireRequest:
    asked = {name: getattr(request, name) for name in spec.fields if getattr(request, name, None) is not None}
    fields = asked | ({} if prompt is None else {"prompt": prompt})
    draft = WireRequest(spec, fields, request.options or {})
    if "model" in spec.fields and source.model and draft.value("model") is None:
        fields["model"] = source.model
    point = _point_within(source)
    if draft.custom:
        known = {"title": source.title, "style": source.style, "continue_at": point}
        fields |= {name: value for name, value in known.items() if value and _is_wanted(name, draft)}
    elif spec.point.needed and not spec.custom.needs and not uploads_first(spec, source) and point is not None:
        fields |= {} if draft.fills("continue_at") else {"continue_at": point}
    return draft


def _is_wanted(name: str, draft: WireRequest) -> bool:
    return name in draft.spec.custom.needs and not draft.fills(name)


def uploads_first(spec: ProviderSpec, source: SourceFacts) -> bool:
    """Whether a link becomes the provider's own clip by a paid step of its own."""
    return source.url is not None and "upload" in spec.other_prices


def _point_within(source: SourceFacts) -> float | None:
    """The second of the track that is the default point of the clip at the provider, which may be its last part."""
    own, known = source.clip_seconds or source.duration_seconds, source.duration_seconds
    point = default_point(own)
    return point if point is None or own is None or known is None else round(known - own + point, 3)


def default_point(known: float | None) -> float | None:
    """Where new music starts unless told: a little before the end, for providers that must be given a point."""
    return None if known is None else round(max(known - POINT_BEFORE_END_SECONDS, known / 2), 3)


# --- what is wrong with it --------------------------------------------------------------------------------------------


def sent_problems(request: Request, spec: ProviderSpec, source: SourceFacts) -> list[FermataError]:
    """Everything that the provider is documented to refuse, for each extension of a chain, each once."""
    prompts = (request.prompts if isinstance(request, ChainRequest) else None) or [""]
    found: dict[str, FermataError] = {}
    for step in range(len(prompts)):
        sent = _wire_request(request, spec, source, prompt_of(prompts, step))
        place = f"prompts.{step}" if sent.fields.get("prompt") and prompts != [""] else "prompt"
        for problem in _problems(sent, source, place):
            found.setdefault(problem.message, problem)
    return list(found.values())


def _problems(sent: WireRequest, source: SourceFacts, prompt: str) -> Iterator[FermataError]:
    yield from _rivals(sent)
    yield from _missing(sent, source)
    yield from _point_problems(sent, source)
    yield from _text_problems(sent, prompt)
    yield from _weight_problems(sent)
    yield from _length_problems(sent)
    yield from _upload_problems(sent, source)


def _rivals(sent: WireRequest) -> Iterator[FermataError]:
    spec, given = sent.spec, sent.fields.keys()
    if {"prompt", "lyrics"} <= given and spec.fields["prompt"].wire == spec.fields["lyrics"].wire:
        yield UnsupportedField(
            f"{spec.name} sends prompt and lyrics as one field, so it cannot use prompt beside lyrics.",
            "leave prompt out, or say how it should sound in style.",
        )
    for one, other in spec.rivals:
        if {one, other} <= given:
            yield UnsupportedField(f"{spec.name} cannot use {one} beside {other}.", f"leave {one} out.")


def _missing(sent: WireRequest, source: SourceFacts) -> Iterator[FermataError]:
    spec = sent.spec
    if sent.custom:
        yield from _missing_in_custom_mode(sent)
    elif spec.point.needed and not (spec.custom.needs or uploads_first(spec, source) or sent.fills("continue_at")):
        yield InvalidRequest("the length of this source is not known.", "say in continue_at where new music starts.")
    if not spec.custom.fields & sent.fields.keys():
        yield from _missing_options(sent)


def _missing_in_custom_mode(sent: WireRequest) -> Iterator[FermataError]:
    missing = custom_lacks(sent)
    if missing:
        needs = [name for name in sent.spec.custom.needs if not (name == "prompt" and _needs_no_prompt(sent))]
        yield InvalidRequest(
            f"{sent.spec.name} needs {', '.join(missing)} too, once anything is chosen.",
            f"add {', '.join(missing)}, or leave all of {', '.join(needs)} out to go on as before.",
        )


def _missing_options(sent: WireRequest) -> Iterator[FermataError]:
    for name in sent.spec.custom.option_needs.keys() & sent.options.keys():
        missing = [need for need in sent.spec.custom.option_needs[name] if need not in sent.options]
        if missing:
            yield InvalidRequest(
                f"{sent.spec.name} needs options.{', options.'.join(missing)} beside options.{name}.",
                f"add it, or leave options.{name} out.",
            )


def _needs_no_prompt(sent: WireRequest) -> bool:
    """Lyrics are words enough, and some providers want none where nobody sings."""
    wordless = sent.spec.custom.wordless and sent.value("instrumental") is True
    return wordless or ("lyrics" in sent.spec.fields and sent.fills("lyrics"))


def _point_problems(sent: WireRequest, source: SourceFacts) -> Iterator[FermataError]:
    name, value = sent.called("continue_at"), sent.value("continue_at")
    if value is None:
        return
    point = _number(value)
    if point is None:
        yield InvalidRequest(f"`{name}` is not a number of seconds.", "give a number.")
        return
    known = source.duration_seconds
    own = source.clip_seconds or known
    heard_before = 0.0 if known is None or own is None else known - own
    if sent.native("continue_at") is not None:
        known, heard_before = own, 0.0
    if known is not None and point > known:
        yield InvalidRequest(
            f"`{name}` is {point:g} s, but the track ends at {known:.2f} s.",
            f"give a point between {heard_before:.4g} and {known:.2f}, or leave it out to continue at the end.",
        )
        return
    yield from _range_problems(sent, name, point, heard_before, known)


def _range_problems(
    sent: WireRequest, name: str, point: float, heard_before: float, known: float | None
) -> Iterator[FermataError]:
    spec = sent.spec
    inside = spec.point.within == "inside" and known is not None and point >= known
    if spec.point.within != "any" and (point <= max(0.0, heard_before) or inside):
        end = "the end" if known is None else f"the end at {known:.2f} s"
        most = f" and before {end}" if spec.point.within == "inside" else ""
        yield InvalidRequest(
            f"`{name}` is {point:g} s; {spec.name} goes on only after {max(0.0, heard_before):.4g} s{most}.",
            "give a point in between, or leave it out.",
        )


def _text_problems(sent: WireRequest, prompt: str) -> Iterator[FermataError]:
    told: set[str] = set()
    for name, known in sent.spec.fields.items():
        value, limit = sent.value(name), known.longest(sent.model)
        called = prompt if name == "prompt" and sent.native(name) is None else sent.called(name)
        if limit is not None and isinstance(value, str) and len(value) > limit and called not in told:
            told.add(called)
            model = f" with {sent.model}" if limit != known.max_length else ""
            yield InvalidRequest(
                f"`{called}` has {len(value)} characters; {sent.spec.name} takes at most {limit}{model}.",
                f"shorten {called}.",
            )


def _weight_problems(sent: WireRequest) -> Iterator[FermataError]:
    for name in WEIGHTS:
        value = sent.value(name)
        number = _number(value)
        if value is not None and (number is None or not 0 <= number <= 1):
            yield InvalidRequest(f"`{sent.called(name)}` is not a number from 0 to 1.", "give one, such as 0.5.")


def _length_problems(sent: WireRequest) -> Iterator[FermataError]:
    spec, value = sent.spec, sent.value("add_seconds")
    if value is None:
        return
    name, added = sent.called("add_seconds"), _number(value)
    if added is None:
        yield InvalidRequest(f"`{name}` is not a number of seconds.", "give a number.")
    elif added < spec.lengths.shortest_add:
        yield InvalidRequest(
            f"`{name}` is {added:g} s; {spec.name} adds at least {spec.lengths.shortest_add:g} s.", "ask for more."
        )
    elif added > spec.lengths.longest_add:
        yield InvalidRequest(
            f"{spec.name} adds at most {spec.lengths.longest_add:g} s in one extension.",
            "ask for less, or use chain_extend.",
        )


def _upload_problems(sent: WireRequest, source: SourceFacts) -> Iterator[FermataError]:
    known, spec = source.duration_seconds, sent.spec
    if known is None or source.clip is not None or not (source.file or source.url):
        return
    of_model = spec.lengths.upload_by_model.get(sent.model or "")
    limit = spec.lengths.longest_upload if of_model is None else of_model
    if known > limit:
        model = "" if of_model is None else f" with {sent.model}"
        yield TooLarge(
            f"the track is {known:.0f} s long; {spec.name} takes files and links of at most {limit:g} s{model}.",
            "cut the track, or choose another model or provider.",
        )


def _number(value: Any) -> float | None:
    """The number that a JSON value is; text is none, as providers refuse it."""
    found = None if isinstance(value, bool) or not isinstance(value, int | float) else cast(float, value)
    return found if found is not None and math.isfinite(found) else None
