"""What a further extension of a chain sends of what was asked for, and what it has to go without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fermata_mcp.domain.requests.wire_request import WireRequest, custom_lacks, default_point, prompt_of
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Task, Work

# Asked for once: further extensions start where the one before ended, and add what is missing.
_OF_THE_FIRST = frozenset({"continue_at", "add_seconds"})


def extensions(task: Task) -> int:
    return sum(1 for one in task.steps if one.work.action == "extend")


def sent_further(task: Task, work: Work, own: float | None, spec: ProviderSpec) -> WireRequest:
    """What was asked for, as far as a clip of the provider's own takes it.

    Where custom mode would lack something, the clip is gone on from in its own manner.

    Args:
        work: That of the extension before.
        own: Seconds of the clip to go on from.
    """
    sent = WireRequest(spec, _asked_fields(task, work, spec), _options(work, spec))
    point = default_point(own) if spec.point.needed and (not spec.custom.needs or sent.custom) else None
    if point is not None:
        sent = replace(sent, fields={**sent.fields, "continue_at": point})
    return replace(sent, fields=_without(sent.fields, spec.custom.fields)) if custom_lacks(sent) else sent


def not_carried(task: Task, fields: Mapping[str, Any], spec: ProviderSpec) -> tuple[str, ...]:
    """A warning for everything that was asked for and that a further extension, which sends `fields`, goes without."""
    lost = sorted(name for name in spec.fields if _is_asked(name, task) and name not in fields)
    if not lost:
        return ()
    return (f"The further extensions go without {', '.join(lost)}: {spec.name} cannot take that for clips of its own.",)


def unused_prompts(task: Task) -> tuple[str, ...]:
    """A warning for prompts of extensions that were never made, now that the chain is over."""
    left = len(_prompts(task)) - extensions(task)
    if left <= 0:
        return ()
    return (f"The chain was over before its {'last prompt' if left == 1 else f'last {left} prompts'} had a turn.",)


def _is_asked(name: str, task: Task) -> bool:
    """Whether the next extension is to have this field."""
    if name == "prompt" and _prompts(task):
        return _own_prompt(task) is not None
    return name not in _OF_THE_FIRST and task.request.get(name) is not None


def _asked_fields(task: Task, work: Work, spec: ProviderSpec) -> dict[str, Any]:
    """The fields of the extension before, without those that were filled in for an upload alone."""
    request = task.request
    chosen = not spec.custom.needs or spec.custom.fields & request.keys() or request.get("options") or _prompts(task)
    fields = _without(work.fields, spec.upload_fields if chosen else spec.upload_fields | spec.custom.fields)
    if not _prompts(task):
        return fields
    said = _own_prompt(task)
    return _without(fields, frozenset({"prompt"})) | ({} if said is None else {"prompt": said})


def _options(work: Work, spec: ProviderSpec) -> dict[str, Any]:
    """The options but for the point, which was one of the first clip."""
    return {
        name: value for name, value in work.options.items() if "continue_at" not in spec.asked_in_options({name: 0})
    }


def _prompts(task: Task) -> list[str]:
    return task.request.get("prompts") or []


def _own_prompt(task: Task) -> str | None:
    return prompt_of(_prompts(task), extensions(task))


def _without(fields: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}
