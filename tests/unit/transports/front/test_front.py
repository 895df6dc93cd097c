"""The front of a real server process: a client never notices where the front ends and the server begins."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fermata_mcp.transports.front import front
from support.processes import PATIENCE, SERVER, Home, fermata, needs_proc, raw_server, wait_until

CLIENT = {"name": "raw", "version": "1"}
OPENING: list[dict[str, Any]] = [
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": CLIENT},
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
]
CALL: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 3,
    "method": "tools/call",
    "params": {"name": "list_tasks", "arguments": {}},
}
FRONT = """
import sys
from fermata_mcp.cli import main
from fermata_mcp.transports.front.front import answer_first
handed = answer_first(lambda: None)
loaded = {name.partition(".")[0] for name in sys.modules}
print(handed is not None and len(handed.heard), sorted(loaded & HEAVY), handed.read(), file=sys.stderr)
"""
HEAVY = {"mcp", "mcp_types", "pydantic", "pydantic_core", "anyio", "asyncio", "argparse", "rich", "apsw", "httpx2"}


def lines(*messages: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def said(home: Home, given: bytes, **settings: str) -> tuple[int, list[dict[str, Any]], str]:
    done = subprocess.run(
        SERVER, input=given, env=home.environment(**settings), capture_output=True, timeout=PATIENCE, check=False
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def test_the_tools_are_listed_before_anything_is_loaded(tmp_path: Path) -> None:
    script = FRONT.replace("HEAVY", repr(HEAVY))
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=lines(*OPENING, CALL),
        env=Home(tmp_path).environment(),
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [1, 2]
    assert done.stderr.decode().split(maxsplit=2)[:2] == ["3", "[]"]
    assert CALL["method"] in done.stderr.decode()


@pytest.mark.parametrize("at_once", [True, False])
def test_what_follows_is_answered_by_a_server_that_knows_the_client(at_once: bool, tmp_path: Path) -> None:
    """In one piece, or with every line cut in two; every request has one answer, and the order is kept."""
    with raw_server(Home(tmp_path)) as server:
        assert server.process.stdin
        for line in [lines(*OPENING, CALL)] if at_once else [lines(one) for one in (*OPENING, CALL)]:
            for piece in (line[:20], line[20:]):
                server.process.stdin.write(piece)
                server.process.stdin.flush()
        assert "result" in server.answer(3)
        server.send_bytes(lines({**CALL, "id": 4}).strip())
        server.answer(4)
        assert [json.loads(line)["id"] for line in server.lines] == [1, 2, 3, 4]


@needs_proc
def test_after_a_while_the_server_is_there_unasked(tmp_path: Path) -> None:
    """Then what the front would have answered is answered by the server, and so is what it would not."""
    with raw_server(Home(tmp_path)) as server:
        server.open()
        wait_until(lambda: "pydantic" in Path(f"/proc/{server.process.pid}/maps").read_text(), "what is loaded behind")
        assert len(server.ask("tools/list")["result"]["tools"]) == 8
        assert not server.call("list_tasks").is_error
        assert [json.loads(line)["id"] for line in server.lines] == [1, 2, 3]


@pytest.mark.parametrize("rest", [b"", b"words"])
def test_an_end_is_an_end(rest: bytes, tmp_path: Path) -> None:
    """A line that the end of input cuts short is answered as always."""
    code, answers, errors = said(Home(tmp_path), lines(*OPENING[:2]) + rest)
    assert (code, errors) == (0, "")
    assert len(answers) == (2 if rest else 1)


def test_a_line_without_end_is_left_to_the_server(tmp_path: Path) -> None:
    long = {"jsonrpc": "2.0", "id": "long", "method": "ping", "params": {"x": "y" * 2 * front.LONGEST_LINE_BYTES}}
    with raw_server(Home(tmp_path)) as server:
        server.send_bytes(lines(*OPENING, long).strip())
        assert server.wait_for(lambda message: message.get("id") == "long", "an answer")["result"] == {}


@pytest.mark.parametrize(
    "wrong", [{"FERMATA_LOG_LEVEL": "loud"}, {"FERMATA_STORE_URL": "x://y"}, {"KIE_BASE_URL": "nonsense"}]
)
def test_wrong_settings_are_told_before_anything_is_answered(wrong: dict[str, str], tmp_path: Path) -> None:
    code, answers, errors = said(Home(tmp_path), lines(*OPENING), **wrong)
    assert (code, answers) == (2, [])
    assert next(iter(wrong)) in errors


def test_unknown_settings_are_told(tmp_path: Path) -> None:
    _, answers, errors = said(Home(tmp_path), lines(*OPENING), FERMATA_LOGLEVEL="info")
    assert answers
    assert "did you mean FERMATA_LOG_LEVEL?" in errors


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("asked", [1, 2, 3])
def test_a_signal_ends_it_in_order(number: int, asked: int, tmp_path: Path) -> None:
    """Before the tools are listed, after that, and when the server has taken over."""
    with raw_server(Home(tmp_path)) as server:
        server.send_bytes(lines(*[*OPENING, CALL][: asked + 1]).strip())
        server.answer(asked)
        server.process.send_signal(number)
        assert server.wait_exit(PATIENCE) == 0


def test_other_ways_of_starting_are_as_ever(tmp_path: Path) -> None:
    assert fermata(Home(tmp_path), "serve", "--transport", "nothing").returncode == 2
    assert fermata(Home(tmp_path), "--version").stdout.startswith("fermata-mcp ")
