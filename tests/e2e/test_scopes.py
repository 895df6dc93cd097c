"""A scope that is missing: whoever can ask an authorization server for more is told how, others in words."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from emulators.issuer import issuing
from fermata_mcp.domain.access.principal import SCOPES, Principal, Scope
from fermata_mcp.surface.access.permissions import METHODS, TOOLS, of_message
from support.engines import text_of
from support.music import silence
from support.remote import Remote
from support.team import ANNA, Team, bearer, team

pytestmark = pytest.mark.anyio
PUBLIC = "https://music.example.org"
GIVEN: tuple[tuple[Scope, ...], ...] = (("read",), ("extend",), ("read", "admin"))
KINDS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
CALLS: list[tuple[str, dict[str, Any]]] = [
    *(("tools/call", {"name": name, "arguments": {}}) for name in TOOLS),
    ("tools/call", {"name": "resolve_task", "arguments": {"task_id": "tsk_0", "action": "resubmit"}}),
    ("tools/call", {"name": "of another package"}),
    *((method, {"taskId": "tsk_0"}) for method in METHODS),
    ("tools/list", {}),
    ("resources/read", {"uri": "fermata://tasks"}),
]  # fmt: skip


@asynccontextmanager
async def of_an_issuer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[tuple[Team, Any]]:
    """A server that takes tokens of an issuer beside anna's, and what makes one with scopes."""
    with issuing() as issuer:
        given: dict[str, Any] = {"public_url": PUBLIC, "oauth_issuer": issuer.address, "auth_tokens": f"anna:{ANNA}"}
        async with team(folder, monkeypatch, **given) as at:

            def token(*scopes: Scope) -> str:
                return issuer.signed("first", PUBLIC, scope=" ".join(f"fermata:{scope}" for scope in scopes))

            yield at, token


async def _place(lines: AsyncIterator[str]) -> str:
    """Where messages of a stream go, which its first event says."""
    while not (line := await anext(lines)).startswith("data:"):
        pass
    return line.removeprefix("data:").strip()


def parts(header: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="([^"]*)"', header))


async def test_a_client_learns_which_scope_to_ask_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every call that this token does not allow, over both http transports, before anything of it is carried out."""
    async with of_an_issuer(tmp_path, monkeypatch) as (at, token):
        for scopes in GIVEN:
            who, shown = Principal("x", frozenset(scopes)), bearer(token(*scopes))
            async with at.http(None) as client, client.stream("GET", "/sse", headers=shown) as stream:
                lines = stream.aiter_lines()
                place = await _place(lines)
                for number, (method, params) in enumerate(CALLS):
                    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
                    needed = of_message(method, params)
                    for door in ("/mcp", place):
                        answer = await client.post(door, json=message, headers=KINDS | shown)
                        if who.may(needed):
                            assert answer.status_code != 403, (method, params)
                            continue
                        assert answer.status_code == 403, (method, params, door)
                        told = parts(answer.headers["www-authenticate"])
                        assert told["error"] == "insufficient_scope"
                        assert told["resource_metadata"].startswith(f"{PUBLIC}/.well-known/oauth-protected-resource")
                        asked = told["scope"].split()
                        assert {f"fermata:{one}" for one in (needed, *scopes)} == set(asked), "nothing is lost"
                        body = answer.json()
                        assert body["id"] == number
                        assert body["error"]["message"].startswith(
                            f"authentication_failed: this needs the scope {needed}"
                        )


async def test_what_costs_credits_shows_later_and_is_told_with_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remote: Remote
) -> None:
    track = {"source": str(silence(tmp_path / "song.wav")), "provider": "paid", "wait_seconds": 60}
    async with of_an_issuer(tmp_path, monkeypatch) as (at, token), at.client(token("extend")) as client:
        said = await client.call_tool("extend_track", track)
        assert said.is_error
        assert text_of(said).startswith("authentication_failed: this needs the scope spend")
        [header] = (said.meta or {})["mcp/www_authenticate"]
        assert parts(header)["scope"] == "fermata:extend fermata:spend"
        assert remote.sent == 0


@pytest.mark.parametrize("issued", [True, False])
async def test_who_may_not_bring_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, issued: bool) -> None:
    """`POST /uploads` says it in its own form, with the code of a missing scope."""
    async with of_an_issuer(tmp_path, monkeypatch) as (at, token):
        store = at.app.service._store  # pyright: ignore[reportPrivateUsage]
        shown = token("read") if issued else await _given_out(store)
        async with at.http(shown) as client:
            answer = await client.post("/uploads", json={"name": "a.wav", "size": 3})
            assert answer.status_code == 403
            assert answer.json()["error"]["code"] == "authentication_failed"
            assert "scope extend" in answer.json()["error"]["hint"]
            assert parts(answer.headers["www-authenticate"])["error"] == "insufficient_scope"


async def _given_out(store: Any) -> str:
    from fermata_mcp.domain.access.token import PREFIX, Token, hash_of

    plain = PREFIX + "r" * 43
    assert await store.add_token(Token("rita", hash_of(plain), ("read",), None, None, 0))
    return plain


async def test_whoever_has_a_token_of_ours_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nobody to ask for another one but the operator."""
    async with team(tmp_path, monkeypatch) as at:
        shown = await _given_out(at.app.service._store)  # pyright: ignore[reportPrivateUsage]
        async with at.client(shown) as rita:
            for name, needed in TOOLS.items():
                said = await rita.call_tool(name, {})
                lacks = text_of(said).startswith(f"authentication_failed: this needs the scope {needed}")
                assert lacks is (needed != "read"), name
                assert said.meta is None or "mcp/www_authenticate" not in said.meta


def test_the_scopes_are_those_that_an_issuer_is_told_of() -> None:
    assert {of_message(*call) for call in CALLS} == set(SCOPES) - {"admin"}
