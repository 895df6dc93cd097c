"""The short version of `tests/chaos/chaos.py`: nothing is paid twice, nothing is lost, and a planted bug is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.chaos import Plan, run
from support.processes import needs_proc

pytestmark = [needs_proc, pytest.mark.slow]


def test_killed_servers_pay_once_and_lose_nothing(tmp_path: Path) -> None:
    report = run(Plan(kills=12, processes=3, every=0.8, pause=0.6, freezes=1), tmp_path / "run")
    assert report.problems == [], report.table()
    assert report.told >= 2
    assert report.charges >= report.tasks["succeeded"] > 0
    assert report.killed + report.died_at.total() >= 12


def test_the_planted_bug_is_caught(tmp_path: Path) -> None:
    """Were unknown outcomes sent again, this harness would see money spent twice."""
    report = run(Plan(kills=8, processes=3, every=0.5, pause=1.5, dying=0.4, control=True), tmp_path / "run")
    assert report.doubles > 0, report.table()
    assert any("double" in problem for problem in report.problems)
