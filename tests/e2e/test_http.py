"""Streamable HTTP: what real clients can do, who is refused, and how the server leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.types import CallToolResult

from support import journeys
from support.journeys import Ear, Journey, check_refusal, extend, travel
from support.processes import (
    ERAS,
    PATIENCE,
    Home,
    Message,
    Served,
    fermata,
    held_call,
    http_connection,
    http_server,
    let_go,
    starting_http_server,
    text,
    view,
    within,
    write_beat,
)

HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
LEAVES_WITHIN = 3.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """One server for the whole file; its callers may name files in any test's folder."""
    home = Home(tmp_path_factory.mktemp("http"))
    with http_server(home, FERMATA_INPUT_ROOTS=str(tmp_path_factory.getbasetemp())) as served:
        yield served


@pytest.fixture
def leaving(tmp_path: Path) -> Generator[Served]:
    """A server that the test ends."""
    with http_server(Home(tmp_path), FERMATA_INPUT_ROOTS=str(tmp_path)) as served:
        yield served


def post(base: str, message: Message, **headers: str) -> httpx2.Response:
    return httpx2.post(f"{base}/mcp", json=message, headers=HEADERS | headers, timeout=PATIENCE)


def initialize() -> Message:
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
    return {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}


# --- what clients can do ----------------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("journey", journeys.ALL, ids=journeys.name_of)
async def test_journey(journey: Journey, era: str, served: Served, tmp_path: Path) -> None:
    async with http_connection(served.base, era) as client:
        await travel(journey, client, tmp_path)


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:resources/subscribe")
async def test_changes_are_told_to_subscribers(served: Served, tmp_path: Path) -> None:
    ear = Ear()
    async with http_connection(served.base, "legacy", message_handler=ear) as client:
        await journeys.hears_of_changes_by_subscription(client, ear, tmp_path)


@pytest.mark.anyio
async def test_changes_are_told_to_listeners(served: Served, tmp_path: Path) -> None:
    async with http_connection(served.base, "auto") as client:
        await journeys.hears_of_changes_by_listening(client, tmp_path)


@pytest.mark.anyio
async def test_two_clients_at_once_get_their_own_answers(served: Served, tmp_path: Path) -> None:
    results: dict[str, Message] = {}

    async def one(era: str) -> None:
        folder = tmp_path / era
        async with http_connection(served.base, era) as client:
            results[era] = view(await extend(client, folder, 4))

    for era in ERAS:
        (tmp_path / era).mkdir()
    async with anyio.create_task_group() as group:
        for era in ERAS:
            group.start_soon(one, era)
    assert {result["status"] for result in results.values()} == {"succeeded"}
    assert len({result["task_id"] for result in results.values()}) == 2
    assert all(result["source"]["ref"] == str(tmp_path / era / "song.wav") for era, result in results.items())


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_leaves_mid_call_loses_nothing(era: str, served: Served, tmp_path: Path) -> None:
    asked, told = held_call(tmp_path), anyio.Event()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.set()

    async with http_connection(served.base, era) as client, anyio.create_task_group() as group:
        group.start_soon(partial(client.call_tool, "extend_track", asked, progress_callback=hear))
        await told.wait()
        group.cancel_scope.cancel()
    let_go(asked)
    async with http_connection(served.base, era) as client:
        task = view(await client.call_tool("extend_track", asked))
        assert task["status"] == "succeeded"
        listed = view(await client.call_tool("list_tasks", {"limit": 100}))["tasks"]
        assert [one["task_id"] for one in listed if one["source"] == asked["source"]] == [task["task_id"]]


# --- who is refused ---------------------------------------------------------------------------------------------------


def test_health_is_told(served: Served) -> None:
    answer = httpx2.get(f"{served.base}/healthz", timeout=PATIENCE)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


@pytest.mark.parametrize("path", ["/mcp", "/sse"])
def test_a_foreign_host_is_misdirected(path: str, served: Served) -> None:
    assert _status(served, path, host="music.example:80") == 421


@pytest.mark.parametrize("path", ["/mcp", "/sse"])
@pytest.mark.parametrize("origin", ["https://music.example", "null"])
def test_a_foreign_origin_is_forbidden(path: str, origin: str, served: Served) -> None:
    assert _status(served, path, origin=origin) == 403


def _status(served: Served, path: str, **headers: str) -> int:
    method, body = ("POST", initialize()) if path == "/mcp" else ("GET", None)
    with httpx2.stream(method, served.base + path, json=body, headers=HEADERS | headers, timeout=PATIENCE) as answer:
        return answer.status_code


def test_a_page_of_this_machine_may_call(served: Served) -> None:
    assert post(served.base, initialize(), origin="http://localhost:3000").status_code == 200


def test_a_body_over_the_limit_is_refused_and_survived(served: Served) -> None:
    with within(2, "refusing 10 MB"):
        arguments = {"source": "x" * 10_000_000}
        answer = post(served.base, _call("extend_track", arguments), **_modern("extend_track"))
    assert answer.status_code in (200, 400, 413)
    assert answer.status_code != 200 or "262144 bytes" in answer.text
    assert httpx2.get(f"{served.base}/healthz", timeout=PATIENCE).status_code == 200


