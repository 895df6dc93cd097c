"""Sessions over http: which one makes room for another, and ids that are asked with once at a time."""

from __future__ import annotations

import anyio
import pytest
from mcp.types import JSONRPCRequest

from fermata_mcp.transports import sessions as room
from fermata_mcp.transports.refusals import Refused
from fermata_mcp.transports.sessions import Ids, Open, Sessions

PING = JSONRPCRequest(jsonrpc="2.0", id=7, method="ping")


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> Sessions:
    monkeypatch.setattr(room, "MAX_SESSIONS", 3)
    sessions = Sessions()
    for name in "abc":
        sessions.use(name)
    return sessions


def test_the_one_that_was_unused_longest_makes_room(three: Sessions) -> None:
    three.use("a")
    assert three.spare() == "b"
    three.forget("b")
    assert three.spare() is None


def test_one_that_is_in_use_makes_no_room(three: Sessions) -> None:
    with Open(three, "a"), Open(three, "nobody"), Open(three, None):
        assert three.spare() == "b"
    assert three.spare() == "b", "it was used just now"
    three.use("b")
    three.use("c")
    assert three.spare() == "a"


@pytest.mark.anyio
async def test_an_id_is_asked_with_once_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "ID_SECONDS", 0.01)
    ids = Ids()
    async with ids.use("a", PING), ids.use("b", PING), ids.use(None, PING), ids.use("a", None):
        with pytest.raises(Refused):
            async with ids.use("a", PING):
                pass
    async with ids.use("a", PING):
        pass


@pytest.mark.anyio
async def test_an_id_whose_answer_is_just_on_the_wire_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "ID_SECONDS", 600)
    ids, waits, had = Ids(), anyio.Event(), anyio.Event()

    async def again() -> None:
        waits.set()
        async with ids.use("a", PING):
            had.set()

    async with anyio.create_task_group() as group:
        async with ids.use("a", PING):
            group.start_soon(again)
            await waits.wait()
            assert not had.is_set()
        await had.wait()
