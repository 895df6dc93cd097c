"""A host that sends rubbish, never reads, or reads nothing that is said on standard error."""

from __future__ import annotations

import fcntl
import json
import os
import select
import subprocess
import termios
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from support.processes import (
    PATIENCE,
    SERVER,
    Home,
    needs_proc,
    open_server,
    peak_memory,
    raw_server,
    view,
    wait_until,
    write_beat,
)
from unit.transports.test_messages import ASKING, NAMELESS

OPENING: list[dict[str, Any]] = [
    {
        "jsonrpc": "2.0",
        "id": "open",
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}},
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
]
MISTAKES: list[tuple[str, dict[str, Any]]] = [
    ("prompts/get", {"name": "make_longer"}),
    ("prompts/get", {"name": "make_longer", "arguments": {"source": "a", "colour": "red"}}),
    ("tools/call", {"name": "no_such_tool", "arguments": {}}),
    ("resources/read", {"uri": "fermata://tasks/tsk_" + "0" * 32}),
    ("resources/read", {"uri": "fermata://nothing"}),
    ("resources/read", {"uri": "fermata://tasks/tsk_nothing/audio/0"}),
    ("resources/read", {"uri": f"fermata://tasks/tsk_{0:032X}/audio/none"}),
    ("resources/subscribe", {"uri": "fermata://nothing"}),
    ("completion/complete", {"ref": {"type": "ref/prompt", "name": "no"}, "argument": {}}),
    ("no/such/method", {}),
]
MEGABYTE = 1 << 20
SET_PIPE_SIZE, GET_PIPE_SIZE = 1031, 1032


def line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def ask(request: int | str, method: str, **params: Any) -> bytes:
    return line({"jsonrpc": "2.0", "id": request, "method": method, "params": params})


@contextmanager
def unread_server(home: Home, *, stderr: int | None = None) -> Generator[subprocess.Popen[bytes]]:
    """A server whose answers nobody reads until the test does."""
    with home.log.open("wb") as log:
        process = subprocess.Popen(
            SERVER,
            env=home.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log if stderr is None else stderr,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)
        for pipe in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):
                assert pipe
                pipe.close()


def send(process: subprocess.Popen[bytes], *messages: bytes) -> None:
    assert process.stdin
    process.stdin.write(b"".join(messages))
    process.stdin.flush()


def waits_in(process: subprocess.Popen[bytes]) -> float:
    """How much of the pipe is full of what the server has said and nobody has read."""
    assert process.stdout
    answer = bytearray(4)
    fcntl.ioctl(process.stdout, termios.FIONREAD, answer)
    return int.from_bytes(answer, "little") / fcntl.fcntl(process.stdout, GET_PIPE_SIZE)


# --- everything is answered -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "code"), ASKING.values(), ids=ASKING)
def test_what_cannot_be_served_is_answered_under_its_id(data: bytes, code: int, tmp_path: Path) -> None:
    with open_server(Home(tmp_path)) as server:
        server.send_bytes(data)
        assert server.answer(7)["error"]["code"] == code
        assert server.ask("ping")["result"] == {}


def test_what_has_no_id_is_answered_with_null(tmp_path: Path) -> None:
    with open_server(Home(tmp_path)) as server:
        for data, _ in NAMELESS.values():
            server.send_bytes(data)
        server.ask("ping")
        nameless = [json.loads(said) for said in server.lines if json.loads(said).get("id", 0) is None]
        assert [one["error"]["code"] for one in nameless] == [code for _, code in NAMELESS.values()]


def test_each_of_a_batch_is_answered_before_any_handshake_too(tmp_path: Path) -> None:
    with raw_server(Home(tmp_path)) as server:
        server.send_bytes(json.dumps([{"jsonrpc": "2.0", "id": n, "method": "ping"} for n in (501, 502)]).encode())
        assert {server.answer(n)["error"]["code"] for n in (501, 502)} == {-32600}
        server.open()


def test_one_id_asked_twice_is_answered_twice(tmp_path: Path) -> None:
    with open_server(Home(tmp_path)) as server:
        for _ in range(2):
            server.send_bytes(ask(900, "tools/list").rstrip())
        wait_until(lambda: sum(json.loads(said).get("id") == 900 for said in server.lines) == 2, "both answers")


# --- a client that does not read --------------------------------------------------------------------------------------


def test_a_subscriber_who_does_not_read_holds_up_no_task(tmp_path: Path) -> None:
    home = Home(tmp_path)
    source = str(write_beat(tmp_path / "song.wav"))
    asked = {"name": "extend_track", "arguments": {"source": source, "add_seconds": 4}}
    with unread_server(home) as process:
        send(process, *map(line, OPENING), ask(0, "resources/subscribe", uri="fermata://tasks"))
        send(process, *(ask(number, "tools/list") for number in range(1, 100)))
        wait_until(lambda: waits_in(process) > 0.7, "answers that fill the pipe")
        send(process, ask(1000, "tools/call", **asked))
        wait_until(lambda: list(home.music.glob("song*.wav")), "the finished file")


