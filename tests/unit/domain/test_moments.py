"""Moments in music as players show them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import fermata_mcp
from fermata_mcp.domain.moments import clock, counted


@pytest.mark.parametrize(
    ("seconds", "exact", "short"),
    [
        (4.29, "0:04.3", "0:04"),
        (64.25, "1:04.2", "1:04"),
        (59.97, "1:00.0", "1:00"),
        (600.0, "10:00.0", "10:00"),
        (3599.96, "60:00.0", "60:00"),
    ],
)
def test_no_minute_has_sixty_seconds(seconds: float, exact: str, short: str) -> None:
    assert clock(seconds) == exact
    assert clock(seconds, tenths=False) == short


# Things that there may be one of, or none, after a number that is computed.
THINGS = re.compile(
    r" (?:of your |more |other |open |earlier )?"
    r"(tasks|files|clips|uploads|joins|steps|extensions|tracks|chapters|streams|results|rows|renders|tokens)\b"
)
# Fixed limits, and names before a verb.
NO_NUMBERS = {"MAX_SSE_SESSIONS", "SPEC.name", "self.spec.name"}


@pytest.mark.parametrize(
    ("count", "said"), [(0, "no tasks"), (1, "1 task"), (1.0, "1 task"), (2, "2 tasks"), (1.5, "1.5 tasks")]
)
def test_every_number_has_its_form(count: float, said: str) -> None:
    assert counted(count, "task") == said
    assert counted(count, "task", "is", "are") == f"{said} {'is' if count == 1 else 'are'}"
    assert counted(0, "task", none="0") == "0 tasks"


def _by_hand(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for number, words in pairwise(parts):
            if isinstance(number, ast.FormattedValue) and isinstance(words, ast.Constant):
                found = THINGS.match(str(words.value))
                name = ast.unparse(number.value)
                if found and name not in NO_NUMBERS:
                    yield f"{path.name}:{number.lineno}: {{{name}}}{found.group()}"


def test_nobody_counts_by_hand() -> None:
    package = Path(fermata_mcp.__file__).parent
    assert [found for path in sorted(package.rglob("*.py")) for found in _by_hand(path)] == []
