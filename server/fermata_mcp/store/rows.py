"""Between rows and domain objects; the same for every SQL dialect."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json

from fermata_mcp.domain.task import Attempt, Step, Task

from .base import Unreadable

TASK_COLUMNS = (
    "id", "principal", "kind", "provider", "account_id", "request", "request_hash", "idempotency_key", "source",
    "status", "fraction", "message", "audio", "error", "warnings", "quote_low", "quote_high", "quote_expected",
    "quote_unit", "cancel_at", "created_at", "updated_at", "finished_at",
)  # fmt: skip
STEP_COLUMNS = (
    "id", "task_id", "provider", "account_id", "seq", "state", "work", "home", "fence", "due_at", "remote_id",
    "attempt_id", "submitted_at", "made_at", "polls", "error_streak", "clips", "error", "created_at", "updated_at",
)  # fmt: skip
ATTEMPT_COLUMNS = ("id", "step_id", "number", "state", "remote_id", "intent_at", "ended_at")

# What reading a row raises that was damaged, or that another version wrote.
NOT_UNDERSTOOD = (ValueError, TypeError, OverflowError, RecursionError)
_JSON = {"request", "source", "audio", "error", "warnings", "work", "clips"}
_END_OF_TIME_MS = 253_402_300_800_000  # the year 10000, which no date can show

Row = Sequence[Any]
_Noun = TypeVar("_Noun")


def encode(value: Any) -> Any:
    """A column's value: models, tuples and mappings become JSON text."""
    if isinstance(value, BaseModel):
        return value.model_dump_json(exclude_none=True)
    if isinstance(value, tuple | list):
        return "[" + ",".join(_json(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType]
    return _json(value) if isinstance(value, Mapping) else value


def _json(value: Any) -> str:
    if isinstance(value, BaseModel):
        return value.model_dump_json(exclude_none=True)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def step_from(row: Row) -> Step:
    """A step from a row of STEP_COLUMNS. Raises one of NOT_UNDERSTOOD."""
    return _checked(Step, _parsed(STEP_COLUMNS, row))


def attempt_from(row: Row) -> Attempt:
    """An attempt from a row of ATTEMPT_COLUMNS. Raises one of NOT_UNDERSTOOD."""
    return _checked(Attempt, _parsed(ATTEMPT_COLUMNS, row))


def task_from(row: Row, steps: tuple[Step, ...], money: Mapping[str, int]) -> Task:
    """A task from a row of TASK_COLUMNS, its steps, and its ledger summed by kind of entry. Raises NOT_UNDERSTOOD."""
    values = _parsed(TASK_COLUMNS, row)
    values["quote"] = {name: values.pop(f"quote_{name}") for name in ("low", "high", "expected", "unit")}
    return _checked(Task, values | _money_of(money) | {"steps": steps})


def _money_of(entries: Mapping[str, int]) -> dict[str, int]:
    """A task's money from its ledger summed by kind of entry. What is refunded of disputed credits was charged."""
    charged, refunded = entries.get("charge", 0) + entries.get("adjust", 0), entries.get("refund", 0)
    cleared = min(entries.get("disputed", 0), max(0, refunded - charged))
    return {
        "held": entries.get("hold", 0) - entries.get("release", 0),
        "charged": charged + cleared,
        "refunded": refunded,
        "disputed": entries.get("disputed", 0) - cleared,
    }


def _parsed(columns: tuple[str, ...], row: Row) -> dict[str, Any]:
    values: dict[str, Any] = dict(zip(columns, row, strict=True))
    for name in _JSON.intersection(columns):
        if values[name] is not None:
            values[name] = from_json(values[name])
            _check_numbers(values[name])
    _check_numbers(values.get("fraction"))
    if not all(0 <= values[name] < _END_OF_TIME_MS for name in _times(columns) if values[name] is not None):
        raise ValueError("a time is no possible one")
    return values


@cache
def _times(columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in columns if name.endswith("_at"))


def _check_numbers(value: Any) -> None:
    """What we write holds no infinities, and nothing that shows a row can."""
    if isinstance(value, dict):
        for item in cast("dict[str, Any]", value).values():
            _check_numbers(item)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            _check_numbers(item)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is no possible one")


def _checked(kind: type[_Noun], values: dict[str, Any]) -> _Noun:
    return _reader(kind).validate_python(values)


def get_ready() -> None:
    """Do beside everything else what the first row that is read would wait for."""
    for kind in (Step, Task):
        _reader(kind)


@cache
def _reader(kind: type[_Noun]) -> TypeAdapter[_Noun]:
    return TypeAdapter(kind)


def task_row(task: Task) -> dict[str, Any]:
    """The columns of a new task."""
    values = {name: encode(getattr(task, name)) for name in TASK_COLUMNS if not name.startswith("quote_")}
    return values | {f"quote_{name}": value for name, value in asdict(task.quote).items()}


def understood(task_id: str, read: Callable[[], _Noun]) -> _Noun:
    """What `read` makes of the rows of a task. Raises Unreadable."""
    try:
        return read()
    except NOT_UNDERSTOOD as error:
        raise Unreadable(task_id, _why(error)) from error


def _why(error: Exception) -> str:
    """Without what is in the row, which may be anything."""
    match error:
        case ValidationError():
            places = {".".join(map(str, one["loc"])) for one in error.errors(include_url=False, include_input=False)}
            return f"{', '.join(sorted(places))[:100]} is nothing this version knows"
        case UnicodeDecodeError():
            return "a text is none"
        case TypeError():
            return "a value is of another kind"
        case _:
            return str(error).partition(" at line ")[0][:100]
