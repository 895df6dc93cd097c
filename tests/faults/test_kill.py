"""Processes that are killed, frozen or many: every task whose id was seen is found again and finished."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from support.processes import (
    HELD_ADD,
    HELD_SECONDS,
    LOST_LEASE_SECONDS,
    PATIENCE,
    Home,
    Message,
    RawServer,
    held_call,
    later,
    let_go,
    needs_proc,
    open_server,
    runs,
    seconds_of,
    text,
    view,
    wait_until,
    within,
    workers_of,
    write_beat,
)

pytestmark = needs_proc


@pytest.fixture
def home(tmp_path: Path) -> Home:
    write_beat(tmp_path / "song.wav", 3)
    return Home(tmp_path)


def start(server: RawServer, home: Home, **more: Any) -> Message:
    """A short task that nobody waits for."""
    arguments = {"source": str(home.root / "song.wav"), "add_seconds": 3, "wait_seconds": 0, **more}
    return view(server.call("extend_track", arguments))


def start_rendering(server: RawServer, arguments: Message) -> tuple[str, int]:
    """A task that a worker is busy with: its id, and the worker."""
    task = view(server.call("extend_track", arguments | {"wait_seconds": 0}))
    seen = server.start_call("get_task", {"task_id": task["task_id"], "wait_seconds": PATIENCE})
    server.progress(seen, at_least=25)
    [worker] = wait_until(lambda: workers_of(server.process.pid), "a worker")
    return task["task_id"], worker


def start_writing(server: RawServer, home: Home, arguments: Message) -> tuple[str, int]:
    """The same, once some of the audio is on the disk."""
    task_id, worker = start_rendering(server, arguments)
    wait_until(home.leftovers, "audio being written")
    return task_id, worker


def kill_all(server: RawServer, *others: int) -> None:
    """At once: a server that still sees its worker die would say so, as it should."""
    os.kill(server.process.pid, signal.SIGSTOP)
    for pid in (*others, server.process.pid):
        os.kill(pid, signal.SIGKILL)
    server.wait_exit(PATIENCE)


def finish(server: RawServer, task_id: str) -> Message:
    return view(server.call("get_task", {"task_id": task_id, "wait_seconds": PATIENCE}, 2 * PATIENCE))


def check_all_finished(server: RawServer, task_ids: Sequence[str]) -> None:
    """Each has audio of its own."""
    tasks = [finish(server, task_id) for task_id in task_ids]
    assert [task["status"] for task in tasks] == ["succeeded"] * len(tasks)
    files = [task["audio"]["file"] for task in tasks]
    assert len(set(files)) == len(files)
    assert all(abs(seconds_of(Path(file)) - 6) <= 0.05 for file in files)


# --- kill -9 ----------------------------------------------------------------------------------------------------------


def test_a_killed_render_is_finished_by_the_next_start(home: Home) -> None:
    """The server killed and then its worker; nothing is waited out but the grace time."""
    asked = held_call(home.root)
    with open_server(home) as server:
        task_id, worker = start_writing(server, home, asked)
        kill_all(server, worker)
    let_go(asked)
    with open_server(home) as server:
        task = finish(server, task_id)
        assert task["status"] == "succeeded"
        assert abs(seconds_of(Path(task["audio"]["file"])) - HELD_SECONDS - HELD_ADD) <= 0.05
    assert home.leftovers() == []


def test_a_worker_cleans_up_when_its_server_is_killed(home: Home) -> None:
    with open_server(home) as server:
        _, worker = start_writing(server, home, held_call(home.root))
        kill_all(server)
        wait_until(lambda: not home.leftovers() and not runs(worker), "the worker's end")


def test_tasks_outlive_kills_at_any_moment(home: Home) -> None:
    chance = random.Random(7)
    seen: list[str] = []
    for round_ in range(3):
        with open_server(home) as server:
            for take in range(6):
                seen.append(start(server, home, take=10 * round_ + take + 1)["task_id"])
                if chance.random() < 0.15:
                    break
            else:
                end = server.start_call("get_task", {"task_id": chance.choice(seen), "wait_seconds": PATIENCE})
                server.progress(end)
            kill_all(server, *workers_of(server.process.pid))
    with open_server(home, command=later(LOST_LEASE_SECONDS)) as server:
        check_all_finished(server, seen)
        listed = view(server.call("list_tasks", {"limit": 100}))["tasks"]
        assert {task["task_id"] for task in listed} >= set(seen)


def test_a_killed_worker_is_told_and_does_not_harm_the_server(home: Home) -> None:
    with open_server(home) as server:
        task_id, worker = start_writing(server, home, held_call(home.root))
        os.kill(worker, signal.SIGKILL)
        result = server.call("get_task", {"task_id": task_id, "wait_seconds": PATIENCE})
        assert view(result)["status"] == "failed"
        assert text(result).startswith("generation_failed: ")
        check_all_finished(server, [start(server, home)["task_id"]])
    assert home.leftovers() == []


def test_a_source_that_vanishes_meanwhile_is_told(home: Home) -> None:
    arguments = held_call(home.root)
    with open_server(home) as server:
        task_id, _ = start_rendering(server, arguments)
        server.close_input()
        assert server.wait_exit(PATIENCE) == 0
    Path(arguments["source"]).unlink()
    with open_server(home) as server:
        task = finish(server, task_id)
        assert task["status"] == "failed"
        assert "held.ogg" in task["error"]["message"]
        assert task["error"]["hint"]


# --- frozen workers ---------------------------------------------------------------------------------------------------


def test_a_frozen_worker_can_be_cancelled(home: Home) -> None:
    with open_server(home) as server:
        task_id, worker = start_rendering(server, held_call(home.root))
        os.kill(worker, signal.SIGSTOP)
        with within(6, "cancelling"):
            server.call("cancel_task", {"task_id": task_id})
            assert finish(server, task_id)["status"] == "cancelled"
        wait_until(lambda: not runs(worker), "the worker's end")


def test_a_frozen_worker_does_not_hold_the_server(home: Home) -> None:
    with open_server(home) as server:
        _, worker = start_rendering(server, held_call(home.root))
        os.kill(worker, signal.SIGSTOP)
        with within(2, "leaving"):
            server.process.send_signal(signal.SIGTERM)
            assert server.wait_exit(PATIENCE) == 0
        wait_until(lambda: not runs(worker), "the worker's end")


# --- several servers --------------------------------------------------------------------------------------------------


def test_two_servers_share_a_folder(home: Home) -> None:
    with open_server(home) as one, open_server(home) as other:
        seen = [start(server, home, take=take)["task_id"] for take in range(1, 11) for server in (one, other)]
        assert len(set(seen)) == 10, "the same request, whichever server it reaches, is the same task"
        seen += [start(server, home, take=20 + n)["task_id"] for n in range(5) for server in (one,)]
        seen += [start(server, home, take=30 + n)["task_id"] for n in range(5) for server in (other,)]
        check_all_finished(one, sorted(set(seen)))
        check_all_finished(other, sorted(set(seen)))
    assert home.leftovers() == []
    assert len(list(home.music.iterdir())) == 20


def test_the_other_server_sees_and_may_cancel(home: Home) -> None:
    with open_server(home) as one, open_server(home) as other:
        task_id, _ = start_rendering(one, held_call(home.root))
        followed = other.start_call("get_task", {"task_id": task_id, "wait_seconds": PATIENCE})
        other.progress(followed, at_least=25)
        other.call("cancel_task", {"task_id": task_id})
        assert view(other.result(followed))["status"] == "cancelled"
        assert finish(one, task_id)["status"] == "cancelled"
        wait_until(lambda: not workers_of(one.process.pid), "the worker's end")
