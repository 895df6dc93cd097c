"""A short run of `python -m chaos.fuzz` over each door: counts only, since it is measured in a long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.answers import Due, due
from chaos.fuzz import DOORS, run
from support.processes import needs_proc

MESSAGES = 600


@needs_proc
@pytest.mark.parametrize("door", DOORS)
def test_whatever_is_sent_is_answered_once_and_nothing_breaks(door: str, tmp_path: Path) -> None:
    report = run(door, MESSAGES, 1, tmp_path)
    assert report.problems == [], report.table()
    assert report.messages.total() == MESSAGES
    assert (report.unanswered, report.internal, report.code) == (0, 0, 0)
    assert report.answers.total() > MESSAGES / 2
    assert report.tasks.total() > 0


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b'{"jsonrpc":"2.0","id":7,"method":"ping"}', Due((7,))),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping', Due((7,))),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"\\ud800"}}', Due((7,))),
        (b'[{"id":1,"method":"ping"},{"id":"a","method":"ping"},{"id":2,"result":1}]', Due((1, "a"))),
        (b'{"jsonrpc":"2.0","method":"notifications/initialized"}', Due()),
        (b'{"jsonrpc":"2.0","id":7,"result":{}}', Due()),
        (b'{"jsonrpc":"2.0","id":7,"result":{"a":"\\ud800"}}', Due(either=frozenset({None}))),
        (
            b'{"jsonrpc":"2.0","id":7,"result":[%b,"\\ud800"]}' % (b"1," * 40_000 + b"1"),
            Due(either=frozenset({7, None})),
        ),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', Due(either=frozenset({None}))),
        (b'"id":7,"id":"b"', Due(either=frozenset({7, "b", None}))),
        (b" \r", Due()),
    ],
)
def test_what_is_due_is_judged_by_its_meaning(data: bytes, wanted: Due) -> None:
    assert due(data) == wanted
