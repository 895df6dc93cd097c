"""From a request and what is known of its source to what one step asks of its provider."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError, UnsupportedField
from fermata_mcp.domain.foreign.text import clean_text
from fermata_mcp.domain.requests.cost import missing_seconds, operators_cap_problem
from fermata_mcp.domain.requests.plan import Plan, plan_of, plan_problems
from fermata_mcp.domain.requests.request import ChainRequest, Request
from fermata_mcp.domain.requests.wire_request import fill_in, uploads_first
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import SourceFacts, Work
from fermata_mcp.media.codecs.libraries import GET_ONE, has_library
from fermata_mcp.media.codecs.targets import FORMS, ending_needs_library, writable
from fermata_mcp.media.formats.kinds import name_in
from fermata_mcp.media.places.destination import destination, wanted_ending
from fermata_mcp.media.places.naming import stem_for


def problems_of(request: Request, spec: ProviderSpec, facts: SourceFacts, settings: Settings) -> list[FermataError]:
    """Everything that makes no sense for this source or provider, is too long, or costs too much."""
    found = [*plan_problems(request, spec, facts), *_ending_problems(request, spec, facts)]
    cap = settings.limits(spec.unit).per_call
    return [*found, *operators_cap_problem(plan_of(request, spec, facts).at_least, cap)]


def work_of(
    request: Request, spec: ProviderSpec, facts: SourceFacts, settings: Settings, task_id: str
) -> tuple[Plan, Work]:
    """The plan and the first step's work of a request that has no problems.

    To be called again once more is known of the source, with the same id.

    Raises:
        StoreUnavailable: The output folder cannot be made or written.
    """
    plan = plan_of(request, spec, facts)
    sent = fill_in(request, spec, facts)
    title = clean_text(sent["title"]) if sent.get("title") else None
    point = sent.get("continue_at")
    ahead = (facts.duration_seconds or 0.0) - (facts.clip_seconds or facts.duration_seconds or 0.0)
    native = spec.asked_in_options(request.options or {})
    fields = {name: value for name, value in sent.items() if name not in ("continue_at", "add_seconds", "title")}
    return plan, Work(
        action="upload" if uploads_first(spec, facts) else "extend",
        source_file=None if facts.clip else facts.file,
        source_seal=None if facts.clip else facts.seal,
        source_url=facts.url,
        source_clip=facts.clip,
        source_seconds=facts.clip_seconds or facts.duration_seconds,
        before_file=facts.file,
        before_seconds=facts.duration_seconds,
        continue_at=None if point is None else max(0.0, point - ahead),
        add_seconds=_add_seconds(request, spec, facts, plan, point),
        length_seconds=plan.length_seconds,
        fields=fields | ({"title": title} if title else {}),
        options=request.options or {},
        take=request.take,
        native_point=_number(native.get("continue_at")),
        native_length=_number(native.get("add_seconds")),
        save_as=str(_target(request.save_as, title, facts, spec, settings, task_id, plan)),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _target(
    wanted: str | None,
    title: str | None,
    facts: SourceFacts,
    spec: ProviderSpec,
    settings: Settings,
    task_id: str,
    plan: Plan,
) -> Path:
    """Where the result goes; its ending is that which was asked for, or the source's, where it is written here."""
    called = name_in(facts.url) if facts.url else facts.name or facts.file or facts.title or facts.ref
    ending = wanted_ending(wanted) or (facts.suffix or Path(facts.file or "").suffix.lower())
    tag, kept = task_id[4:10], ending if spec.lengths.any_result else ""
    shorter = spec.honesty_shorter and (plan.length_seconds or math.inf) < (facts.duration_seconds or 0.0)
    done = "shortened" if shorter else "extended"
    folder = settings.saved_dir / task_id if settings.audio_is_shared else settings.saved_dir
    return destination(wanted, folder, stem_for(title, called), tag, kept, done=done)


def _ending_problems(request: Request, spec: ProviderSpec, facts: SourceFacts) -> Iterator[FermataError]:
    """What is written here has the format that its name's ending says; what comes from elsewhere has its own."""
    wanted = wanted_ending(request.save_as)
    if not wanted or not spec.lengths.any_result or wanted == facts.suffix:
        return
    if wanted not in FORMS:
        yield UnsupportedField(
            f"{spec.name} cannot write a {wanted} file, which save_as asks for.",
            f"let save_as end in {writable(with_library=has_library())}, or leave its ending out.",
        )
    elif ending_needs_library(wanted) and not has_library():
        yield UnsupportedField(
            f"a {wanted} file, which save_as asks for, needs an encoder that is not here.",
            f"{GET_ONE}; or let save_as end in {writable(with_library=False)}.",
        )


def _add_seconds(
    request: Request, spec: ProviderSpec, facts: SourceFacts, plan: Plan, point: float | None
) -> float | None:
    """A chain asks each step for what is missing from where it goes on, where the provider lets one choose."""
    if isinstance(request, ChainRequest) and "add_seconds" in spec.fields and not spec.lengths.any_result:
        return missing_seconds(request.target_seconds - (point or facts.duration_seconds or 0.0), spec)
    return plan.add_seconds
