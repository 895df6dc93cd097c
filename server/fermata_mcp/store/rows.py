"""Between rows and domain objects; the same for every SQL dialect."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import BaseModel

from fermata_mcp.domain.credits import Quote
from fermata_mcp.domain.task import (
    Attempt,
    Audio,
    Clip,
    Failure,
    SourceFacts,
    Step,
    Task,
    Work,
)

TASK_COLUMNS = (
    "id", "principal", "kind", "provider", "account_id", "request", "request_hash", "idempotency_key", "source",
    "status", "fraction", "message", "audio", "error", "warnings", "quote_low", "quote_high", "quote_expected",
    "cancel_at", "created_at", "updated_at", "finished_at",
)  # fmt: skip
STEP_COLUMNS = (
    "id", "task_id", "provider", "account_id", "seq", "state", "work", "home", "fence", "due_at", "remote_id",
    "attempt_id", "submitted_at", "made_at", "polls", "error_streak", "clips", "error", "created_at", "updated_at",
)  # fmt: skip
ATTEMPT_COLUMNS = ("id", "step_id", "number", "state", "remote_id", "intent_at", "ended_at")

Row = Sequence[Any]
_Model = TypeVar("_Model", bound=BaseModel)


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
    """A step from a row of STEP_COLUMNS."""
    values: dict[str, Any] = dict(zip(STEP_COLUMNS, row, strict=True))
    values["work"] = Work.model_validate_json(values["work"])
    values["clips"] = tuple(Clip.model_validate(item) for item in json.loads(values["clips"]))
    values["error"] = _model(Failure, values["error"])
    return Step(**values)


def attempt_from(row: Row) -> Attempt:
    """An attempt from a row of ATTEMPT_COLUMNS."""
    return Attempt(**dict(zip(ATTEMPT_COLUMNS, row, strict=True)))


def task_from(row: Row, steps: tuple[Step, ...], money: Mapping[str, int]) -> Task:
    """A task from a row of TASK_COLUMNS, its steps, and its ledger summed by kind of entry."""
    values: dict[str, Any] = dict(zip(TASK_COLUMNS, row, strict=True))
    values["request"] = json.loads(values["request"])
    values["source"] = SourceFacts.model_validate_json(values["source"])
    values["warnings"] = tuple(json.loads(values["warnings"]))
    values["audio"] = _model(Audio, values["audio"])
    values["error"] = _model(Failure, values["error"])
    values["quote"] = Quote(values.pop("quote_low"), values.pop("quote_high"), values.pop("quote_expected"))
    values |= _money_of(money)
    return Task(**values, steps=steps)


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


def _model(kind: type[_Model], text: str | None) -> _Model | None:
    return None if text is None else kind.model_validate_json(text)


def task_row(task: Task) -> dict[str, Any]:
    """The columns of a new task."""
    values = {name: encode(getattr(task, name)) for name in TASK_COLUMNS if not name.startswith("quote_")}
    return values | {f"quote_{name}": value for name, value in asdict(task.quote).items()}
