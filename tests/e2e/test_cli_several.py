"""Several tracks in one call, a price before it is paid, and what is removed on a word."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from emulators.paid import named
from support.paid import Market, market
from support.processes import Home, fermata, held_call, needs_proc, seconds_of, wait_until, workers_of, write_beat
from support.terminals import CTRL_C, terminal

SUNOAPI = named("sunoapi")
PAID = ("--provider", "sunoapi")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    for name in ("a.wav", "b.wav", "album/c.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_beat(tmp_path / name)
    (tmp_path / "bad.wav").write_text("no audio")
    return Home(tmp_path)


def test_one_that_fails_does_not_stop_the_others(home: Home) -> None:
    done = fermata(home, "extend", home.root / "a.wav", home.root / "bad.wav", home.root / "b.wav", "--by", "0:04")
    assert done.returncode == 2
    made = sorted(home.music.glob("*.wav"))
    assert [file.name[0] for file in made] == ["a", "b"]
    assert f"1 of 3 · a.wav → {made[0]}" in done.stdout
    assert f"3 of 3 · b.wav → {made[1]}" in done.stdout
    assert "2 of 3 · bad.wav\nnot_audio: " in done.stderr
    assert "2 of 3 done; 1 not" in done.stderr


def test_patterns_and_folders_as_one_array(home: Home) -> None:
    call = ["extend", home.root / "[ab].wav", home.root / "album", home.root / "none.wav", "--recursive", "--by", "4"]
    done = fermata(home, *call, "--output", home.root / "album", "--json")
    told = json.loads(done.stdout)
    assert [Path(one["given"]).name for one in told] == ["a.wav", "b.wav", "c.wav", "none.wav"]
    assert [one.get("status", "refused") for one in told] == [*["succeeded"] * 3, "refused"]
    assert told[3]["error"]["code"] == "invalid_request"
    assert all(abs(seconds_of(Path(one["audio"]["file"])) - 10) <= 0.05 for one in told[:3])
    assert len(list((home.root / "album").iterdir())) == 4


def test_quiet_is_paths_and_nothing_else(home: Home) -> None:
    done = fermata(home, "extend", home.root / "a.wav", home.root / "b.wav", "--by", "4", "--quiet")
    assert done.stderr == ""
    assert sorted(map(Path, done.stdout.splitlines())) == sorted(home.music.glob("*.wav"))


@needs_proc
def test_ctrl_c_stops_one_and_says_which_were_not_begun(home: Home) -> None:
    held = held_call(home.root)["source"]
    call = ("extend", home.root / "a.wav", held, home.root / "b.wav", "--by", "40")
    with terminal(home.environment(), *call) as shell:
        shell.waits_for("1 of 3 · a.wav → ")
        wait_until(lambda: workers_of(shell.process.pid) and home.leftovers(), "the second at work")
        shell.press(CTRL_C)
        assert shell.end() == 130
        told = " ".join(shell.shown.split())
    assert "Go on with: fermata-mcp task tsk_" in told
    assert f"Not begun: {home.root / 'b.wav'}." in told
    assert told.count("Go on with") == 1, "what is done is no business of Ctrl-C"


@pytest.fixture
def suno(tmp_path: Path) -> Generator[Market]:
    with market(tmp_path / "market", SUNOAPI) as place:
        yield place


def test_a_price_is_asked_on_a_terminal(suno: Market) -> None:
    emulator, environment = suno.of(SUNOAPI), dict(suno.environment())
    for answer, code, sent in ((b"n\n", 1, 0), (b"\n", 1, 0), (b"y\n", 0, 2)):
        with terminal(environment, "extend", "clip:seed-clip", "clip:other-clip", *PAID) as shell:
            shell.waits_for("Go on? [y/N]")
            assert "Costs 24 credits at sunoapi for 2 tracks (" in shell.shown
            assert emulator.submits_seen() == 0
            shell.press(answer)
            assert shell.end() == code
        assert emulator.submits_seen() == sent


def test_ctrl_c_at_the_question(suno: Market) -> None:
    with terminal(dict(suno.environment()), "extend", "clip:seed-clip", *PAID) as shell:
        shell.waits_for("Go on? [y/N]")
        shell.press(CTRL_C)
        assert shell.end() == 130
    assert "nothing was begun" in shell.shown
    assert suno.of(SUNOAPI).submits_seen() == 0


def test_without_a_terminal_a_word_is_needed(suno: Market) -> None:
    emulator, call = suno.of(SUNOAPI), ("extend", "clip:seed-clip", *PAID)
    refused = fermata(suno.home, *call, **suno.settings)
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert fermata(suno.home, *call, "--max-credits", "5", **suno.settings).returncode == 2
    quoted = fermata(suno.home, *call, "--dry-run", **suno.settings)
    assert (quoted.returncode, "up to 12 credits" in quoted.stdout) == (0, True)
    assert emulator.submits_seen() == 0
    assert fermata(suno.home, *call, "--max-credits", "12", **suno.settings).returncode == 0
    assert emulator.submits_seen() == 1


def test_ids_and_searches(home: Home) -> None:
    for name in ("a", "b"):
        assert fermata(home, "extend", home.root / f"{name}.wav", "--by", "4", "--title", f"Ode {name}").returncode == 0
    found = json.loads(fermata(home, "tasks", "--search", "ODE B", "--json").stdout)["tasks"]
    assert [Path(task["source"]).name for task in found] == ["b.wav"]
    assert "--all shows every one" in fermata(home, "tasks", "--limit", "1").stdout
    shared = fermata(home, "task", "tsk_")
    assert (shared.returncode, shared.stderr.count("succeeded")) == (2, 2)
    ended = fermata(home, "cancel", found[0]["task_id"][:12], "tsk_nothing", "--json")
    assert [one.get("given", "done") for one in json.loads(ended.stdout)] == ["done", "tsk_nothing"]


def test_purge(home: Home) -> None:
    assert fermata(home, "extend", home.root / "a.wav", "--by", "4").returncode == 0
    [made] = home.music.iterdir()
    assert "1 task" in fermata(home, "purge", "--older-than", "0s").stderr, "nobody can be asked"
    assert "Nothing was removed" in fermata(home, "purge", "--caches", "--dry-run").stdout
    assert made.is_file()
    done = fermata(home, "purge", "--older-than", "0s", "--files", "--caches", "--yes")
    assert (done.returncode, "Removed 1 task and" in done.stdout) == (0, True), done.stderr
    assert not made.exists()
    assert not list((home.data / "analysis").iterdir())
    assert "No tasks yet" in fermata(home, "tasks").stdout