def _call(tool: str, arguments: Message) -> Message:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def _modern(tool: str) -> dict[str, str]:
    return {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": tool}


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"jsonrpc": "2.0"}', b"\xff\xfe"])
def test_a_body_that_is_no_message_is_refused(body: bytes, served: Served) -> None:
    answer = httpx2.post(f"{served.base}/mcp", content=body, headers=HEADERS, timeout=PATIENCE)
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "music.example"])
def test_only_this_machine_is_listened_to(host: str, tmp_path: Path) -> None:
    done = fermata(Home(tmp_path), "serve", "--transport", "http", "--host", host, "--port", "0")
    _check_wrong_call(done, host)


def test_a_port_in_use_is_a_wrong_call(served: Served, tmp_path: Path) -> None:
    port = served.base.rpartition(":")[2]
    _check_wrong_call(fermata(Home(tmp_path), "serve", "--transport", "http", "--port", port), port)


def _check_wrong_call(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2
    assert done.stdout == ""
    assert " Next: " in done.stderr
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in words)


@pytest.mark.anyio
async def test_local_files_are_closed_unless_opened(tmp_path: Path) -> None:
    with http_server(Home(tmp_path)) as served:
        async with http_connection(served.base, "auto") as client:
            check_refusal(await extend(client, tmp_path, 4), "file_not_allowed", "FERMATA_INPUT_ROOTS")
            there = await client.call_tool("extend_track", {"source": str(tmp_path / "none.wav")})
            check_refusal(there, "file_not_allowed")


@pytest.mark.anyio
async def test_only_files_inside_the_roots_are_open(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        write_beat(folder / "song.wav")
    (inside / "link.wav").symlink_to(outside / "song.wav")
    (inside / "own.wav").symlink_to(inside / "song.wav")
    with http_server(Home(tmp_path), FERMATA_INPUT_ROOTS=str(inside)) as served:
        async with http_connection(served.base, "auto") as client:

            async def ask(source: Any) -> CallToolResult:
                return await client.call_tool("extend_track", {"source": str(source), "add_seconds": 4})

            assert view(await ask(inside / "song.wav"))["status"] == "succeeded"
            assert view(await ask(inside / "own.wav"))["status"] == "succeeded"
            for source in (
                outside / "song.wav",
                inside / "link.wav",
                inside / ".." / "outside" / "song.wav",
                (outside / "song.wav").as_uri(),
                "/etc/passwd",
                outside / "none.wav",
            ):
                refused = await ask(source)
                check_refusal(refused, "file_not_allowed")
                assert str(outside / "song.wav") not in text(refused)


# --- how it leaves ----------------------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("number", "era"), [(signal.SIGTERM, "legacy"), (signal.SIGTERM, "auto"), (signal.SIGINT, "auto")]
)
async def test_a_waiting_call_is_answered_before_it_leaves(
    number: signal.Signals, era: str, leaving: Served, tmp_path: Path
) -> None:
    async with http_connection(leaving.base, era) as client:
        result = await journeys.call_until_stopped(client, held_call(tmp_path), leaving, number)
        assert view(result)["status"] in ("queued", "running")
        assert "get_task" in view(result)["next"]


def test_a_waiting_call_gets_a_whole_answer(leaving: Served, tmp_path: Path) -> None:
    """On the wire: status 200, and a result where an interrupted stream would show none."""
    call = _call("extend_track", held_call(tmp_path))
    call["params"]["_meta"]["progressToken"] = "now"
    headers = HEADERS | _modern("extend_track")
    with httpx2.stream("POST", f"{leaving.base}/mcp", json=call, headers=headers, timeout=PATIENCE) as answer:
        leaving.process.send_signal(signal.SIGTERM)
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
    assert answer.status_code == 200
    assert json.loads(lines[-1])["result"]["structuredContent"]["status"] in ("queued", "running")
    assert leaving.process.wait(timeout=PATIENCE) == 0


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/sse", "/mcp"])
async def test_an_open_stream_does_not_keep_it_alive(path: str, leaving: Served) -> None:
    async with httpx2.AsyncClient(timeout=PATIENCE) as client:
        headers = {"accept": "text/event-stream"}
        if path == "/mcp":
            opened = await client.post(f"{leaving.base}/mcp", json=initialize(), headers=HEADERS)
            headers["mcp-session-id"] = opened.headers["mcp-session-id"]
        async with client.stream("GET", leaving.base + path, headers=headers) as stream:
            assert stream.status_code == 200
            with within(LEAVES_WITHIN, "leaving"):
                assert await anyio.to_thread.run_sync(leaving.signal_and_wait, signal.SIGTERM, PATIENCE) == 0


@pytest.mark.anyio
async def test_a_listening_client_does_not_keep_it_alive(leaving: Served) -> None:
    async with (
        http_connection(leaving.base, "auto") as client,
        client.listen(resource_subscriptions=[journeys.HISTORY]),
    ):
        with within(LEAVES_WITHIN, "leaving"):
            assert await anyio.to_thread.run_sync(leaving.signal_and_wait, signal.SIGTERM, PATIENCE) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_leaves_at_once(number: signal.Signals, leaving: Served) -> None:
    with within(2, "leaving"):
        assert leaving.signal_and_wait(number, PATIENCE) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_changes_nothing(number: signal.Signals, leaving: Served) -> None:
    leaving.process.send_signal(number)
    time.sleep(0.05)  # while the last answers are given
    assert leaving.signal_and_wait(number, PATIENCE) == 0


def test_it_can_be_ended_as_soon_as_it_says_where_it_is(tmp_path: Path) -> None:
    with starting_http_server(Home(tmp_path)) as served:
        assert served.signal_and_wait(signal.SIGTERM, PATIENCE) == 0
