"""FERMATA_LOG_LEVEL: what was decided is told on standard error, and nothing of it on standard output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.processes import Home, fermata, open_server, view, write_beat


@pytest.mark.parametrize(("level", "is_told"), [("info", True), ("DEBUG", True), ("warning", False), ("", False)])
def test_decisions_are_told_at_info(level: str, is_told: bool, tmp_path: Path) -> None:
    home = Home(tmp_path)
    song = write_beat(tmp_path / "song.wav")
    with open_server(home, FERMATA_LOG_LEVEL=level) as server:  # which looks that its output is JSON-RPC alone
        task = view(server.call("extend_track", {"source": str(song), "add_seconds": 2}))["task_id"]
    assert (f"task {task}, step stp_" in home.log.read_text()) == is_told


def test_a_command_tells_them_beside_its_answer(tmp_path: Path) -> None:
    song = write_beat(tmp_path / "song.wav")
    done = fermata(Home(tmp_path), "extend", song, "--by", "2", "--json", FERMATA_LOG_LEVEL="info")
    assert json.loads(done.stdout)["status"] == "succeeded"
    assert "submit begun" in done.stderr


def test_a_level_that_there_is_not_is_refused_by_name(tmp_path: Path) -> None:
    done = fermata(Home(tmp_path), "tasks", FERMATA_LOG_LEVEL="loud")
    assert done.returncode == 2
    assert "FERMATA_LOG_LEVEL" in done.stderr
    assert done.stdout == ""
