"""What would go, in words and as data."""

from __future__ import annotations

from pathlib import Path

from fermata_mcp.cli.operators.purging import as_json, lines
from fermata_mcp.engine.upkeep.purging import Files, Found, Wanted
from support.rows import a_task

SOME = Files((Path("a"), Path("b")), 2_500_000)
FOUND = Found((a_task(status="succeeded"), a_task(status="failed")), 1, SOME, SOME, SOME)


def test_finished_audio_stays_unless_it_is_asked_for() -> None:
    told = "\n".join(lines(FOUND, Wanted(30 * 86_400, audio=False, caches=False)))
    assert "more than 30 days ago: 2 (1 succeeded, 1 failed)" in told
    assert "Their finished audio stays: 2 files, 2.5 MB. --files removes it as well." in told
    assert "Kept: 1 task" in told
    assert as_json(FOUND, Wanted(1, audio=False, caches=True))["bytes"] == 5_000_000
    assert "stays" not in "\n".join(lines(FOUND, Wanted(1, audio=True, caches=True)))
