"""Http clients that do not read, do not finish, open too much, or send rubbish: nobody else notices."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import resource
import signal
import socket
import subprocess
import warnings
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from starlette.datastructures import Headers

from fermata_mcp.app import running_app
from fermata_mcp.transports import connection, guard, sockets
from fermata_mcp.transports.connection import Connection, NotReading
from fermata_mcp.transports.messages import MAX_MESSAGE_BYTES, read_message
from fermata_mcp.transports.refusals import Refused
from fermata_mcp.transports.serving import Serving
from support.engines import settings_in
from support.journeys import extend
from support.processes import (
    PATIENCE,
    SERVER,
    Home,
    Served,
    http_connection,
    http_server,
    view,
    wait_until,
    within,
)
from support.serving import served_here
from unit.transports.test_messages import ASKING, NAMELESS

HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
INITIALIZE: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    home = Home(tmp_path_factory.mktemp("hostile"))
    with http_server(home, FERMATA_INPUT_ROOTS=str(tmp_path_factory.getbasetemp())) as served:
        yield served


@pytest.fixture(autouse=True)
def left_without_unwinding() -> Generator[None]:
    """A server that leaves does not take its sessions apart; in a process that goes on, they are found as garbage."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def post(base: str, content: bytes, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.post(f"{base}/mcp", content=content, headers=HEADERS | named, timeout=PATIENCE)


