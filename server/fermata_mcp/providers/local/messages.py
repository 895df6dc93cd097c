"""What the provider and its worker process say to each other, as values and as lines of JSON.

The provider sends one `Job`; the worker answers with `Progress`, many times, and finally with one `Done` or `Failed`.
A line is an object with one member, whose name says what it is: `{"progress": {"fraction": 0.25, "message": "…"}}`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, is_dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from fermata_mcp.rearrange.job import Job, Seam


@dataclass(frozen=True)
class Progress:
    """The share done, 0 to 1, and what is being done."""

    fraction: float
    message: str


@dataclass(frozen=True)
class Done:
    """The result is written."""

    duration_seconds: float
    seams: tuple[Seam, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """What went wrong, in the words of the error `code` of the public contract."""

    code: str
    message: str
    hint: str | None = None


Message = Job | Progress | Done | Failed
_KINDS: dict[str, type[Message]] = {"job": Job, "progress": Progress, "done": Done, "error": Failed}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def encode(message: Message) -> bytes:
    """One line, with its end."""
    return json.dumps({_NAMES[type(message)]: asdict(message)}, default=str, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes | str) -> Message:
    """The message of one line.

    Raises:
        ValueError: No message, or one with other fields than it has.
    """
    try:
        ((name, given),) = json.loads(line).items()
        return _read(_KINDS[name], given)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no message: {error}") from error


def _read(kind: Any, given: Any) -> Any:
    """`given`, as JSON has it, as a value of the annotated type `kind`."""
    if is_dataclass(kind):
        return _build(kind, given)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):  # of a type and None
        return None if given is None else _read(inner[0], given)
    if origin is tuple:
        return tuple(_read(inner[0], value) for value in _instance(list, given))
    if origin is Literal:
        return inner[inner.index(given)]
    if kind is Path:
        return Path(_instance(str, given))
    return float(_instance((int, float), given)) if kind is float else _instance(kind, given)


def _build(kind: Any, given: Any) -> Any:
    types = _types(kind)
    return kind(**{name: _read(types[name], value) for name, value in given.items()})


def _instance(kind: Any, given: Any) -> Any:
    if not isinstance(given, kind) or isinstance(given, bool):
        raise TypeError(f"{given!r} is of another type")
    return given


@cache
def _types(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, localns={"Path": Path})
