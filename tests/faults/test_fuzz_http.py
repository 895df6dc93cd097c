"""Anything may come over http: every request is answered, none with a fault of ours, and the next one is served.

`make fuzz-http` asks ten thousand times; the tests, some hundred.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.team import ANNA, bearer, team

pytestmark = pytest.mark.anyio
COUNT = int(os.environ.get("FUZZ_REQUESTS", "300"))
PATHS = (
    "/mcp", "/sse/x", "/messages/", "/messages/?session_id=0", "/", "/healthz", "/readyz", "/metrics", "/session",
    "/player/tsk_0", "/player/tsk_0/audio/0", "/player/tsk_0/file/99", "/player/..%2f..%2fetc/passwd", "/hooks/x",
    "/uploads", "/uploads", "/uploads/9999999999/x/upl_" + "0" * 32, "/uploads/-1//x", "/files/9999999999/x/objects/x",
    "/files/1e9/\u00e9/tasks/tsk_0/99/x", "/.well-known/oauth-protected-resource", "/%00", "/\u00e9", "//mcp", "/mcp/",
)  # fmt: skip
METHODS = ("POST",) * 6 + ("GET", "DELETE", "PUT", "OPTIONS", "HEAD", "PATCH")
TOOLS = ("extend_track", "chain_extend", "get_task", "list_tasks", "get_credits", "cancel_task", "play_track", "none")
CALLS = (
    "tools/call", "tools/list", "resources/read", "resources/subscribe", "completion/complete", "tasks/get",
    "tasks/cancel", "tasks/update", "subscriptions/listen", "server/discover", "initialize", "ping", "x", "",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1e308, "", "tsk_" + "0" * 32, "clip:x", "\u0000", "\ud83d\ude00" * 50, [], {}, [[[]]],
    {"a": {"b": None}}, "fermata://tasks", "fermata://tasks/tsk_x/audio/0", "../../x", "https://127.0.0.1/", "x" * 5000,
)  # fmt: skip
HEADERS = {
    "mcp-protocol-version": ("2026-07-28", "2025-06-18", "1900-01-01", "x"),
    "mcp-session-id": ("0" * 32, "", "x" * 300),
    "mcp-method": CALLS[:6],
    "mcp-name": TOOLS,
    "content-type": ("application/json", "text/plain", "application/json; charset=latin-1", ""),
    "accept": ("application/json, text/event-stream", "*/*", "text/html"),
    "origin": ("http://127.0.0.1", "https://evil.example", "null"),
    "range": ("bytes=0-", "bytes=9-1", "x"),
    "content-range": ("bytes 0-9/10", "bytes */10", "bytes 9-0/10", "bytes 0-9/99999999999999999999", "x"),
}


def arguments(dice: random.Random) -> Any:
    names = ("source", "task_id", "provider", "options", "index", "cursor", "limit", "uri", "wait_seconds", "dry_run")
    given = {name: dice.choice(VALUES) for name in dice.sample(names, dice.randrange(4))}
    return given | ({"wait_seconds": 0} if "wait_seconds" in given else {})


def body(dice: random.Random) -> bytes:
    if dice.random() < 0.15:
        return bytes(dice.randrange(256) for _ in range(dice.randrange(200)))
    if dice.random() < 0.05:
        return json.dumps({"name": dice.choice(VALUES), "size": dice.choice(VALUES), "resumable": True}).encode()
    params: Any = {"name": dice.choice(TOOLS), "arguments": arguments(dice), "uri": dice.choice(VALUES)}
    params |= arguments(dice) if dice.random() < 0.5 else {}
    message = {"jsonrpc": dice.choice(("2.0", "2.0", "2.0", 2)), "id": dice.choice((1, "a", None, 2**60)),
               "method": dice.choice(CALLS), "params": dice.choice((params, params, params, None, []))}  # fmt: skip
    written = json.dumps([message] * 2 if dice.random() < 0.05 else message).encode()
    return written[: dice.randrange(len(written))] if dice.random() < 0.1 else written


def asked(dice: random.Random, client: httpx2.AsyncClient) -> httpx2.Request:
    headers = {name: dice.choice(values) for name, values in HEADERS.items() if dice.random() < 0.25}
    if dice.random() < 0.6:
        headers |= {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    headers |= bearer(ANNA) if dice.random() < 0.85 else bearer(dice.choice(("x", "a.b.c", "é".encode().hex() * 40)))
    path = "/mcp" if dice.random() < 0.6 else dice.choice(PATHS)
    return client.build_request(dice.choice(METHODS), path, headers=headers, content=body(dice))


async def test_whatever_comes_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice, statuses = random.Random(COUNT), Counter[int]()
    many: Any = {"requests_per_minute_each": 10**9, "sessions_each": 10**6}
    async with team(tmp_path, monkeypatch, **many) as at, at.http(None) as client:
        for number in range(COUNT):
            request = asked(dice, client)
            answer = await client.send(request, stream=True)  # some are streams that would listen for ever
            statuses[answer.status_code] += 1
            said = b"" if answer.status_code < 500 else await answer.aread()
            await answer.aclose()
            assert answer.status_code < 500 or answer.status_code in (501, 503), (number, request.url, said)
        assert (await client.get("/session", headers=bearer(ANNA))).status_code == 200
    print(f"{COUNT} requests, 0 crashes: {dict(sorted(statuses.items()))}")
    assert statuses[200] > COUNT / 50
    assert statuses[401] > COUNT / 50
