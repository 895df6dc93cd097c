"""`--plot`, `play` and `completion` as a person meets them: a real track, a player that listens, and what is said."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.processes import PATIENCE, SERVER, Home, fermata, needs_proc, runs, seconds_of, wait_until, write_beat

PLAYER = """#!/bin/sh
cp "$1" "$0.heard"
echo "$1" > "$0.said"
"""


@dataclass(frozen=True)
class Finished:
    home: Home
    task_id: str
    file: Path
    joins: int


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    home = Home(tmp_path_factory.mktemp("heard"))
    done = fermata(home, "extend", write_beat(home.root / "song.wav", 20), "--by", "30", "--json")
    view = json.loads(done.stdout)
    return Finished(home, view["task_id"], Path(view["audio"]["file"]), len(view["clips"][0]["seams"]))


@pytest.fixture
def player(tmp_path: Path) -> Path:
    """A folder for the PATH with a player that keeps what it was given."""
    place = tmp_path / "bin" / "pw-play"
    place.parent.mkdir()
    place.write_text(PLAYER)
    place.chmod(0o755)
    return place


def path_with(player: Path) -> str:
    return f"{player.parent}{os.pathsep}{os.defpath}"


def test_play(finished: Finished, player: Path) -> None:
    done = fermata(finished.home, "play", finished.task_id[:12], PATH=path_with(player))
    assert (done.returncode, done.stdout) == (0, "")
    assert Path(player.with_name("pw-play.said").read_text().strip()) == finished.file
    assert player.with_name("pw-play.heard").read_bytes() == finished.file.read_bytes()


def test_play_joins(finished: Finished, player: Path) -> None:
    """Only what is around them, in a file that goes away."""
    done = fermata(finished.home, "play", finished.task_id, "--joins", PATH=path_with(player))
    assert done.returncode == 0, done.stderr
    assert "Joins at " in done.stderr
    shutil.copy(player.with_name("pw-play.heard"), heard := player.with_name("heard.wav"))
    assert 3 < seconds_of(heard) <= 6.8 * finished.joins
    assert not Path(player.with_name("pw-play.said").read_text().strip()).exists()


def test_every_join_is_heard_and_not_only_those_that_a_result_names(player: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    view = json.loads(fermata(home, "extend", write_beat(tmp_path / "song.wav"), "--to", "120", "--json").stdout)
    told = view["clips"][0]
    assert told["seams_total"] > len(told["seams"])
    done = fermata(home, "play", view["task_id"], "--joins", PATH=path_with(player))
    assert done.stderr.partition(";")[0].count(":") == told["seams_total"]


def test_play_one_of_the_clips(finished: Finished, player: Path) -> None:
    assert fermata(finished.home, "play", f"{finished.task_id}/0", PATH=path_with(player)).returncode == 0
    beyond = fermata(finished.home, "play", f"{finished.task_id}/7", PATH=path_with(player))
    assert (beyond.returncode, beyond.stderr.partition(":")[0]) == (2, "not_found")


def test_without_a_player_it_says_where_the_file_is(finished: Finished, tmp_path: Path) -> None:
    done = fermata(finished.home, "play", finished.task_id, PATH=str(tmp_path))
    assert done.returncode == 2
    assert "looked for pw-play, paplay" in done.stderr
    assert str(finished.file) in done.stderr


@needs_proc
def test_ctrl_c_ends_the_player_too(finished: Finished, player: Path) -> None:
    player.write_text('#!/bin/sh\necho $$ > "$0.new" && mv "$0.new" "$0.pid"\nexec sleep 600\n')
    command = [*SERVER, "play", finished.task_id]
    environment = finished.home.environment(PATH=path_with(player))
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        note = player.with_name("pw-play.pid")
        pid = int(wait_until(lambda: note.exists() and note.read_text(), "the player to start"))
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
    wait_until(lambda: not runs(pid), "the player to end")


def test_a_player_that_fails_is_told(finished: Finished, player: Path) -> None:
    player.write_text("#!/bin/sh\nexit 3\n")
    done = fermata(finished.home, "play", finished.task_id, PATH=path_with(player))
    assert done.returncode == 2
    assert "ended with code 3" in done.stderr


def test_an_id_that_two_tasks_share_or_none(finished: Finished) -> None:
    shared = fermata(finished.home, "task", "tsk_")
    assert shared.returncode == 0, "there is one"
    done = fermata(finished.home, "play", "tsk_zz")
    assert (done.returncode, done.stderr.partition(":")[0]) == (2, "not_found")


def test_task_plot(finished: Finished, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = fermata(finished.home, "task", finished.task_id, "--plot", tmp_path / "out.png")
    assert done.returncode == 0, done.stderr
    assert f"Picture: {tmp_path / 'out.png'}" in done.stderr
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    again = fermata(finished.home, "task", finished.task_id, "--plot", tmp_path / "out.png")
    assert again.returncode == 2
    assert "--force" in again.stderr


def test_a_file_that_is_gone_is_told_and_the_task_all_the_same(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    home = Home(tmp_path)
    view = json.loads(fermata(home, "extend", write_beat(tmp_path / "song.wav"), "--by", "4", "--json").stdout)
    Path(view["audio"]["file"]).unlink()
    done = fermata(home, "task", view["task_id"], "--plot", tmp_path / "out.png")
    assert done.returncode == 1
    assert "no audio on this machine" in done.stderr
    assert "Done:" in done.stdout
    assert not (tmp_path / "out.png").exists()


def test_force_without_a_picture_is_refused(finished: Finished) -> None:
    done = fermata(finished.home, "task", finished.task_id, "--force")
    assert done.returncode == 2
    assert "without --plot" in done.stderr


def test_ids_for_the_tab_key(finished: Finished) -> None:
    assert fermata(finished.home, "completion", "ids").stdout.split() == [finished.task_id[:10]]
    assert "complete -o bashdefault" in fermata(finished.home, "completion", "bash").stdout


def test_doctor_for_a_host(tmp_path: Path) -> None:
    done = fermata(Home(tmp_path), "doctor", "--host", "codex", "--write", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "required = true" in (tmp_path / ".codex" / "config.toml").read_text()
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor" / "mcp.json").write_text("// mine\n{}")
    refused = fermata(Home(tmp_path), "doctor", "--host", "cursor", "--write", HOME=str(tmp_path))
    assert refused.returncode == 2
    assert "comments" in refused.stderr
