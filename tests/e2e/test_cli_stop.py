"""Ctrl-C in a terminal, as a person sees it: what is said is true, and nothing goes on behind somebody's back."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from emulators.faults import Fault
from emulators.paid import named
from fermata_mcp.store.base import POLL_LEASE_MS
from support.paid import Market, market
from support.processes import (
    HELD_ADD,
    PATIENCE,
    SERVER,
    Home,
    fermata,
    held_call,
    needs_proc,
    wait_until,
    workers_of,
    write_beat,
)
from support.terminals import CTRL_C, Terminal, terminal

SONIC = named("musicapi-sonic")
SUNOAPI = named("sunoapi")
GOES_ON = "stopped: goes on when a server runs"
# A killed process may have just claimed what it worked on.
LEASE_SECONDS = POLL_LEASE_MS / 1000 + PATIENCE


def tasks_of(home: Home) -> list[dict[str, Any]]:
    return json.loads(fermata(home, "tasks", "--json").stdout)["tasks"]


def last_words(shown: str) -> str:
    return " ".join(shown.split())[-400:]


# --- local work -------------------------------------------------------------------------------------------------------


@contextmanager
def rendering(home: Home) -> Generator[tuple[Terminal, int]]:
    """A terminal in which a worker is writing, which it would go on with for ten seconds or more."""
    source = held_call(home.root)["source"]
    with terminal(home.environment(), "extend", source, "--by", HELD_ADD) as shell:
        [worker] = wait_until(lambda: workers_of(shell.process.pid), "a worker")
        wait_until(home.leftovers, "a part of the result")
        yield shell, worker


@needs_proc
def test_ctrl_c_during_local_work(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with rendering(home) as (shell, _):
        shell.press(CTRL_C)
        assert shell.end() == 130
        [task] = tasks_of(home)
        assert "Traceback" not in shell.shown
        assert f"fermata-mcp task {task['task_id']}" in shell.shown
        assert "Stopped; the task is kept. Go on with:" in last_words(shell.shown)
    assert task["status"] in ("queued", "running")
    assert home.leftovers() == []


@needs_proc
@pytest.mark.parametrize("killed", [False, True], ids=["Ctrl-C", "kill"])
def test_stopped_work_is_not_called_running(killed: bool, tmp_path: Path) -> None:
    home = Home(tmp_path)
    with rendering(home) as (shell, _):
        assert GOES_ON not in fermata(home, "tasks").stdout
        if killed:
            shell.process.kill()
        else:
            shell.press(CTRL_C)
        shell.end()
    wait_until(lambda: GOES_ON in fermata(home, "tasks").stdout, "the truth", LEASE_SECONDS)
    shown = fermata(home, "tasks").stdout
    [task] = tasks_of(home)
    assert f"fermata-mcp task {task['task_id']}" in shown
    assert "running" not in shown
    assert "queued" not in shown


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert fermata(home, "extend", write_beat(tmp_path / "song.wav"), "--by", "4").returncode == 0
    [task] = tasks_of(home)
    with closing(sqlite3.connect(home.data / "fermata.db")) as database:
        database.execute("UPDATE task SET source = '{'")
        database.commit()
    done = fermata(home, "tasks")
    assert done.returncode == 0
    assert f"{task['task_id']}  cannot be read" in done.stdout
    assert "No tasks yet" not in done.stdout


@needs_proc
def test_the_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with rendering(home) as (shell, worker):
        os.kill(worker, signal.SIGSTOP)  # the command would wait a second for it to clean up
        shell.press(CTRL_C)
        shell.waits_for("Ctrl-C again ends at once")
        shell.press(CTRL_C)
        assert shell.process.wait(PATIENCE) == 130
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)
        shell.end()  # all who write to the terminal have left
        assert "Traceback" not in shell.shown
        assert "Stopped" in last_words(shell.shown)
        assert shell.shown.rindex("\x1b[?25h") > shell.shown.rindex("\x1b[?25l"), "the cursor stays hidden"
    wait_until(lambda: not home.leftovers(), "the worker to clean up")
    assert len(tasks_of(home)) == 1


@needs_proc
@pytest.mark.parametrize("command", ["tasks", "credits", "providers", "doctor", "extend"])
def test_stopped_work_does_not_go_on_beside_another_command(command: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    with rendering(home) as (shell, _):
        shell.press(CTRL_C)
        assert shell.end() == 130
    [stopped] = tasks_of(home)
    more = [write_beat(tmp_path / "song.wav"), "--by", "4"] if command == "extend" else []
    before = times_taken_up(home, stopped["task_id"])
    assert fermata(home, command, *more).returncode == 0
    assert times_taken_up(home, stopped["task_id"]) == before


def times_taken_up(home: Home, task_id: str) -> int:
    """How often some process has claimed a step of the task."""
    with closing(sqlite3.connect(home.data / "fermata.db")) as database:
        return database.execute("SELECT sum(fence) FROM step WHERE task_id = ?", (task_id,)).fetchone()[0]


@pytest.mark.parametrize("command", ["extend", "task", "tasks", "doctor", "--help"])
def test_ctrl_c_at_any_time_shows_no_traceback(command: str, tmp_path: Path) -> None:
    """Also while it is still loading: the signal is sent when a module is about to be imported."""
    home = Home(tmp_path)
    song = write_beat(tmp_path / "song.wav")
    given = {"extend": ["extend", song, "--by", "4"], "task": ["task", "tsk_" + "0" * 32]}.get(command, [command])
    modules = ("argparse", "rich.console", "mcp.client", "pydantic", "platformdirs", "apsw", "fermata_mcp.cli.commands")
    for module in modules:
        done = subprocess.run(
            [SERVER[0], "-c", INTERRUPTED_IMPORT, module, *map(str, given)],
            env=home.environment(), capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, (module, done.stderr)
        if "sent" in done.stderr:
            assert done.returncode == 130, (module, done.stderr)


INTERRUPTED_IMPORT = """
import os, signal, sys
from fermata_mcp.cli import main as cli
class Interrupt:
    def find_spec(self, name, *more):
        if name == sys.argv[1]:
            print("sent", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.modules.pop(sys.argv[1], None)
cli.main(sys.argv[2:])
"""


# --- paid work --------------------------------------------------------------------------------------------------------


@pytest.fixture
def suno(tmp_path: Path) -> Generator[Market]:
    with market(tmp_path / "market", SUNOAPI) as place:
        place.of(SUNOAPI).ready_after_polls = 10**9
        yield place


def paid_extend(place: Market) -> tuple[dict[str, str], list[str]]:
    return dict(place.environment()), ["extend", "clip:seed-clip", "--provider", "sunoapi", "--yes"]


def test_ctrl_c_during_paid_work(suno: Market) -> None:
    """It goes on at the provider; nothing is asked or paid until the task is asked for, and then it is fetched."""
    emulator = suno.of(SUNOAPI)
    environment, arguments = paid_extend(suno)
    with terminal(environment, *arguments) as shell:
        wait_until(lambda: any(job.polls for job in emulator.jobs.values()), "a first look")
        shell.press(CTRL_C)
        assert shell.end() == 130
        [task] = tasks_of(suno.home)
        assert "Traceback" not in shell.shown
        assert "sunoapi goes on with the paid work. Fetch it with: fermata-mcp task" in last_words(shell.shown)
        assert task["task_id"] in last_words(shell.shown)
    emulator.ready_after_polls = 1
    looked = sum(job.polls for job in emulator.jobs.values())
    assert fermata(suno.home, "tasks", **suno.settings).returncode == 0
    assert sum(job.polls for job in emulator.jobs.values()) == looked
    done = fermata(suno.home, "task", task["task_id"], "--json", **suno.settings)
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "succeeded"), done.stderr
    assert len(emulator.ledger.submits) == 1
    suno.check()


def test_ctrl_c_while_a_paid_request_is_under_way(tmp_path: Path) -> None:
    with market(tmp_path / "market", SONIC) as place:
        emulator = place.of(SONIC)
        emulator.script("submit", Fault.wire("hang"))
        with terminal(
            dict(place.environment()), "extend", "clip:seed-clip", "--provider", "musicapi-sonic", "--yes"
        ) as shell:
            wait_until(emulator.submits_seen, "the request")
            shell.press(CTRL_C)
            assert shell.end() == 130
            assert "Traceback" not in shell.shown
            assert "may have been charged, and is not sent again by itself" in last_words(shell.shown)