def request(name: Any, method: str, /, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": name, "method": method, "params": params}


def opened(base: str) -> str:
    """A session of the handshake era."""
    session = post(base, json.dumps(INITIALIZE).encode()).headers["mcp-session-id"]
    post(base, b'{"jsonrpc":"2.0","method":"notifications/initialized"}', mcp_session_id=session)
    return session


# --- everything is answered -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("era", ["2025-06-18", "2026-07-28"])
@pytest.mark.parametrize(("data", "code"), [*ASKING.values(), *NAMELESS.values()], ids=[*ASKING, *NAMELESS])
def test_rubbish_is_answered_as_a_protocol_error(data: bytes, code: int, era: str, served: Served) -> None:
    answer = post(served.base, data, mcp_protocol_version=era)
    assert answer.headers["content-type"] == "application/json"
    if answer.status_code == 413:  # it was not read to where its id stands
        assert len(data) > MAX_MESSAGE_BYTES
        return
    assert answer.status_code == 400
    assert (answer.json()["id"], answer.json()["error"]["code"]) == (7 if data in _ASKED else None, code)


_ASKED = {data for data, _ in ASKING.values()}


def test_each_of_a_batch_is_answered(served: Served) -> None:
    answer = post(served.base, json.dumps([request("a", "ping"), request("b", "ping")]).encode())
    assert [one["id"] for one in answer.json()] == ["a", "b"]


@pytest.mark.parametrize("path", ["/mcp", "/messages/?session_id=no", "/sse"])
@pytest.mark.parametrize(
    ("headers", "status"), [({"host": "music.example"}, 421), ({"origin": "https://music.example"}, 403)]
)
def test_who_is_not_let_in_hears_so_as_json(path: str, headers: dict[str, str], status: int, served: Served) -> None:
    method = "GET" if path == "/sse" else "POST"
    answer = httpx2.request(method, served.base + path, content=b"{}", headers=HEADERS | headers, timeout=PATIENCE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, -32600)


@pytest.mark.parametrize("message", [request(7, "ping"), request("a", "tools/call", name="list_tasks"), INITIALIZE])
def test_what_a_session_that_ended_is_asked_is_refused_under_its_id(message: dict[str, Any], served: Served) -> None:
    session = opened(served.base)
    assert httpx2.delete(f"{served.base}/mcp", headers={"mcp-session-id": session}).status_code == 200
    for name in (session, "0" * 32):
        answer = post(served.base, json.dumps(message).encode(), mcp_session_id=name)
        assert (answer.status_code, answer.json()["id"]) == (404, message["id"])
        assert "ession" in answer.json()["error"]["message"]


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("era", ["2025-06-18", "2026-07-28"])
def test_what_the_sdk_refuses_is_json_too(accept: str, era: str, served: Served) -> None:
    answer = post(served.base, json.dumps(INITIALIZE).encode(), accept=accept, mcp_protocol_version=era)
    assert (answer.status_code, answer.json()["jsonrpc"]) == (406, "2.0")


@pytest.mark.anyio
async def test_an_id_that_is_in_use_is_refused_and_both_are_answered(served: Served, tmp_path: Path) -> None:
    """Otherwise the first would wait for ever: its answer goes to the second."""
    session = opened(served.base)
    async with http_connection(served.base, "auto") as client:
        slow = view(await extend(client, tmp_path, 4))["task_id"]
    headers = HEADERS | {"mcp-session-id": session}
    asking = request(5, "tools/call", name="get_task", arguments={"task_id": slow, "wait_seconds": 5})
    async with httpx2.AsyncClient(timeout=PATIENCE, headers=headers) as client:
        answers = await asyncio.gather(*(client.post(f"{served.base}/mcp", json=asking) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {200, 400}
    assert any(answer.status_code == 200 for answer in answers)
    assert all("not answered yet" in answer.text for answer in answers if answer.status_code == 400)


# --- one client and the others ----------------------------------------------------------------------------------------


def deaf_stream(base: str, path: str, **headers: str) -> tuple[socket.socket, bytes]:
    """A stream that is opened and then never read; and what came at first."""
    port = int(base.rpartition(":")[2])
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    deaf.connect(("127.0.0.1", port))
    lines = [f"GET {path} HTTP/1.1", "host: 127.0.0.1", "accept: text/event-stream"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    deaf.sendall("\r\n".join([*lines, "", ""]).encode())
    first = b""
    while b"\r\n\r\n" not in first or (path == "/sse" and b"session_id=" not in first):
        first += deaf.recv(2048)
    return deaf, first


@pytest.mark.anyio
async def test_a_subscriber_who_does_not_read_holds_up_no_task_of_others(served: Served, tmp_path: Path) -> None:
    deaf, first = deaf_stream(served.base, "/sse")
    with deaf:
        found = re.search(rb"/messages/\?session_id=\w+", first)
        assert found
        async with httpx2.AsyncClient(timeout=PATIENCE, headers=HEADERS) as poster:

            async def say(message: dict[str, Any]) -> int:
                return (await poster.post(served.base + found.group().decode(), json=message)).status_code

            assert await say(INITIALIZE) == 202
            assert await say({"jsonrpc": "2.0", "method": "notifications/initialized"}) == 202
            assert await say(request(2, "resources/subscribe", uri="fermata://tasks")) == 202
            told = [await say(request(number, "tools/list")) for number in range(10, 1500)]
        assert set(told) == {202, 503}  # what it does not read is not piled up
        async with http_connection(served.base, "legacy") as client:
            assert view(await extend(client, tmp_path, 4))["status"] == "succeeded"


@pytest.mark.anyio
async def test_a_deaf_stream_of_a_session_holds_up_no_task_of_others(served: Served, tmp_path: Path) -> None:
    session = opened(served.base)
    deaf, _ = deaf_stream(served.base, "/mcp", mcp_session_id=session)
    with deaf:
        subscribe = request(2, "resources/subscribe", uri="fermata://tasks")
        assert post(served.base, json.dumps(subscribe).encode(), mcp_session_id=session).status_code == 200
        async with http_connection(served.base, "auto") as client:
            for add in (3, 4, 5):
                assert view(await extend(client, tmp_path, add))["status"] == "succeeded"


@asynccontextmanager
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[str]:
    """The http server in this process; its address."""
    async with (
        running_app(settings_in(tmp_path), callers_are_local=False) as app,
        served_here(Serving(app.server, app.service.changes.drain), monkeypatch) as base,
    ):
        yield base


HALVES = {
    "nothing": b"",
    "half a head": b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncont",
    "half a body": b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    b"content-length: 100\r\n\r\n{",
    "half a second head": b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\nGET /he",
}


@pytest.mark.anyio
@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
async def test_what_is_half_open_is_closed(half: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.2)
    monkeypatch.setattr("fermata_mcp.transports.http.KEPT_ALIVE_SECONDS", 0.2)
    async with here(tmp_path, monkeypatch) as base:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(base.rpartition(":")[2]))
        writer.write(half)
        with anyio.fail_after(PATIENCE):
            said = await reader.read()
        writer.close()
    assert b" 408 " in said or b"length: 100" not in half


@pytest.mark.anyio
async def test_a_stream_that_takes_nothing_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "NOT_READING_SECONDS", 0.2)
    lost = anyio.Event()
    original = sockets._Connection.connection_lost  # pyright: ignore[reportPrivateUsage]

    def noticed(self: Any, exc: Exception | None) -> None:
        if self.cycle is not None and self.cycle.scope["path"] == "/deaf":
            lost.set()
        original(self, exc)

    monkeypatch.setattr(sockets._Connection, "connection_lost", noticed)  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr("fermata_mcp.transports.http.make_asgi_app", _make_endless)
    async with here(tmp_path, monkeypatch) as base:
        deaf = socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2])))
        with deaf:
            deaf.sendall(b"GET /deaf HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            with anyio.fail_after(PATIENCE):
                await lost.wait()


def _make_endless(*_: object) -> Any:
    return _endless


async def _endless(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(1000 * (scope["path"] == "/deaf")):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
    await send({"type": "http.response.body", "body": b"{}"})


@pytest.mark.anyio
async def test_small_packets_do_not_wait_for_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[int] = []
    original = sockets._Connection.connection_made  # pyright: ignore[reportPrivateUsage]

    def noticed(self: Any, transport: Any) -> None:
        original(self, transport)
        options.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(sockets._Connection, "connection_made", noticed)  # pyright: ignore[reportPrivateUsage]
    async with here(tmp_path, monkeypatch):
        pass
    assert options
    assert all(options)


@pytest.mark.anyio
async def test_above_the_limit_the_session_unused_longest_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fermata_mcp.transports.sessions.MAX_SESSIONS", 3)
    monkeypatch.setattr("fermata_mcp.transports.http.MAX_SESSIONS", 3)
    async with here(tmp_path, monkeypatch) as base, httpx2.AsyncClient(timeout=PATIENCE, headers=HEADERS) as client:

        async def say(message: dict[str, Any], **headers: str) -> httpx2.Response:
            return await client.post(f"{base}/mcp", json=message, headers=headers)

        first, second, third = [(await say(INITIALIZE)).headers["mcp-session-id"] for _ in range(3)]
        assert (await say(request(2, "ping"), **{"mcp-session-id": first})).status_code == 200
        assert (await say(INITIALIZE)).status_code == 200
        left = {name: await say(request(3, "ping"), **{"mcp-session-id": name}) for name in (first, second, third)}
        assert [left[name].status_code for name in (first, second, third)] == [200, 404, 200]


@pytest.mark.anyio
async def test_bodies_of_all_clients_together_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODIES_AT_ONCE_BYTES", 100_000)
    async with here(tmp_path, monkeypatch) as base, httpx2.AsyncClient(timeout=PATIENCE, headers=HEADERS) as client:
        for _ in range(3):
            busy = await client.post(f"{base}/mcp", content=b"x" * 200_000)
            assert (busy.status_code, busy.headers["retry-after"]) == (503, "1")
            assert "too many" in busy.json()["error"]["message"]
        assert (await client.post(f"{base}/mcp", json=INITIALIZE)).status_code == 200


# --- a client of a stream, in this process ----------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_client_that_never_reads_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "NOT_READING_SECONDS", 0.2)
    monkeypatch.setattr(connection, "ROOM_SECONDS", 0.05)
    taken = 0

    async def never(_: bytes) -> None:
        await anyio.sleep_forever()

    async def pings() -> AsyncGenerator[Any]:
        nonlocal taken
        yield read_message(json.dumps(INITIALIZE).encode())
        while True:
            taken += 1
            yield read_message(json.dumps(request(taken, "ping")).encode())

    async with running_app(settings_in(tmp_path), callers_are_local=True) as app:
        serving = Serving(app.server, app.service.changes.drain)
        with pytest.RaisesGroup(NotReading, flatten_subgroups=True), anyio.fail_after(PATIENCE):
            await Connection(serving, never).serve(pings())
    assert taken <= connection.OPEN_REQUESTS + 1


@pytest.mark.anyio
async def test_above_the_limit_a_request_is_refused_and_a_ping_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "OPEN_REQUESTS", 0)
    monkeypatch.setattr(connection, "ROOM_SECONDS", 0.05)
    answers: list[dict[str, Any]] = []
    all_said = anyio.Event()

    async def keep(data: bytes) -> None:
        answers.append(json.loads(data))
        if len(answers) == 2:
            all_said.set()

    async def messages() -> AsyncGenerator[Any]:
        for number, method in enumerate(("tools/list", "ping")):
            yield read_message(json.dumps(request(number, method)).encode())
        with anyio.fail_after(PATIENCE):
            await all_said.wait()

    async with running_app(settings_in(tmp_path), callers_are_local=True) as app:
        await Connection(Serving(app.server, app.service.changes.drain), keep).serve(messages())
    assert (answers[0]["id"], answers[0]["error"]["code"]) == (0, -32005)
    assert answers[1]["result"] == {}


# --- the machine ------------------------------------------------------------------------------------------------------


def with_few_descriptors(most: int) -> tuple[str, ...]:
    limited = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, ({most}, {most}))"
    return (SERVER[0], "-c", f"{limited}; os.execv(sys.argv[1], sys.argv[1:])", *SERVER)


