"""Between rows and nouns: what is written is read again, and what is damaged is not believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fermata_mcp.domain.credits import Quote
from fermata_mcp.store.rows import NOT_UNDERSTOOD, TASK_COLUMNS, encode, task_from, task_row
from support.rows import a_task

TASK = replace(a_task(), warnings=("a", "ü"), quote=Quote(1, 2, 3), request={"source": "/a", "prompts": ["x"]})


def row(**changed: Any) -> list[Any]:
    values = task_row(TASK) | changed
    return [values[name] for name in TASK_COLUMNS]


def test_a_task_is_read_as_it_was_written() -> None:
    assert task_from(row(), (), {}) == TASK


@pytest.mark.parametrize(
    ("ledger", "money"),
    [
        ({"hold": 10}, (10, 0, 0, 0)),
        ({"hold": 10, "release": 10, "charge": 12}, (0, 12, 0, 0)),
        ({"charge": 12, "refund": 12}, (0, 12, 12, 0)),
        ({"disputed": 12}, (0, 0, 0, 12)),
        ({"disputed": 12, "refund": 12}, (0, 12, 12, 0)),
        ({"charge": 12, "adjust": -2}, (0, 10, 0, 0)),
    ],
)
def test_money_is_summed_from_the_ledger(ledger: dict[str, int], money: tuple[int, ...]) -> None:
    task = task_from(row(), (), ledger)
    assert (task.held, task.charged, task.refunded, task.disputed) == money


@pytest.mark.parametrize(
    "changed",
    [
        {"warnings": "no json"},
        {"warnings": '{"a": 1}'},
        {"request": '{"a": NaN}'},
        {"request": '{"a": 1e999}'},
        {"request": "[" * 5000},
        {"status": "nothing"},
        {"fraction": float("inf")},
        {"created_at": -1},
        {"created_at": 10**18},
        {"created_at": "soon"},
    ],
    ids=str,
)
def test_what_is_damaged_is_not_understood(changed: dict[str, Any]) -> None:
    with pytest.raises(NOT_UNDERSTOOD):
        task_from(row(**changed), (), {})


@pytest.mark.parametrize(
    ("value", "written"),
    [((), "[]"), (("a", "ü"), '["a","ü"]'), ({"a": 1}, '{"a":1}'), ("a", "a"), (None, None), (3, 3)],
)
def test_columns(value: Any, written: Any) -> None:
    assert encode(value) == written
