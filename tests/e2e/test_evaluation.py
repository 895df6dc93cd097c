"""What people ask is answered rightly, asked of a real server. `make evaluate` prints all of it as a table."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from evaluation.cases import Asked, load_requests
from evaluation.judging import flaws_of
from evaluation.sizes import measure
from evaluation.stage import play

pytestmark = pytest.mark.anyio
REQUESTS = load_requests()
MOST_DEAD_ENDS = 3


def _one_of_each(requests: Iterable[Asked]) -> list[Asked]:
    """The first of each set-up and verdict."""
    found: dict[tuple[str, str], Asked] = {}
    for asked in requests:
        found.setdefault((asked.keys, asked.verdict), asked)
    return list(found.values())


def _name(asked: Asked) -> str:
    return f"{asked.keys}-{asked.said}"


@pytest.mark.parametrize("asked", _one_of_each(REQUESTS), ids=_name)
async def test_one_of_each_kind(tmp_path: Path, asked: Asked) -> None:
    assert flaws_of(await play(asked, tmp_path / "asked")) == []


@pytest.mark.parametrize("asked", [asked for asked in REQUESTS if asked not in _one_of_each(REQUESTS)], ids=_name)
async def test_every_other_request(tmp_path: Path, asked: Asked) -> None:
    assert flaws_of(await play(asked, tmp_path / "asked")) == []


async def test_nothing_costs_a_conversation_more_than_it_may() -> None:
    with tempfile.TemporaryDirectory() as folder:  # paths count, and those of tests are longer than people's
        sizes = await measure(Path(folder) / "sizes")
    assert sizes.exceeded() == []


def test_the_requests_are_many_and_few_end_nowhere() -> None:
    ends = [asked for asked in REQUESTS if asked.verdict == "dead end"]
    assert len(REQUESTS) >= 60
    assert {asked.language for asked in REQUESTS} == {"en", "de", "es", "fr", "ja"}
    assert {asked.keys for asked in REQUESTS} == {"none", "one", "all"}
    assert len(ends) <= MOST_DEAD_ENDS
    assert all(asked.why for asked in ends)
