"""Which sources, fields and options a provider takes at all, whatever their values are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fermata_mcp.domain.errors import CannotTake, FermataError, InvalidRequest, UnsupportedField, together
from fermata_mcp.domain.source import KIND_WORDS, Source
from fermata_mcp.domain.spec import ProviderSpec

from .option_forms import form_problems, rival_problems
from .request import Request
from .wishes import wish_hint

# Fields that every provider understands because the engine itself carries them out.
OURS = frozenset({
    "source", "provider", "options", "max_credits", "max_usd", "idempotency_key", "take", "stitch", "dry_run",
    "wait_seconds", "save_as", "target_seconds", "max_steps", "variation", "prompts",
})  # fmt: skip
ANOTHER = "or choose another provider."
_FORM_WORDS = {
    "file": "a file path",
    "url": "an https:// link",
    "task": "a task id (tsk_…)",
    "clip": "clip:<id>",
}


def source_problems(source: Source, spec: ProviderSpec) -> Iterator[FermataError]:
    """A source form that the provider cannot take, naming those it can."""
    word = KIND_WORDS[type(source)]
    if word not in spec.sources:
        yield CannotTake(f"{spec.name} cannot take a {word} as source.", f"give {_forms(spec)}, {ANOTHER}")


def _forms(spec: ProviderSpec) -> str:
    return " or ".join(words for kind, words in _FORM_WORDS.items() if kind in spec.sources)


def field_problems(request: Request, spec: ProviderSpec) -> Iterator[FermataError]:
    """Everything the provider cannot express, and every value that an option does not know."""
    given = {name for name in request.model_fields_set if getattr(request, name) is not None}
    refused = sorted(given - OURS - set(spec.fields))
    refused += ["prompts"] if "prompts" in given and "prompt" not in spec.fields else []
    refused += [f"options.{name}" for name in sorted(_unknown_options(request, spec))]
    if refused:
        yield UnsupportedField(f"{spec.name} cannot use {', '.join(refused)}.", _instead(request, spec, refused))
    yield from _option_problems(request, spec)
    yield from form_problems(request.options or {}, spec)
    yield from rival_problems(request, spec)


def _instead(request: Request, spec: ProviderSpec, refused: list[str]) -> str:
    """What to do without the refused fields; where an option does what their words ask for, the exact call."""
    spoken = [getattr(request, name) for name in ("prompt", "style") if name in refused]
    asked = wish_hint(" ".join(text for text in spoken if text), spec)
    out = f"leave {', '.join(refused)} out ({_possible(spec)}), {ANOTHER}"
    return out if asked is None else f"{asked}; or {out}"


def _unknown_options(request: Request, spec: ProviderSpec) -> Iterable[str]:
    return set(request.options or {}) - set(spec.options) if spec.options is not None else ()


def _option_problems(request: Request, spec: ProviderSpec) -> Iterator[FermataError]:
    possible = spec.options or {}
    wrong = [
        name
        for name, value in (request.options or {}).items()
        if name in possible and name not in spec.option_forms and value not in possible[name]
    ]
    if wrong:
        told = "; ".join(f"options.{name} is one of {', '.join(possible[name])}" for name in sorted(wrong))
        yield InvalidRequest(f"wrong value of {', '.join(f'options.{name}' for name in sorted(wrong))}.", f"{told}.")


def _possible(spec: ProviderSpec) -> str:
    names = ", ".join(spec.fields)
    return f"{spec.name} takes {names}; options: {option_words(spec)}"


def option_words(spec: ProviderSpec) -> str:
    """What `options` may carry, as a person writes it: `ending (keep, fade)`."""
    if spec.options is None:
        return "any"
    return (
        ", ".join(f"{name} ({', '.join(values)})" if values else name for name, values in spec.options.items())
        or "none"
    )


def raise_all(problems: Iterable[FermataError]) -> None:
    """Raise one error that names every problem, if there are any."""
    found = list(problems)
    if found:
        raise together(found)
