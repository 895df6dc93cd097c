"""Who comes in over http, what they may do, how much of it, and for how long."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.shared.exceptions import MCPError

from emulators.issuer import issuing
from fermata_mcp.domain.access.principal import Scope
from fermata_mcp.domain.access.token import PREFIX, Token, hash_of
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.transports.http import _check_reach  # pyright: ignore[reportPrivateUsage]
from fermata_mcp.transports.serving import Serving
from support.engines import PATIENCE, text_of
from support.music import silence
from support.rows import PRICE
from support.team import ANNA, BERT, Team, bearer, team

pytestmark = pytest.mark.anyio
KINDS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
BEGIN = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
}  # fmt: skip
PUBLIC = "https://music.example.org"


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def given_out(at: Team, name: str, *scopes: Scope, day: int | None = None, month: int | None = None) -> str:
    """A token of the store, as `fermata-mcp token add` makes one."""
    plain = PREFIX + secrets.token_urlsafe(32)
    store = at.app.service._store  # pyright: ignore[reportPrivateUsage]
    assert await store.add_token(Token(name, hash_of(plain), scopes or ("read", "extend", "spend"), day, month, 0))
    return plain


async def test_nobody_comes_in_without_a_good_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with team(tmp_path, monkeypatch) as at, at.http(None) as client:
        for path in ("/mcp", "/sse", "/messages/?session_id=0", "/player/tsk_0", "/session"):
            method = "POST" if path.startswith(("/mcp", "/messages")) else "GET"
            for headers in (
                {},
                bearer("no"),
                {"authorization": f"Basic {ANNA}"},
                bearer(ANNA[:-1]),
                bearer(ANNA + "x"),
            ):
                answer = await client.request(method, path, headers=headers)
                assert answer.status_code == 401, (path, headers)
                assert answer.headers["www-authenticate"].startswith("Bearer ")
        twice = [("authorization", f"Bearer {ANNA}"), ("authorization", f"Bearer {BERT}")]
        assert (await client.get("/player/tsk_0", headers=twice)).status_code == 401
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/session", headers=bearer(ANNA))).json()["name"] == "anna"


async def test_only_this_servers_names_and_pages_are_let_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with team(tmp_path, monkeypatch, public_url=PUBLIC) as at, at.http(ANNA) as anna:
        post: Any = {"json": BEGIN}
        for headers, status in (
            ({"host": "music.example.org"}, 200),
            ({"host": "music.example.org:443", "origin": PUBLIC}, 200),
            ({"host": "evil.example.org"}, 421),
            ({"origin": "https://evil.example.org"}, 403),
            ({"origin": "null"}, 403),
            ({"host": "evil.example.org", "x-forwarded-host": "music.example.org"}, 421),
        ):
            answer = await anna.post("/mcp", **post, headers=KINDS | headers)
            assert answer.status_code == status, headers


async def test_a_scope_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remote: Any) -> None:
    track = {"source": str(silence(tmp_path / "song.wav")), "wait_seconds": 60}
    async with team(tmp_path, monkeypatch) as at:
        reads, free = await given_out(at, "rita", "read"), await given_out(at, "fred", "extend")
        async with at.client(reads) as rita, at.client(free) as fred:
            refused = await rita.call_tool("extend_track", track | {"provider": "local", "add_seconds": 2})
            assert refused.is_error
            assert text_of(refused).startswith("authentication_failed: this needs the scope extend")
            assert not (await rita.call_tool("list_tasks", {})).is_error
            quoted = await fred.call_tool("extend_track", track | {"provider": "paid", "dry_run": True})
            assert not quoted.is_error
            paid = await fred.call_tool("extend_track", track | {"provider": "paid"})
            assert text_of(paid).startswith("authentication_failed: this needs the scope spend")
            assert remote.sent == 0
            assert not (await fred.call_tool("extend_track", track | {"provider": "local", "add_seconds": 2})).is_error


async def test_each_has_a_share_of_the_credits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remote: Any) -> None:
    track = {"source": str(silence(tmp_path / "song.wav")), "provider": "paid", "wait_seconds": 60}
    async with team(tmp_path, monkeypatch, max_credits_per_day=PRICE * 3 / 1000) as at:
        small = await given_out(at, "sam", day=PRICE, month=PRICE * 5)
        async with at.client(small) as sam, at.client(ANNA) as anna:
            assert not (await sam.call_tool("extend_track", track)).is_error
            over = await sam.call_tool("extend_track", track | {"take": 2})
            assert text_of(over).startswith("over_budget: your share of today's credits is used up")
            credits = (await sam.call_tool("get_credits", {})).structured_content
            assert credits is not None
            assert (credits["cap_today"], credits["cap_this_month"]) == (PRICE / 1000, PRICE * 5 / 1000)
            for take in (1, 2):
                assert not (await anna.call_tool("extend_track", track | {"take": take})).is_error
            over = await anna.call_tool("extend_track", track | {"take": 3})
            assert text_of(over).startswith("over_budget: today's credits are used up"), "the cap is of all together"
            assert remote.sent == 3


async def test_who_is_let_in_no_more_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fermata_mcp.transports.web.access.LOOK_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr("fermata_mcp.engine.callers.token_book.REMEMBERED_SECONDS", 0.05)
    async with team(tmp_path, monkeypatch) as at:
        token = await given_out(at, "gone")
        async with at.http(token) as gone, gone.stream("GET", "/sse") as stream:
            assert stream.status_code == 200
            assert await at.app.service._store.revoke_token("gone")  # pyright: ignore[reportPrivateUsage]
            with anyio.fail_after(PATIENCE):
                async for _ in stream.aiter_lines():
                    pass  # until it ends
            assert (await gone.post("/mcp", json=BEGIN, headers=KINDS)).status_code == 401


async def test_one_who_asks_for_too_much_holds_up_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: Any = {"sessions_each": 3, "requests_per_minute_each": 12}
    async with team(tmp_path, monkeypatch, **limits) as at, at.http(ANNA) as anna, at.http(BERT) as bert:
        answers = [await anna.post("/mcp", json=BEGIN, headers=KINDS) for _ in range(5)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert "sessions are open" in answers[-1].json()["error"]["message"]
        statuses = [(await anna.get("/session")).status_code for _ in range(9)]
        assert statuses == [200] * 7 + [429] * 2
        assert (await bert.post("/mcp", json=BEGIN, headers=KINDS)).status_code == 200


async def test_waiting_calls_and_streams_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    track = {"source": str(silence(tmp_path / "song.wav")), "provider": "local", "add_seconds": 2, "wait_seconds": 60}
    limits: Any = {"waiting_calls_each": 1, "listening_streams_each": 1}
    async with team(tmp_path, monkeypatch, **limits) as at, at.client(ANNA) as anna, at.client(BERT) as bert:
        refused = 0

        async def extend(take: int) -> None:
            nonlocal refused
            try:
                await anna.call_tool("extend_track", track | {"take": take})
            except MCPError as error:
                refused += error.error.message.startswith("rate_limited: 1 open call is yours")

        async with anyio.create_task_group() as group:
            for take in range(1, 4):
                group.start_soon(extend, take)
        assert refused >= 1
        assert not (await anna.call_tool("list_tasks", {})).is_error
        async with anna.listen(resource_subscriptions=["fermata://tasks"]):
            with pytest.raises(MCPError, match="rate_limited: 1 open stream is yours"):
                async with anna.listen(resource_subscriptions=["fermata://tasks"]):
                    pass
            async with bert.listen(resource_subscriptions=["fermata://tasks"]):
                pass


async def test_a_client_finds_out_whom_to_ask_for_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with issuing() as issuer:
        settings: Any = {"public_url": PUBLIC, "oauth_issuer": issuer.address, "auth_tokens": None}
        async with team(tmp_path, monkeypatch, **settings) as at, at.http(None) as client:
            answer = await client.post("/mcp", json=BEGIN, headers=KINDS)
            wanted = f'resource_metadata="{PUBLIC}/.well-known/oauth-protected-resource/mcp"'
            assert wanted in answer.headers["www-authenticate"]
            for door in ("", "/mcp", "/sse"):
                told = (await client.get(f"/.well-known/oauth-protected-resource{door}")).json()
                assert told["resource"] == PUBLIC + door
                assert told["authorization_servers"] == [issuer.address]
            token = issuer.signed("first", f"{PUBLIC}/mcp")
            assert (await client.post("/mcp", json=BEGIN, headers=KINDS | bearer(token))).status_code == 200
            old = await client.post("/mcp", json=BEGIN, headers=KINDS | bearer(issuer.signed("first", PUBLIC, exp=1)))
            assert old.status_code == 401
            assert 'error="invalid_token"' in old.headers["www-authenticate"]
            none = await client.post(
                "/mcp", json=BEGIN, headers=KINDS | bearer(issuer.signed("first", PUBLIC, scope="openid"))
            )
            assert none.status_code == 403
            assert 'error="insufficient_scope"' in none.headers["www-authenticate"]
            issuer.answers["/keys"] = 500, b""
            issuer.new_key("fresh")
    async with team(tmp_path / "b", monkeypatch, **settings) as at, at.http(None) as client:
        away = await client.post("/mcp", json=BEGIN, headers=KINDS | bearer(token))
        assert away.status_code == 503


async def test_a_callers_token_is_nowhere_but_in_their_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with team(tmp_path, monkeypatch, log_level="debug") as at:
        canary = await given_out(at, "carl")
        wrong = "fmt_canary-0123456789-0123456789"
        track = {
            "source": str(silence(tmp_path / "song.wav")),
            "provider": "local",
            "add_seconds": 2,
            "wait_seconds": 60,
        }
        async with at.client(canary) as carl, at.http(wrong) as stranger:
            said = [
                text_of(await carl.call_tool("extend_track", track)),
                text_of(await carl.call_tool("get_credits", {})),
            ]
            said += [(await stranger.get("/session")).text, str((await stranger.get("/session")).headers)]
        found = "\n".join([*said, caplog.text, *capfd.readouterr()])
        kept = all_bytes(tmp_path)
        for secret in (canary, wrong, canary.removeprefix(PREFIX)):
            assert secret not in found
            assert secret.encode() not in kept


async def test_nobody_listens_to_the_world_without_knowing_who_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with team(tmp_path, monkeypatch, auth_tokens=None, locked=False) as at:

        def serving(**more: Any) -> Serving:
            return Serving(at.app.server, lambda: None, at.app.service, at.app.now, **more)

        _check_reach(serving(), "127.0.0.1")
        _check_reach(serving(locked=True), "0.0.0.0")
        for host in ("0.0.0.0", "::", "192.0.2.7"):
            with pytest.raises(FermataError, match="token add"):
                _check_reach(serving(), host)
        object.__setattr__(at.app.service.settings, "public_url", PUBLIC)
        with pytest.raises(FermataError, match="FERMATA_PUBLIC_URL leads here"):
            _check_reach(serving(), "127.0.0.1")
        async with httpx2.AsyncClient() as client:
            assert (await client.get(f"{at.base}/session")).json()["signed_in"] is False
