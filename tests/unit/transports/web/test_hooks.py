"""The door for posts: what is well formed is answered alike and at once, and everything is bounded."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from fermata_mcp.transports.web import hooks as door
from fermata_mcp.transports.web.hooks import MOST_BYTES, hook_routes


@dataclass
class Heard:
    """Stands for the engine's ear."""

    posts: list[bytes] = field(default_factory=list[bytes])

    def post(self, token: str, headers: Mapping[str, str], raw: bytes, told: Any) -> None:
        self.posts.append(raw)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def client(heard: Heard) -> Generator[TestClient]:
    with TestClient(Starlette(routes=hook_routes(heard.post))) as client:
        yield client


@pytest.mark.parametrize("token", ["a" * 72, "x", "%00", "../../etc", "é"])
@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'"text"', b"17", b'{"task_id": "t"}'])
def test_whatever_is_well_formed_is_answered_alike(client: TestClient, token: str, body: bytes) -> None:
    answer = client.post(f"/hooks/{token}", content=body)
    if "/" in token:
        assert answer.status_code == 404
        return
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert "content-type" in answer.headers


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"task_id=1", b"[" * 100_000, b'{"a": 1} x'])
def test_what_is_no_json_is_not_heard(client: TestClient, heard: Heard, body: bytes) -> None:
    assert client.post("/hooks/x", content=body).status_code == 400
    assert heard.posts == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_posts_come_in(client: TestClient, method: str) -> None:
    assert client.request(method, "/hooks/x").status_code == 405


def pieces(size: int) -> Generator[bytes]:
    yield b'"' + b"a" * (size - 2)
    yield b'"'


@pytest.mark.parametrize(("more", "status"), [(-1, 200), (0, 200), (1, 413), (44 * 1024, 413)])
@pytest.mark.parametrize("declared", [True, False])
def test_a_body_has_a_limit(client: TestClient, more: int, status: int, declared: bool) -> None:
    body = b"".join(pieces(MOST_BYTES + more))
    answer = client.post("/hooks/x", content=body if declared else pieces(MOST_BYTES + more))
    assert answer.status_code == status


def test_a_slow_body_is_not_waited_for(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "BODY_SECONDS", 0.0)
    assert client.post("/hooks/x", content=b"{}").status_code in (200, 408)


def test_too_many_at_once_are_asked_to_come_again(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "BODIES_AT_ONCE", 0)
    with TestClient(Starlette(routes=hook_routes(heard.post))) as client:
        assert client.post("/hooks/x", content=b"{}").status_code == 503
