"""The SDK's client and a server process of its own, and bare JSON lines, over standard input and output."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from mcp.client import Client

from support import journeys
from support.journeys import Ear, Journey, travel
from support.processes import ERAS, Home, held_call, open_server, raw_server, stdio_connection, view, within

DISCOVER = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=ERAS)
async def client(
    anyio_backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Client]:
    """One connection for all journeys of an era."""
    async with stdio_connection(Home(tmp_path_factory.mktemp("stdio")), request.param, seconds=300) as client:
        yield client


@pytest.mark.anyio
@pytest.mark.parametrize("journey", journeys.ALL, ids=journeys.name_of)
async def test_journey(journey: Journey, client: Client, tmp_path: Path) -> None:
    await travel(journey, client, tmp_path)


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:resources/subscribe")
async def test_changes_are_told_to_subscribers(tmp_path: Path) -> None:
    ear = Ear()
    async with stdio_connection(Home(tmp_path), "legacy", message_handler=ear) as client:
        await journeys.hears_of_changes_by_subscription(client, ear, tmp_path)


@pytest.mark.anyio
async def test_changes_are_told_to_listeners(tmp_path: Path) -> None:
    async with stdio_connection(Home(tmp_path), "auto") as client:
        await journeys.hears_of_changes_by_listening(client, tmp_path)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_stdout_carries_nothing_but_messages(unbuffered: str, tmp_path: Path) -> None:
    with open_server(Home(tmp_path), PYTHONUNBUFFERED=unbuffered) as server:
        server.progress(server.start_call("extend_track", held_call(tmp_path)), at_least=25)
        [task] = view(server.call("list_tasks"))["tasks"]
        assert task["status"] == "running"
        server.check_stdout()


def test_a_client_may_probe_first_and_then_shake_hands(tmp_path: Path) -> None:
    with raw_server(Home(tmp_path)) as server:
        assert "result" in server.ask("server/discover", DISCOVER)
        server.open()
        assert len(server.ask("tools/list")["result"]["tools"]) == 8
        assert not server.call("list_tasks").is_error


def test_lines_that_are_no_messages_are_survived(tmp_path: Path) -> None:
    lines = [b"", b"words", b"{", b"[1, 2", b"\xff\xfe", b'{"jsonrpc": "2.0"}', b"[]", b"null", b'"text"', b"1" * 999]
    with open_server(Home(tmp_path)) as server:
        for line in lines:
            server.send_bytes(line)
        assert not server.call("list_tasks").is_error


def test_unknown_methods_and_tools_are_refused(tmp_path: Path) -> None:
    with open_server(Home(tmp_path)) as server:
        assert server.ask("no/such/method")["error"]["code"] == -32601
        answer = server.ask("tools/call", {"name": "no_such_tool", "arguments": {}})
        assert "error" in answer or answer["result"]["isError"]
        assert not server.call("list_tasks").is_error


def test_a_ping_during_a_render_is_answered_at_once(tmp_path: Path) -> None:
    with open_server(Home(tmp_path)) as server:
        call = server.start_call("extend_track", held_call(tmp_path))
        server.progress(call, at_least=25)
        with within(1, "a ping"):
            assert server.ask("ping")["result"] == {}
        with within(1, "a question about all tasks"):
            assert len(view(server.call("list_tasks"))["tasks"]) == 1
        assert not any(b'"id": %d' % call in line for line in server.lines)
