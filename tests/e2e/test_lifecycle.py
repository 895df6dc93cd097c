"""A stdio server comes and goes as hosts do: promptly, cleanly, and without losing work."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from mcp.types import CallToolResult

from support.processes import (
    ERAS,
    HELD_ADD,
    HELD_SECONDS,
    PATIENCE,
    SERVER,
    Home,
    RawServer,
    held_call,
    let_go,
    needs_proc,
    open_server,
    raw_server,
    runs,
    seconds_of,
    stdio_connection,
    view,
    wait_until,
    within,
    workers_of,
    write_beat,
)

LEAVES_WITHIN = 2.0
# Starts the server on pipes that others hold, says so, and waits to be killed.
PARENT = """
import subprocess, sys, time
subprocess.Popen(sys.argv[3:], stdin=int(sys.argv[1]), stdout=int(sys.argv[2]))
time.sleep(60)
"""
Leave = Callable[[RawServer], None]


def end_of_input(server: RawServer) -> None:
    server.close_input()


def sigterm(server: RawServer) -> None:
    server.process.send_signal(signal.SIGTERM)


def sigint(server: RawServer) -> None:
    server.process.send_signal(signal.SIGINT)


WAYS = pytest.mark.parametrize("leave", [end_of_input, sigterm, sigint])
SIGNALS = pytest.mark.parametrize("leave", [sigterm, sigint])


def leaves(server: RawServer, leave: Leave) -> None:
    """Code 0, in time."""
    with within(LEAVES_WITHIN, "leaving"):
        leave(server)
        assert server.wait_exit(PATIENCE) == 0


# --- leaving ----------------------------------------------------------------------------------------------------------


@WAYS
def test_it_leaves_when_idle(leave: Leave, tmp_path: Path) -> None:
    with open_server(Home(tmp_path)) as server:
        leaves(server, leave)


def test_it_leaves_before_it_was_spoken_to(tmp_path: Path) -> None:
    with raw_server(Home(tmp_path)) as server:
        server.close_input()
        assert server.wait_exit(PATIENCE) == 0


@needs_proc
@WAYS
def test_it_leaves_mid_call_and_takes_its_worker_along(leave: Leave, tmp_path: Path) -> None:
    home = Home(tmp_path)
    with open_server(home) as server:
        call = server.start_call("extend_track", held_call(tmp_path))
        server.progress(call, at_least=25)
        workers = workers_of(server.process.pid)
        assert workers
        leaves(server, leave)
    wait_until(lambda: not any(map(runs, workers)), "the end of the worker")
    assert home.leftovers() == []


@SIGNALS
def test_a_signal_answers_the_waiting_call_first(leave: Leave, tmp_path: Path) -> None:
    with open_server(Home(tmp_path)) as server:
        call = server.start_call("extend_track", held_call(tmp_path))
        server.progress(call)
        leave(server)
        result = server.result(call)
        assert not result.is_error
        assert view(result)["status"] in ("queued", "running")
        assert view(result)["task_id"] in view(result)["next"]
        assert server.wait_exit(PATIENCE) == 0


@SIGNALS
def test_a_second_signal_changes_nothing(leave: Leave, tmp_path: Path) -> None:
    """A host signals the process and then its group; a person presses Ctrl-C again."""
    with open_server(Home(tmp_path)) as server:
        call = server.start_call("extend_track", held_call(tmp_path))
        server.progress(call)
        leave(server)
        time.sleep(0.05)  # while the last answers are given
        leaves(server, leave)
        assert view(server.result(call))["status"] in ("queued", "running")


def test_it_leaves_although_nobody_reads_its_answers(tmp_path: Path) -> None:
    with Home(tmp_path).log.open("wb") as log:
        process = subprocess.Popen(
            SERVER, env=Home(tmp_path).environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        )
    with process:
        try:
            assert process.stdin
            process.stdin.write(_opening() + b'{"jsonrpc": "2.0", "id": 2, "method": "tools/list"}\n' * 50)
            process.stdin.flush()
            assert process.stdout
            assert process.stdout.readline()
            with within(LEAVES_WITHIN, "leaving"):
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def _opening() -> bytes:
    params = '{"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}'
    return (
        f'{{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {params}}}\n'
        '{"jsonrpc": "2.0", "method": "notifications/initialized"}\n'
    ).encode()


def test_it_leaves_when_its_parent_dies(tmp_path: Path) -> None:
    """The pipes stay open in this process, so there is no end of input to tell it."""
    server_in, to_server = os.pipe()
    from_server, server_out = os.pipe()
    try:
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(server_in), str(server_out), *SERVER],
            env=Home(tmp_path).environment(),
            pass_fds=(server_in, server_out),
        )
        with parent:
            os.close(server_out)
            os.write(to_server, _opening())
            assert _read(from_server, PATIENCE)
            parent.kill()
            with within(3, "noticing that the parent has died"):
                while _read(from_server, PATIENCE):
                    pass
    finally:
        for pipe in (server_in, to_server, from_server):
            os.close(pipe)


def _read(pipe: int, seconds: float) -> bytes:
    """What comes next; empty when nobody can write any more."""
    ready, _, _ = select.select([pipe], [], [], seconds)
    assert ready, f"silence for {seconds} s"
    return os.read(pipe, 1 << 16)


# --- work outlives whoever asked for it -------------------------------------------------------------------------------


@pytest.mark.parametrize("leave", [end_of_input, sigterm])
def test_what_was_going_on_is_finished_by_the_next_start(leave: Leave, tmp_path: Path) -> None:
    home, asked = Home(tmp_path), held_call(tmp_path)
    with open_server(home) as server:
        server.progress(server.start_call("extend_track", asked), at_least=25)
        leaves(server, leave)
    let_go(asked)
    with open_server(home) as server:
        [listed] = view(server.call("list_tasks"))["tasks"]
        task = view(server.call("get_task", {"task_id": listed["task_id"], "wait_seconds": PATIENCE}))
        assert task["status"] == "succeeded"
        assert abs(seconds_of(Path(task["audio"]["file"])) - HELD_SECONDS - HELD_ADD) <= 0.05
    assert home.leftovers() == []


def test_leaving_at_the_first_moment_does_not_delay_a_task(tmp_path: Path) -> None:
    """Whatever had not been begun, or can be repeated, is free for the next start at once."""
    home = Home(tmp_path)
    arguments = {"source": str(write_beat(tmp_path / "song.wav")), "add_seconds": 3}
    with open_server(home) as server:
        calls = [server.start_call("extend_track", arguments | {"take": take}) for take in range(1, 9)]
        server.progress(calls[5])
        leaves(server, end_of_input)
    with open_server(home) as server:
        for listed in view(server.call("list_tasks"))["tasks"]:
            task = view(server.call("get_task", {"task_id": listed["task_id"], "wait_seconds": PATIENCE}))
            assert task["status"] == "succeeded", f"{task['status']}: {task['progress']['message']}"


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_call_that_is_given_up_leaves_its_task_alone(era: str, tmp_path: Path) -> None:
    home, asked = Home(tmp_path), held_call(tmp_path)
    async with stdio_connection(home, era) as client:
        told = anyio.Event()

        async def hear(progress: float, total: float | None, message: str | None) -> None:
            if progress >= 5:  # the worker is at it
                told.set()

        async def ask() -> CallToolResult:
            return await client.call_tool("extend_track", asked, progress_callback=hear)

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await told.wait()
            group.cancel_scope.cancel()
        [listed] = view(await client.call_tool("list_tasks", {}))["tasks"]
        assert listed["status"] in ("queued", "running")
    let_go(asked)
    async with stdio_connection(home, era) as client:
        task = view(await client.call_tool("get_task", {"task_id": listed["task_id"], "wait_seconds": PATIENCE}))
        assert task["status"] == "succeeded"


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_the_same_call_after_a_timeout_joins_the_same_task(era: str, tmp_path: Path) -> None:
    asked = held_call(tmp_path)
    async with stdio_connection(Home(tmp_path), era) as client:
        with pytest.raises(Exception, match=r"(?i)timed out"):
            await client.call_tool("extend_track", asked, read_timeout_seconds=0.4)
        let_go(asked)
        task = view(await client.call_tool("extend_track", asked))
        assert task["status"] == "succeeded"
        assert len(view(await client.call_tool("list_tasks", {}))["tasks"]) == 1


def test_starting_needs_no_folder_yet(tmp_path: Path) -> None:
    """A new user's first start: nothing exists, nothing is made before it is needed, everything can be listed."""
    home = Home(tmp_path / "new" / "person")
    home.root.mkdir(parents=True)
    with open_server(home) as server:
        assert len(server.ask("tools/list")["result"]["tools"]) == 8
        assert not home.music.exists()
        assert view(server.call("list_tasks"))["tasks"] == []
