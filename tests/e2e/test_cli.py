"""The command line as a person or a script meets it: words, exit codes, streams, a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import soundfile

from support.processes import (
    HELD_ADD,
    HELD_SECONDS,
    PATIENCE,
    SERVER,
    Home,
    fermata,
    held_call,
    let_go,
    needs_proc,
    seconds_of,
    wait_until,
    within,
    write_beat,
    write_music,
)

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Finished:
    """A home in which one track was made longer, and how that was told."""

    home: Home
    source: Path
    done: Done
    view: dict[str, Any]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    home = Home(tmp_path_factory.mktemp("cli"))
    source = write_beat(home.root / "song.wav")
    done = fermata(home, "extend", source, "--by", "4", "--json")
    return Finished(home, source, done, json.loads(done.stdout))


def check(done: Done, code: int, *words: str) -> None:
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said
    assert all(word in said for word in words), said


# --- extend -----------------------------------------------------------------------------------------------------------


def test_extend_by(finished: Finished) -> None:
    check(finished.done, 0)
    assert finished.view["status"] == "succeeded"
    assert abs(seconds_of(Path(finished.view["audio"]["file"])) - 10) <= 0.05


def test_without_a_terminal_stderr_has_one_line_when_it_is_done(finished: Finished) -> None:
    [line] = finished.done.stderr.splitlines()
    assert re.match(r"100%  \S", line)
    assert "\x1b" not in finished.done.stderr


def test_extend_in_words(tmp_path: Path) -> None:
    source = write_beat(tmp_path / "my song.wav")
    done = fermata(Home(tmp_path), "extend", source, "--by", "4")
    [made] = Home(tmp_path).music.glob("my song*.wav")
    check(done, 0, str(made), "10.00 s", "fermata-mcp extend tsk_")
    assert "%" not in done.stdout.partition("Joins")[0]


def test_extend_to_a_length_from_a_point_and_save_as(tmp_path: Path) -> None:
    source = write_beat(tmp_path / "song.wav", 12)
    target = tmp_path / "longer.wav"
    done = fermata(Home(tmp_path), "extend", source, "--to", "30", "--from", "8", "--output", target, "--json")
    check(done, 0)
    assert json.loads(done.stdout)["kind"] == "chain"
    assert abs(seconds_of(target) - 30) <= 0.05
    assert {file.name for file in tmp_path.iterdir()} == {"song.wav", "longer.wav", "data"}
    assert json.loads(done.stdout)["audio"]["file"] == str(target)


def test_extend_with_a_setting_of_the_provider(tmp_path: Path) -> None:
    source = write_beat(tmp_path / "song.wav", 12)
    done = fermata(Home(tmp_path), "extend", source, "--by", "9", "--option", "ending=fade", "--json")
    check(done, 0)
    with soundfile.SoundFile(json.loads(done.stdout)["audio"]["file"]) as made:
        made.seek(made.frames - 200)
        assert abs(made.read()).max() < 0.02


def test_extend_an_earlier_task(finished: Finished) -> None:
    done = fermata(finished.home, "extend", finished.view["task_id"], "--by", "3", "--json")
    check(done, 0)
    assert abs(json.loads(done.stdout)["audio"]["duration_seconds"] - 13) <= 0.05


def test_a_terminal_sees_a_bar(tmp_path: Path) -> None:
    source = write_music(tmp_path / "song.ogg", 20)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*SERVER, "extend", str(source), "--by", "500"],
        env=Home(tmp_path).environment(TERM="xterm-256color", COLUMNS="100"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = _everything(ours)
    assert process.wait(PATIENCE) == 0
    assert "━" in shown
    assert re.search(r"\d+%", shown)
    assert "Done: " in shown


def _everything(terminal: int) -> str:
    shown = b""
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # Linux says so when the other side has closed
            part = b""
        if not part:
            os.close(terminal)
            return shown.decode()
        shown += part


# --- wrong calls and work that fails ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        "extend", "extend SOURCE --by", "extend SOURCE --by ten", "extend SOURCE --by nan",
        "extend SOURCE --to 1:75", "extend SOURCE --take 0", "tasks --status done", "extend SOURCE --by -3",
        "extend SOURCE --by 3 --to 9", "extend SOURCE --colour red", "extend SOURCE --option fade", "task", "sing",
        "serve --port 99999",
        "serve --transport smoke",
    ],
)  # fmt: skip
def test_a_wrong_call_shows_the_usage(arguments: str, finished: Finished) -> None:
    done = fermata(finished.home, *shlex.split(arguments.replace("SOURCE", str(finished.source))))
    check(done, 2, "usage: fermata-mcp")
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("extend missing.wav --by 3", "invalid_request"), ("extend SOURCE --by 0", "invalid_request"),
        ("extend SOURCE --provider nobody", "invalid_request"), ("extend SOURCE --prompt jazz", "unsupported_field"),
        ("extend SOURCE --option ending=soon", "invalid_request"),
        ("extend SOURCE --option key=A", "unsupported_field"),
        ("extend SOURCE --output SOURCE", "invalid_request"), ("extend SOURCE --output /dev/null", "invalid_request"),
        ("extend SOURCE --output missing/", "invalid_request"), ("extend SOURCE --force", "invalid_request"),
        ("extend SOURCE --output SOURCE.txt", "invalid_request"), ("purge", "invalid_request"),
        ("purge --files --caches", "invalid_request"), ("providers nobody", "invalid_request"),
        ("extend 'none*.wav'", "invalid_request"),
        ("extend .", "invalid_request"), ("extend SOURCE SOURCE.2 --output SOURCE.3.wav", "invalid_request"),
        ("task tsk_nothing", "not_found"),
    ],
)  # fmt: skip
def test_a_refusal_says_why_and_what_next(arguments: str, code: str, finished: Finished) -> None:
    before = finished.source.read_bytes()
    done = fermata(finished.home, *shlex.split(arguments.replace("SOURCE", str(finished.source))))
    check(done, 2, f"{code}: ", " Next: ")
    assert done.stdout == ""
    assert finished.source.read_bytes() == before


def test_a_refusal_as_json(finished: Finished) -> None:
    done = fermata(finished.home, "extend", "missing.wav", "--json")
    check(done, 2)
    assert json.loads(done.stdout)["error"]["code"] == "invalid_request"


def test_output_onto_the_source_by_another_name_is_refused(tmp_path: Path) -> None:
    source = write_beat(tmp_path / "song.wav")
    (tmp_path / "link.wav").symlink_to(source)
    before = source.read_bytes()
    check(fermata(Home(tmp_path), "extend", source, "--by", "4", "--output", tmp_path / "link.wav"), 2)
    assert source.read_bytes() == before


def test_a_header_that_promises_music_and_nothing_behind_it(tmp_path: Path) -> None:
    """It is found out before there is a task."""
    source = write_music(tmp_path / "song.flac")
    whole = source.read_bytes()
    source.write_bytes(whole[:200] + bytes(len(whole) - 200))
    home = Home(tmp_path)
    check(fermata(home, "extend", source, "--by", "4"), 2, "not_audio")
    assert _json(home, "tasks")["tasks"] == []
    assert home.leftovers() == []


def test_nowhere_to_save(tmp_path: Path) -> None:
    (tmp_path / "music").write_text("a file where the folder should be")
    source = write_beat(tmp_path / "song.wav")
    check(fermata(Home(tmp_path), "extend", source, "--by", "4"), 1, "store_unavailable: ", "FERMATA_OUTPUT_DIR")


def test_a_wrong_setting_is_named_without_its_value(finished: Finished) -> None:
    done = fermata(finished.home, "tasks", FERMATA_WAIT_SECONDS="s3cret")
    check(done, 2, "FERMATA_WAIT_SECONDS")
    assert "s3cret" not in done.stderr


# --- looking ----------------------------------------------------------------------------------------------------------


def test_tasks(finished: Finished) -> None:
    check(fermata(finished.home, "tasks"), 0, finished.view["task_id"], "succeeded", finished.source.name, "0:10")
    listed = json.loads(fermata(finished.home, "tasks", "--json").stdout)["tasks"]
    assert finished.view["task_id"] in [task["task_id"] for task in listed]


def test_no_tasks_yet(tmp_path: Path) -> None:
    check(fermata(Home(tmp_path), "tasks"), 0, "No tasks yet", "fermata-mcp extend")


def test_task(finished: Finished) -> None:
    task_id = finished.view["task_id"]
    check(fermata(finished.home, "task", task_id), 0, finished.view["audio"]["file"])
    assert json.loads(fermata(finished.home, "task", task_id, "--json").stdout)["task_id"] == task_id


@pytest.mark.parametrize(("command", "key"), [("credits", "providers"), ("providers", "providers")])
def test_tables(command: str, key: str, finished: Finished) -> None:
    check(fermata(finished.home, command), 0, "local")
    assert "local" in [one.get("provider", one.get("name")) for one in _json(finished.home, command)[key]]


def _json(home: Home, command: str) -> dict[str, Any]:
    return json.loads(fermata(home, command, "--json").stdout)


def test_doctor_of_a_healthy_set_up(finished: Finished) -> None:
    done = fermata(finished.home, "doctor")
    check(done, 0, "mcpServers", str(finished.home.data), str(finished.home.music))
    assert "WRONG" not in done.stdout


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"FERMATA_DATA_DIRR": "/tmp"}, ["FERMATA_DATA_DIRR", "FERMATA_DATA_DIR?"]),
        ({"FERMATA_WAIT_SECONDS": "soon"}, ["FERMATA_WAIT_SECONDS"]),
        (
            {"FERMATA_OUTPUT_DIR": "/dev/null/music", "FERMATA_DATA_DIR": "/dev/null/data"},
            ["FERMATA_OUTPUT_DIR", "FERMATA_DATA_DIR"],
        ),
    ],
)
def test_doctor_names_what_is_wrong(settings: dict[str, str], words: list[str], tmp_path: Path) -> None:
    done = fermata(Home(tmp_path), "doctor", **settings)
    check(done, 1, "WRONG", "do: ", *words)


def test_doctor_leaves_nothing_behind(tmp_path: Path) -> None:
    check(fermata(Home(tmp_path), "doctor"), 0)
    assert list(tmp_path.rglob("*.wav")) == []


def test_version(finished: Finished) -> None:
    assert re.match(r"fermata-mcp \d+\.\d+", fermata(finished.home, "--version").stdout)


# --- leaving early ----------------------------------------------------------------------------------------------------


@contextmanager
def extending(home: Home, source: str) -> Generator[subprocess.Popen[str]]:
    """A command whose worker stands still half way."""
    with home.log.open("w") as log:
        process = subprocess.Popen(
            [*SERVER, "extend", source, "--by", str(HELD_ADD)],
            env=home.environment(),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    with process:
        try:
            wait_until(lambda: _is_at_work(process, home), "a worker that writes")
            yield process
        finally:
            process.kill()


def _is_at_work(process: subprocess.Popen[str], home: Home) -> bool:
    assert process.poll() is None, home.log.read_text()
    return bool(home.leftovers())


@needs_proc
def test_ctrl_c_keeps_the_task(tmp_path: Path) -> None:
    home, asked = Home(tmp_path), held_call(tmp_path)
    with extending(home, asked["source"]) as process:
        with within(3, "stopping"):
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 130
        assert "Traceback" not in home.log.read_text()
    [task] = _json(home, "tasks")["tasks"]
    assert task["status"] in ("queued", "running")
    assert home.leftovers() == []
    let_go(asked)
    done = fermata(home, "task", task["task_id"], "--json")
    check(done, 0)
    assert abs(seconds_of(Path(json.loads(done.stdout)["audio"]["file"])) - HELD_SECONDS - HELD_ADD) <= 0.05


@needs_proc
def test_sigterm_keeps_the_task_too(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with extending(home, held_call(tmp_path)["source"]) as process:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        assert "Traceback" not in home.log.read_text()
    [task] = _json(home, "tasks")["tasks"]
    assert task["status"] in ("queued", "running")


@pytest.mark.parametrize("command", ["providers", "tasks --json"])
def test_a_reader_that_leaves_early_is_no_error(command: str, finished: Finished) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        done = subprocess.run(
            [*SERVER, *command.split()],
            env=finished.home.environment(),
            stdout=theirs,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    finally:
        os.close(theirs)
    assert done.stderr == ""
    assert done.returncode in (0, 1)
