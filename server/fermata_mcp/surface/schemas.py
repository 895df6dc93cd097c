"""JSON schemas as short as clients understand them: every host pays for them in every conversation.

They are made from the annotations alone, so that a server that starts does not build validators it may never need.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel

Schema = dict[str, Any]
_PLAIN: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def input_schema(model: type[BaseModel]) -> Schema:
    """The arguments of a tool, every one with its type and description; limits are told by the errors.

    `null` is accepted but not advertised: leaving a parameter out says the same.
    """
    properties: Schema = {}
    for name, field in model.model_fields.items():
        kind = next(one for one in _alternatives(field.annotation) if one["type"] != "null")
        more = cast(Schema, field.json_schema_extra or {})
        properties[name] = kind | more | {"description": field.description}
        if field.default and not field.is_required():
            properties[name]["default"] = field.default
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": required} if required else {})


@cache
def output_schema(model: type[BaseModel]) -> Schema:
    """The result of a tool: names and types of what is at its top level, as far as the model says that it matters."""
    properties: Schema = {}
    told: tuple[str, ...] = getattr(model, "TOLD", tuple(model.model_fields))
    for name in told:
        field = model.model_fields[name]
        found = [{"type": one["type"]} for one in _alternatives(field.annotation)]
        properties[name] = found[0] if len(found) == 1 else {"anyOf": found}
    return {"type": "object", "properties": properties}


def _alternatives(annotation: Any) -> list[Schema]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _alternatives(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [one for part in get_args(annotation) for one in _alternatives(part)]
    if origin is Literal:
        return [{"type": "string", "enum": list(get_args(annotation))}]
    if origin in (list, tuple):
        return [{"type": "array", "items": _alternatives(get_args(annotation)[0])[0]}]
    if origin in (dict, Mapping) or is_dataclass(annotation) or _is_model(annotation):
        return [{"type": "object"}]
    return [{"type": _PLAIN[annotation]}]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
