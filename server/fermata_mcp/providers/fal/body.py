"""What a model of fal's is sent: our fields by its names, and nothing that it does not list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.http.values import seed_for
from fermata_mcp.providers.http.wire import without_none

from .spec import HOOK, MODELS, SPEC, Model

# Sonauto's rule: these sets of words, and no others.
_WORDS = (["prompt"], ["prompt", "tags"], ["prompt", "lyrics_prompt"], ["tags", "lyrics_prompt"])


def body_of(work: Work) -> dict[str, Any]:
    """Raises InvalidRequest where the model cannot be told that."""
    model, options = model_of(work), {name: value for name, value in work.options.items() if name != HOOK}
    asked = work.fields | ({} if work.add_seconds is None else {"add_seconds": work.add_seconds})
    lost = [name for name in asked if name != "model" and name not in model.fields]
    lost += [f"options.{name}" for name in options if name not in model.options]
    if lost:
        takes = ", ".join([*model.fields, *(f"options.{name}" for name in sorted(model.options))])
        raise InvalidRequest(f"{name_of(work)} at fal cannot use {', '.join(lost)}.", f"it takes {takes}.")
    body: dict[str, Any] = {"audio_url": work.source_url, **model.always, **_said(asked, model)}
    body = without_none(body | {"seed": seed_for(work.take)} | options)
    if (
        name_of(work) == "sonauto"
        and [name for name in ("prompt", "tags", "lyrics_prompt") if body.get(name)] not in _WORDS
    ):
        raise InvalidRequest(
            "sonauto takes prompt, alone or with style or lyrics, or style with lyrics; not all three.",
            "give prompt, or style and lyrics.",
        )
    return body


def name_of(work: Work) -> str:
    return str(work.fields.get("model") or SPEC.default_model)


def model_of(work: Work) -> Model:
    if name_of(work) not in MODELS:
        raise InvalidRequest(f"fal has no model {name_of(work)!r:.60} here.", f"use one of: {', '.join(MODELS)}.")
    return MODELS[name_of(work)]


def _said(asked: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """Our fields by its names; two that share one are one text, and where tags are a list they are taken apart."""
    said: dict[str, Any] = {}
    for name in ("add_seconds", "style", "prompt", "lyrics", "exclude_style"):
        if asked.get(name) is not None:
            wire = model.fields[name]
            said[wire] = f"{said[wire]}, {asked[name]}" if wire in said else asked[name]
    if asked.get("instrumental"):
        said["lyrics"] = "[inst]"
    if "tags" in said and "side" in model.always:
        said["tags"] = [tag.strip() for tag in said["tags"].split(",") if tag.strip()]
    return said
