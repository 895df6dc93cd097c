"""Two servers and a worker on one store: any of them answers any request, and the worker renders."""

from __future__ import annotations

import signal
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.context import ClientRequestContext
from mcp.types import METHOD_NOT_FOUND, ElicitRequestParams, ElicitResult

from support.journeys import HISTORY
from support.processes import ERAS, PATIENCE, Home, Message, held_call, let_go, text, view, wait_until, write_beat
from support.replicas import Replica, balanced, servers, worker

pytestmark = pytest.mark.anyio
HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
EVERYTHING: Message = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "raw", "version": "1"},
}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Generator[list[str]]:
    """Two servers that render nothing, and one worker."""
    home = Home(tmp_path_factory.mktemp("replicas"))
    folders = str(tmp_path_factory.getbasetemp())
    settings: dict[str, str] = {
        "FERMATA_RENDERS_AT_ONCE": "0",
        "FERMATA_CONFIRM_ABOVE_CREDITS": "1",
        "SUNOAPI_API_KEY": "k",
    }
    with (
        servers(home, 2, FERMATA_INPUT_ROOTS=folders, **settings) as found,
        worker(Replica(home.root, 9), "--renders", "1"),
    ):
        yield found


@pytest.mark.parametrize("era", ERAS)
async def test_a_worker_renders_what_any_server_is_asked_for(bases: list[str], tmp_path: Path, era: str) -> None:
    source = write_beat(tmp_path / "song.wav")
    async with balanced(bases, era) as client:
        done = await client.call_tool("extend_track", {"source": str(source), "add_seconds": 4})
        assert view(done)["status"] == "succeeded", text(done)
        for _ in range(2):
            found = await client.call_tool("get_task", {"task_id": view(done)["task_id"]})
            assert view(found)["audio"]["file"] == view(done)["audio"]["file"]
            listed = await client.read_resource(f"{HISTORY}/{view(done)['task_id']}")
            assert view(done)["task_id"] in str(listed)


async def test_what_is_asked_goes_on_at_the_other_server(bases: list[str]) -> None:
    """The question comes from one, the answer goes to the other; saying no ends it there."""
    asked = list[str]()

    async def says_no(_: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="decline")

    async with balanced(bases, "auto", elicitation_callback=says_no) as client:
        call = {"source": "clip:abc", "provider": "sunoapi"}
        for _ in range(2):
            refused = await client.call_tool("extend_track", call)
            assert "did not agree" in text(refused), text(refused)
    assert len(asked) == 2


async def test_without_a_session_nobody_can_be_asked_and_is_told_what_to_pass(bases: list[str]) -> None:
    async with balanced(bases, "legacy") as client:
        refused = await client.call_tool("extend_track", {"source": "clip:abc", "provider": "sunoapi"})
    assert refused.is_error
    assert "max_credits" in text(refused)


def post(base: str, method: str, params: Message | None = None) -> Any:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    return httpx2.post(f"{base}/mcp", json=message, headers=HEADERS, timeout=PATIENCE)


def test_no_session_is_begun_and_what_needs_one_is_not_offered(bases: list[str]) -> None:
    answer = post(bases[0], "initialize", EVERYTHING)
    assert answer.status_code == 200
    assert "mcp-session-id" not in answer.headers
    assert '"subscribe":true' not in answer.text.replace(" ", "")
    refused = post(bases[1], "resources/subscribe", {"uri": HISTORY})
    assert str(METHOD_NOT_FOUND) in refused.text
    assert "get_task" in refused.text
    assert httpx2.get(f"{bases[0]}/mcp", headers=HEADERS).status_code == 405


def test_a_worker_that_is_told_to_leave_hands_over(tmp_path: Path) -> None:
    home = Home(tmp_path)
    settings = {"FERMATA_RENDERS_AT_ONCE": "0", "FERMATA_INPUT_ROOTS": str(tmp_path), "FERMATA_WAIT_SECONDS": "0"}
    with servers(home, 1, **settings) as (base,):
        asked: Message = {"name": "extend_track", "arguments": held_call(tmp_path)}
        with worker(Replica(tmp_path, 7)) as first:
            task_id = post(base, "tools/call", asked).text.partition("tsk_")[2][:32]
            running = partial(_is, base, f"tsk_{task_id}", "running")
            wait_until(running, "a render that is held up")
            first.send_signal(signal.SIGTERM)
            assert first.wait(timeout=PATIENCE) == 0
        assert _line(Replica(tmp_path, 7)).endswith("renders at once\n")
        let_go(asked["arguments"])
        with worker(Replica(tmp_path, 8)):
            wait_until(partial(_is, base, f"tsk_{task_id}", "succeeded"), "the render by another worker")


def _line(home: Replica) -> str:
    return home.log.read_text()


def _is(base: str, task_id: str, status: str) -> bool:
    answer = post(base, "tools/call", {"name": "get_task", "arguments": {"task_id": task_id}})
    return f'"status":"{status}"' in answer.text.replace(" ", "")