@needs_proc
def test_a_client_that_sends_and_never_reads_is_held_back_and_loses_nothing(tmp_path: Path) -> None:
    """The pipes fill, our memory does not, and all is answered when it reads at last."""
    with unread_server(Home(tmp_path)) as process:
        # The first list lies prepared; the second is answered by what has been loaded by then.
        send(process, *map(line, OPENING), ask(0, "tools/list"), ask(100_000, "tools/list"))
        wait_until(lambda: waits_in(process) > 0.3, "the first answers")
        before = peak_memory(process.pid)
        sent = _until_it_is_held_back(process)
        assert peak_memory(process.pid) - before < 40 * MEGABYTE
        answered = _answers(process, sent + 2)
        assert {one["id"] for one in answered} >= {"open", *range(sent)}


def _until_it_is_held_back(process: subprocess.Popen[bytes], most: int = 100_000) -> int:
    """Send until nothing is taken for a second; the number of requests that were sent whole."""
    assert process.stdin
    pipe = process.stdin.fileno()
    os.set_blocking(pipe, False)
    for number in range(1, most):
        rest = ask(number, "tools/list")
        while rest:
            if not select.select([], [pipe], [], 1.0)[1]:
                os.set_blocking(pipe, True)
                _finish_later(pipe, rest)
                return number + 1
            rest = rest[os.write(pipe, rest) :]
    raise AssertionError(f"{most} requests were taken, and no answer was read")


def _finish_later(pipe: int, rest: bytes) -> None:
    threading.Thread(target=os.write, args=(pipe, rest), daemon=True).start()


def _answers(process: subprocess.Popen[bytes], at_least: int) -> list[dict[str, Any]]:
    assert process.stdout
    deadline = time.monotonic() + 2 * PATIENCE
    found: list[dict[str, Any]] = []
    while len(found) < at_least and time.monotonic() < deadline:
        found.append(json.loads(process.stdout.readline()))
    return found


def test_standard_error_that_nobody_reads_holds_up_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, SET_PIPE_SIZE, 4096)
    try:
        with unread_server(Home(tmp_path), stderr=writing) as process:
            send(process, *map(line, OPENING))
            for number in range(300):
                bad = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": "x" * 300}}
                send(process, line(bad), ask(number, "ping"))
            assert {one["id"] for one in _answers(process, 301)} == {"open", *range(300)}
            assert process.stdin
            process.stdin.close()
            assert process.wait(PATIENCE) == 0
    finally:
        os.close(reading)
        os.close(writing)


# --- what is said about it --------------------------------------------------------------------------------------------


def test_mistakes_of_a_client_are_no_errors_of_ours(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with open_server(home) as server:
        for number in range(20):
            wrong = server.ask("prompts/get", {"name": f"no_such_{number}"})["error"]
            assert (wrong["code"], "make_longer" in wrong["message"]) == (-32602, True)
            for method, params in MISTAKES:
                answer = server.ask(method, params)
                assert "error" in answer or answer["result"]["isError"], (method, answer)
    said = home.log.read_text()
    assert " ERROR " not in said
    assert "Traceback" not in said
    assert "File " not in said
    assert "\u2502" not in said


def test_a_client_may_follow_so_many_resources_and_hears_why_no_more(tmp_path: Path) -> None:
    with open_server(Home(tmp_path)) as server:
        answers = [
            server.ask("resources/subscribe", {"uri": f"fermata://tasks/tsk_{number:032x}"}) for number in range(201)
        ]
        assert all("result" in answer for answer in answers[:-1])
        assert "200 resources" in answers[-1]["error"]["message"]
        server.ask("resources/unsubscribe", {"uri": f"fermata://tasks/tsk_{0:032x}"})
        assert "result" in server.ask("resources/subscribe", {"uri": "fermata://tasks"})


def test_a_device_that_is_full_is_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            SERVER,
            env=Home(tmp_path).environment(),
            input=b"".join(map(line, OPENING)),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert b"standard output" in done.stderr


def test_closed_standard_streams_are_told(tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{' '.join(SERVER)} <&- 2>&1"],
        env=Home(tmp_path).environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode in (0, 2)
    assert "Traceback" not in done.stdout


# --- nothing that is set is ignored -----------------------------------------------------------------------------------


def test_a_setting_that_is_none_is_named_at_start(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with open_server(home, FERMATA_DATADIR="/nowhere", FERMATA_LOG_FORMAT="json") as server:
        assert view(server.call("list_tasks"))["tasks"] == []
        told = wait_until(lambda: home.log.read_text().splitlines(), "a line")
    assert len(told) == 1
    assert "FERMATA_DATADIR (did you mean FERMATA_DATA_DIR?)" in json.loads(told[0])["message"]
    assert "/nowhere" not in told[0]
