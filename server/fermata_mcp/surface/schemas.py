"""JSON schemas as short as clients understand them: every host pays for them in every conversation."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from pydantic import BaseModel

Schema = dict[str, Any]


def input_schema(model: type[BaseModel]) -> Schema:
    """The arguments of a tool, every one with its type and description; limits are told by the errors."""
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
    properties = {name: _alternatives(prop, defs) for name, prop in full["properties"].items()}
    return {"type": "object", "properties": properties}


def _property(prop: Schema) -> Schema:
    """`null` is accepted but not advertised: leaving a parameter out says the same."""
    kind = next((one for one in prop.get("anyOf", []) if one.get("type") != "null"), prop)
    kept: Schema = {"type": kind["type"], "description": prop["description"]}
    if "enum" in kind:
        kept["enum"] = kind["enum"]
    if "items" in kind:
        kept["items"] = {"type": kind["items"]["type"]}
    if prop.get("default"):
        kept["default"] = prop["default"]
    return kept


def _alternatives(prop: Schema, defs: Schema) -> Schema:
    found = [{"type": _resolved(one, defs)["type"]} for one in cast(list[Schema], prop.get("anyOf", [prop]))]
    return found[0] if len(found) == 1 else {"anyOf": found}


def _resolved(prop: Schema, defs: Schema) -> Schema:
    return defs[prop["$ref"].rsplit("/", 1)[1]] if "$ref" in prop else prop
