"""What is answered without the SDK is what the SDK answers, byte for byte; what is not certain is left to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from typing import Any

import anyio
import pytest
from mcp.types import JSONRPCRequest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION

from fermata_mcp.app import read_settings, running_app
from fermata_mcp.transports.connection import Connection, Read
from fermata_mcp.transports.front.surroundings import read_prepared
from fermata_mcp.transports.front.talk import Talk
from fermata_mcp.transports.messages import read_message
from fermata_mcp.transports.serving import Serving

Message = dict[str, Any]
Script = list[bytes]

LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
CLIENT = {"name": "a", "version": "1", "title": "Ä", "description": "音楽", "websiteUrl": "https://a.invalid"}
CAPABILITIES: Message = {
    "roots": {"listChanged": True},
    "sampling": {"context": {}, "tools": {"more": 1}},
    "elicitation": {"form": {"applyDefaults": True}, "url": {}},
    "experimental": {"x": {"y": [1, None]}},
    "extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html"]}},
}
ABOUT = "io.modelcontextprotocol/"
META = {f"{ABOUT}protocolVersion": LATEST_MODERN_VERSION, f"{ABOUT}clientInfo": CLIENT}
MODERN: Message = {"_meta": {**META, f"{ABOUT}clientCapabilities": CAPABILITIES}}


def asked(request: Any, method: str, params: Message | None = None) -> Message:
    message: Message = {"jsonrpc": "2.0", "id": request, "method": method}
    return message if params is None else {**message, "params": params}


def initialize(version: str) -> Message:
    return asked(0, "initialize", {"protocolVersion": version, "capabilities": CAPABILITIES, "clientInfo": CLIENT})


def written(*messages: Message) -> Script:
    return [json.dumps(message, ensure_ascii=False).encode() for message in messages]


INITIALIZED: Message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
HANDSHAKES = {
    version: [
        initialize(version),
        INITIALIZED,
        asked("ä1", "ping"),
        *(asked(-n, m, {}) for n, m in enumerate(LISTS, 1)),
    ]
    for version in HANDSHAKE_PROTOCOL_VERSIONS
}
DISCOVERY = [asked(n, method, MODERN) for n, method in enumerate(("server/discover", *LISTS))]
KNOWN = {
    **HANDSHAKES,
    "discovery": DISCOVERY,
    "no discovery": DISCOVERY[1:],
    "a probe first": [asked("probe", "server/discover", MODERN), *HANDSHAKES["2025-11-25"]],
    "not initialized": [initialize("2025-06-18"), *HANDSHAKES["2025-06-18"][2:]],
}


OTHERS: tuple[Any, ...] = (None, True, 0, 1.5, "", "x", [], {}, {"x": 1}, {"x": {}})


def spoiled(message: Message) -> Iterator[Message]:
    """`message` with each of its parts gone, of another kind, or beside an unknown one."""
    for path in _paths(message):
        for value in OTHERS:
            yield _with(message, path, value)
        yield _with(message, path)
        yield _with(message, (*path[:-1], "unknown"), {})


def _paths(message: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in message.items():
        yield (*before, name)
        if isinstance(value, dict):
            yield from _paths(value, (*before, name))


def _with(message: Message, path: tuple[str, ...], *value: Any) -> Message:
    changed = at = deepcopy(message)
    for name in path[:-1]:
        at = at[name]
    if value:
        at[path[-1]] = value[0]
    else:
        del at[path[-1]]
    return changed


SPOILED = {
    "initialize": [written(one) for one in spoiled(initialize("2025-11-25"))],
    "handshake list": [
        written(*HANDSHAKES["2025-06-18"][:2], one) for one in spoiled(asked(5, "tools/list", {"a": {}}))
    ],
    "initialized": [written(initialize("2024-11-05"), one, asked(5, "tools/list")) for one in spoiled(INITIALIZED)],
    "discover": [written(one) for one in spoiled(DISCOVERY[0])],
    "modern list": [written(DISCOVERY[0], one) for one in spoiled(DISCOVERY[1])],
    "other order": [
        written(*before, after)
        for before in (HANDSHAKES["2025-06-18"][:2], DISCOVERY[:1], DISCOVERY[:2], [])
        for after in (
            initialize("1999-01-01"),
            initialize("2026-07-28"),
            initialize("2025-03-26"),
            *DISCOVERY,
            INITIALIZED,
        )
    ],
}
ODD = [
    b"", b" ", b"words", b"[]", b"null", b"1", b'"tools/list"', b"{", b"\xff", b"\xef\xbb\xbf{}",
    b'[{"jsonrpc":"2.0","id":7,"method":"tools/list"}]',
    b'{"jsonrpc":"2.0","id":7,"id":8,"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"cursor":null}}',
    b'{"jsonrpc":"2.0","id":7,"method":"tools/list","params":NaN}',
    b'{"jsonrpc":"2.0","id":"\\ud800","method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":0,"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":"0","method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":99999999999999999999999,"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":"","method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":7,"method":"tools/list","params":' + b'{"a":' * 60 + b"1" + b"}" * 61,
    b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"list_tasks"}}',
    b'{"jsonrpc":"2.0","id":7,"result":{}}',
    b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":0}}',
]  # fmt: skip


def from_the_front(script: Script) -> list[bytes]:
    """What is said to a script until a line is left to the server, a notification included as nothing."""
    talk = Talk(read_prepared())
    said: list[bytes] = []
    for line in script:
        answer = talk.answer(line)
        if answer is None:
            break
        said.append(answer)
    return said


def from_the_sdk(scripts: list[Script]) -> list[list[bytes]]:
    """What the server says to the same lines, each of them on a connection of its own."""

    async def answers() -> list[list[bytes]]:
        async with running_app(read_settings(), callers_are_local=True, only=set()) as app:
            serving = Serving(app.server, app.service.changes.drain)
            return [await _conversation(serving, script) for script in scripts]

    return anyio.run(answers)


async def _conversation(serving: Serving, script: Script) -> list[bytes]:
    said: list[bytes] = []
    answered = anyio.Event()

    async def write(data: bytes) -> None:
        said[-1] += data + b"\n"
        answered.set()

    async def messages() -> AsyncIterator[Read]:
        nonlocal answered
        for line in script:
            said.append(b"")
            answered = anyio.Event()
            message = read_message(line)
            yield message
            if isinstance(message, JSONRPCRequest):
                await answered.wait()

    await Connection(serving, write).serve(messages())
    return said


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERMATA_DATA_DIR", str(tmp_path))


@pytest.mark.parametrize("name", KNOWN)
def test_what_hosts_ask_first_is_answered_as_by_the_sdk(name: str) -> None:
    script = written(*KNOWN[name])
    said = from_the_front(script)
    assert len(said) == len(script)
    assert [said] == from_the_sdk([script])


@pytest.mark.parametrize("kind", SPOILED)
def test_what_is_still_answered_of_spoiled_lines_is_what_the_sdk_says(kind: str) -> None:
    scripts = SPOILED[kind]
    answered = [(script[: len(said)], said) for script in scripts if (said := from_the_front(script))]
    assert from_the_sdk([script for script, _ in answered]) == [said for _, said in answered]
    assert any(len(from_the_front(script)) < len(script) for script in scripts)


@pytest.mark.parametrize("line", ODD, ids=lambda line: line[:60])
def test_a_line_that_is_not_certain_is_left(line: bytes) -> None:
    opening = written(*HANDSHAKES["2025-06-18"][:2])
    assert len(from_the_front([*opening, line])) == len(opening)


def test_nothing_is_answered_twice() -> None:
    for script in (DISCOVERY, HANDSHAKES["2025-06-18"]):
        for message in script[:1], script[-1:]:
            assert len(from_the_front(written(*script, *({**one, "id": "other"} for one in message)))) == len(script)
