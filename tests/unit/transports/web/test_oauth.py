"""Tokens of an issuer: who is named by one, what is refused, and how often the issuer is asked."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from emulators.issuer import CLIENT, SECRET, Issuer, issuing
from fermata_mcp.domain.errors import ProviderUnavailable, UnexpectedResponse
from fermata_mcp.transports.web.issuer import KEYS_AGAIN_SECONDS, STALE_SECONDS
from fermata_mcp.transports.web.issuer import Issuer as Known
from fermata_mcp.transports.web.oauth import NotGood, OAuth
from support.engines import settings_in

pytestmark = pytest.mark.anyio
HERE = "https://music.example.org"


@dataclass
class At:
    issuer: Issuer
    oauth: OAuth
    passed: list[float]

    async def scopes(self, token: str) -> set[str]:
        return set((await self.oauth.granted(token)).principal.scopes)

    async def refused(self, token: str) -> str:
        with pytest.raises(NotGood) as refusal:
            await self.oauth.granted(token)
        assert token not in str(refusal.value)
        return str(refusal.value)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[At]:
    with issuing() as issuer:
        settings = settings_in(
            tmp_path, public_url=HERE, oauth_issuer=issuer.address, oauth_client_id=CLIENT, oauth_client_secret=SECRET
        )
        passed = [1000.0]
        yield At(issuer, OAuth(settings, Known(settings, lambda: passed[0])), passed)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_signed_token_names_its_subject_apart_from_everybody_else(at: At, algorithm: str) -> None:
    at.issuer.new_key("k", algorithm)
    principal = (await at.oauth.granted(at.issuer.signed("k", f"{HERE}/mcp"))).principal
    assert principal.name.startswith("oauth:")
    assert principal.name.endswith(":anna")
    assert principal.scopes == {"read", "extend", "spend"}


@pytest.mark.parametrize(
    ("claims", "held"),
    [
        ({"scope": "read openid"}, {"read"}),
        ({"scope": None, "scp": ["fermata:extend"]}, {"extend"}),
        ({"scope": "", "scp": "fermata:spend fermata:admin"}, {"spend", "admin"}),
        ({"scope": "fermata:everything"}, set[str]()),
        ({"scope": 7, "scp": {"read": True}}, set[str]()),
    ],
)
async def test_scopes_are_ours_under_either_name(at: At, claims: dict[str, Any], held: set[str]) -> None:
    assert await at.scopes(at.issuer.signed("first", HERE, **claims)) == held


NOW = int(time.time())
WRONG: dict[str, tuple[Any, dict[str, Any], str]] = {
    "another server's": ("https://other.example.org", {}, "another server"),
    "nobody's": (None, {}, "does not say all"),
    "a longer address": (f"{HERE}.evil.example", {}, "another server"),
    "another issuer's": (HERE, {"iss": "https://evil.example"}, "issuer"),
    "no issuer's": (HERE, {"iss": None}, "does not say all"),
    "old": (HERE, {"exp": NOW - 60}, "expired"),
    "for ever": (HERE, {"exp": None}, "does not say all"),
    "not yet": (HERE, {"nbf": NOW + 3600}, "not valid yet"),
    "without a subject": (HERE, {"sub": None}, "does not say all"),
    "with an empty one": (HERE, {"sub": ""}, "names nobody"),
    "with an endless one": (HERE, {"sub": "x" * 999}, "names nobody"),
    "with a line break": (HERE, {"sub": "a\nb"}, "names nobody"),
}


@pytest.mark.parametrize("kind", WRONG)
async def test_what_is_not_for_us_lets_nobody_in(at: At, kind: str) -> None:
    audience, claims, words = WRONG[kind]
    assert words in await at.refused(at.issuer.signed("first", audience, **claims))


def unsigned(head: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    def part(data: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    return f"{part(head)}.{part(claims)}.{signature}"


async def test_other_ways_of_signing_are_refused_before_any_key_is_looked_at(at: At) -> None:
    claims = {"iss": at.issuer.address, "sub": "anna", "aud": HERE, "exp": NOW + 86_400}
    public = json.dumps(at.issuer.published()["keys"][0])
    for token in (
        unsigned({"alg": "none"}, claims),
        unsigned({"alg": "None", "kid": "first"}, claims),
        jwt.encode(claims, public * 2, "HS256", headers={"kid": "first"}),
        unsigned({"alg": "RS512", "kid": "first"}, claims, "AAAA"),
        unsigned({"alg": ["RS256"], "kid": "first"}, claims, "AAAA"),
        "a.b.c", "..", "é.é.é",
    ):  # fmt: skip
        await at.refused(token)
    assert "GET /keys" not in at.issuer.ledger


async def test_a_strangers_signature_and_a_short_key_are_refused(at: At) -> None:
    stranger = rsa.generate_private_key(65537, 2048)
    claims = {"iss": at.issuer.address, "sub": "anna", "aud": HERE, "exp": NOW + 86_400}
    await at.refused(jwt.encode(claims, stranger, "RS256", headers={"kid": "first"}))
    token = at.issuer.signed("first", HERE)
    await at.refused(token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"))
    at.issuer.new_key("curve", "ES256")
    at.passed[0] += KEYS_AGAIN_SECONDS
    await at.refused(jwt.encode(claims, stranger, "RS256", headers={"kid": "curve"}))


async def test_keys_are_read_once_and_again_for_a_new_one_but_not_for_every_invention(at: At) -> None:
    for _ in range(3):
        await at.scopes(at.issuer.signed("first", HERE))
    assert at.issuer.ledger.count("GET /keys") == 1
    at.passed[0] += KEYS_AGAIN_SECONDS
    at.issuer.new_key("second", "ES256")
    del at.issuer.keys["first"]
    assert await at.scopes(at.issuer.signed("second", HERE))
    assert at.issuer.ledger.count("GET /keys") == 2
    at.issuer.new_key("invented")
    for _ in range(9):
        await at.refused(at.issuer.signed("invented", HERE))
    assert at.issuer.ledger.count("GET /keys") == 2


async def test_an_issuer_that_is_away_is_not_the_end_of_what_it_signed(at: At) -> None:
    token = at.issuer.signed("first", HERE)
    await at.scopes(token)
    at.issuer.answers["/keys"] = 503, b""
    at.passed[0] += STALE_SECONDS - 1
    assert await at.scopes(token)
    at.passed[0] += STALE_SECONDS + KEYS_AGAIN_SECONDS
    with pytest.raises(ProviderUnavailable):
        await at.oauth.granted(token)


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/.well-known/oauth-authorization-server", 200, b"{}"),
        ("/.well-known/oauth-authorization-server", 200, b'{"issuer": "https://evil.example"}'),
        ("/.well-known/oauth-authorization-server", 200, b"<html>"),
        ("/.well-known/oauth-authorization-server", 200, b'{"x":"' + b"x" * 300_000 + b'"}'),
        ("/.well-known/oauth-authorization-server", 404, b""),
        ("/keys", 200, b"[]"),
        ("/keys", 200, b'{"keys": [7]}'),
        ("/keys", 200, b"{}"),
        ("/keys", 302, b""),
    ],
)
async def test_an_issuer_that_answers_nonsense_lets_nobody_in(at: At, path: str, status: int, body: bytes) -> None:
    at.issuer.answers[path] = status, body
    with pytest.raises((UnexpectedResponse, ProviderUnavailable)):
        await at.oauth.granted(at.issuer.signed("first", HERE))


TOLD = {"active": True, "sub": "bert", "aud": HERE, "scope": "fermata:read", "exp": NOW + 86_400}


async def test_an_opaque_token_is_asked_of_its_issuer(at: At) -> None:
    at.issuer.opaque["opaque"] = TOLD
    assert await at.scopes("opaque") == {"read"}
    assert at.issuer.ledger.count("POST /introspect") == 1


@pytest.mark.parametrize(
    "told",
    [
        {"active": False}, {"active": "true"}, {"aud": "https://other.example"}, {"aud": None}, {"exp": NOW - 60},
        {"nbf": NOW + 3600}, {"iss": "https://evil.example"}, {"sub": None}, {"sub": 7},
    ],
    ids=[
        "inactive", "not quite active", "another server's", "nobody's", "old", "not yet", "another issuer's",
        "without a subject", "with a number for one",
    ],
)  # fmt: skip
async def test_what_the_issuer_does_not_stand_by_lets_nobody_in(at: At, told: dict[str, Any]) -> None:
    at.issuer.opaque["opaque"] = TOLD | told
    await at.refused("opaque")
    await at.refused("never-heard-of")


async def test_without_a_client_secret_nobody_is_asked_of_opaque_tokens(tmp_path: Path) -> None:
    with issuing() as issuer:
        settings = settings_in(tmp_path, public_url=HERE, oauth_issuer=issuer.address)
        with pytest.raises(NotGood):
            await OAuth(settings, Known(settings)).granted("opaque")
        assert "POST /introspect" not in issuer.ledger