@pytest.mark.anyio
async def test_it_lives_on_when_descriptors_run_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more connections than it may have descriptors, for as long as they are held and afterwards."""
    monkeypatch.setattr("support.processes.SERVER", with_few_descriptors(160))
    with http_server(Home(tmp_path), FERMATA_INPUT_ROOTS=str(tmp_path)) as served, ExitStack() as held:
        port = int(served.base.rpartition(":")[2])
        for _ in range(300):
            one = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
            with suppress(OSError):
                one.sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n")
        async with http_connection(served.base, "auto") as client:
            assert view(await extend(client, tmp_path, 4))["status"] == "succeeded"
        held.close()
        assert httpx2.get(f"{served.base}/healthz", timeout=PATIENCE).status_code == 200
        assert served.signal_and_wait(signal.SIGTERM, PATIENCE) == 0
        assert "Traceback" not in served.home.log.read_text()


@pytest.mark.parametrize("host", ["127.0.0.2", "::1", "localhost", "[::1]"])
def test_it_serves_the_host_that_it_was_told(host: str, tmp_path: Path) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    home = Home(tmp_path)
    with home.log.open("wb") as log:
        process = subprocess.Popen(
            [*SERVER, "serve", "--transport", "http", "--host", host, "--port", "0"],
            env=home.environment(),
            stderr=log,
            start_new_session=True,
        )
    try:
        found = wait_until(lambda: re.search(r"http://\S+(?=/mcp)", home.log.read_text()), "its address")
        answer = post(found.group(), json.dumps(INITIALIZE).encode())
        assert answer.status_code == 200, answer.text
        assert "event: message" in answer.text
    finally:
        process.kill()
        process.wait()


async def _session_with_stream(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps(INITIALIZE).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    writer.write(f"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    session = re.search(rb"mcp-session-id: (\w+)", await reader.readuntil(b"\r\n\r\n"))
    assert session
    await reader.readuntil(b"0\r\n\r\n")
    writer.write(b"GET /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n")
    writer.write(b"mcp-session-id: " + session.group(1) + b"\r\n\r\n")
    assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


@pytest.mark.anyio
async def test_many_sessions_do_not_hold_up_its_end(tmp_path: Path) -> None:
    """Code 0, every stream ended, and nothing said about it. How long it takes is measured in benchmarks."""
    count = min(300, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
    with http_server(Home(tmp_path)) as served:
        port = int(served.base.rpartition(":")[2])
        streams = [await _session_with_stream(port) for _ in range(count)]
        with within(5, "leaving"):
            assert await anyio.to_thread.run_sync(served.signal_and_wait, signal.SIGTERM, PATIENCE) == 0
        for reader, writer in streams:
            with suppress(ConnectionError):
                await reader.read()
            writer.close()
        assert len(served.home.log.read_text().splitlines()) <= 2


def test_only_names_of_this_machine_are_let_in() -> None:
    doors = guard.Doors(frozenset({"127.0.0.1", "localhost", "[::1]", "127.0.0.2"}))
    for host in ("127.0.0.1", "127.0.0.1:80", "LOCALHOST:1", "[::1]", "[::1]:8321", "127.0.0.2:9"):
        doors.check(Headers({"host": host, "origin": f"http://{host}"}))
    for host in ("", "music.example", "127.0.0.1.music.example", "127.0.0.1:80:80", "localhost:x", "::1"):
        with pytest.raises(Refused):
            doors.check(Headers({"host": host}))
