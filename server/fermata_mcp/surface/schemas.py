"""JSON schemas as short as clients understand them: every host pays for them in every conversation."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from pydantic import BaseModel

Schema = dict[str, Any]


def input_schema(model: type[BaseModel]) -> Schema:
    """The arguments of a tool, every one with its type, limits and description. Unknown ones are refused at the call."""
    full = model.model_json_schema()
    properties = {name: _property(prop) for name, prop in full["properties"].items()}
    schema: Schema = {"type": "object", "properties": properties}
    if full.get("required"):
        schema["required"] = full["required"]
    return schema


@cache
def output_schema(model: type[BaseModel]) -> Schema:
    """The result of a tool: names and types of its top level."""
    full = model.model_json_schema(mode="serialization")
    defs = full.get("$defs", {})
    properties = {name: {"type": _types(prop, defs)} for name, prop in full["properties"].items()}
    return {"type": "object", "properties": properties}


def _property(prop: Schema) -> Schema:
    """`null` is accepted but not advertised: leaving a parameter out says the same."""
    kind = next((one for one in prop.get("anyOf", []) if one.get("type") != "null"), prop)
    kept: Schema = {"type": kind["type"], "description": prop["description"]}
    kept |= {key: kind[key] for key in ("enum", "minimum", "maximum", "exclusiveMinimum") if key in kind}
    if "items" in kind:
        kept["items"] = {"type": kind["items"]["type"]}
    if prop.get("default"):
        kept["default"] = prop["default"]
    return kept


def _types(prop: Schema, defs: Schema) -> str | list[str]:
    found: list[str] = []
    for one in cast(list[Schema], prop.get("anyOf", [prop])):
        target = defs[one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one
        found.append(target["type"])
    return found[0] if len(found) == 1 else found
