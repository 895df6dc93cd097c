"""What a refusal offers instead: other providers, other options, less of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fermata_mcp.domain.errors import CannotTake, FermataError, TooLarge
from fermata_mcp.domain.pages import SongPage
from fermata_mcp.domain.requests.fields import ANOTHER
from fermata_mcp.domain.requests.plan import plan_problems
from fermata_mcp.domain.requests.request import ChainRequest, Request
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import SourceFacts

# No provider is known to add more in one extension.
MOST_ADDED_SECONDS = 240.0


def page_error(page: SongPage) -> FermataError:
    """A song page that no ready provider knows."""
    return CannotTake(
        f"that is a page of {page.host}, not audio; the song on it is clip:{page.clip_id}.",
        f"give clip:{page.clip_id} to {' or '.join(page.providers)}, or give the audio itself, {ANOTHER}",
    )


def limits(request: Request, spec: ProviderSpec, facts: SourceFacts) -> Iterable[FermataError]:
    """What is too large or too long for a provider."""
    return [one for one in plan_problems(request, spec, facts) if isinstance(one, TooLarge)]


def far_too_short(request: Request, spec: ProviderSpec, facts: SourceFacts) -> Iterable[FermataError]:
    """Where neither provider nor steps were named: a chain that would be paid for, and not come near its target."""
    if request.provider or "max_steps" in request.model_fields_set or not out_of_reach(request, spec, facts):
        return []
    return [
        TooLarge(
            f"{spec.name} would stop far before the target, after the usual 12 extensions.",
            "ask for less, or pass max_steps and provider to have as much as they bring.",
        )
    ]


def out_of_reach(request: Request, spec: ProviderSpec, facts: SourceFacts) -> bool:
    """Whether a chain of all the steps that it may have would still stop before its target."""
    known = facts.duration_seconds
    if not isinstance(request, ChainRequest) or spec.lengths.any_result or known is None:
        return False
    return known + request.max_steps * min(spec.lengths.longest_add, MOST_ADDED_SECONDS) < request.target_seconds


def with_wish(error: FermataError, wish: str | None) -> FermataError:
    """The error, with the call that does what was asked for in words."""
    return error if wish is None else type(error)(error.message, f"{error.hint.rstrip('.')}; or {wish}.")


def with_ways(error: FermataError, ways: str) -> FermataError:
    """The error, with the other providers that could, once; where there are none, none is spoken of."""
    hint = error.hint.replace(f", {ANOTHER.rstrip('.')}", "")
    others = f", or choose another provider: {ways}." if ways else ""
    return type(error)(error.message, f"{hint.rstrip('.')}{others}" if others else hint)


def brief(hint: str) -> str:
    """A hint without what else the provider takes."""
    return (
        re.sub(r" \([^()]* takes (?:[^()]|\([^()]*\))*\)", "", hint).replace(f", {ANOTHER.rstrip('.')}", "").rstrip(".")
    )
