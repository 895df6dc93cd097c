"""An authorization server on loopback: it publishes keys, signs tokens, and tells who may ask what of a token.

Strict: it answers what the documents (RFC 8414, 7517, 7662) list, refuses everything else, and keeps a ledger.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from .threads import answering

CLIENT, SECRET = "fermata", "the-client-secret-of-fermata"
_ALGORITHMS: dict[str, Any] = {
    "RS256": (RSAAlgorithm, lambda: rsa.generate_private_key(65537, 2048)),
    "ES256": (ECAlgorithm, lambda: ec.generate_private_key(ec.SECP256R1())),
    "EdDSA": (OKPAlgorithm, ed25519.Ed25519PrivateKey.generate),
}


@dataclass
class Issuer:
    """Attributes:
    ledger: Every request, as `METHOD /path`.
    opaque: What is told of each opaque token.
    answers: Replaces an answer: path to (status, body).
    """

    address: str = ""
    keys: dict[str, tuple[str, Any]] = field(default_factory=dict[str, tuple[str, Any]])
    ledger: list[str] = field(default_factory=list[str])
    opaque: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict[str, tuple[int, bytes]])

    def new_key(self, name: str, algorithm: str = "RS256") -> None:
        self.keys[name] = algorithm, _ALGORITHMS[algorithm][1]()

    def signed(self, key: str, audience: Any, **claims: Any) -> str:
        """An access token of anna with every scope but admin, unless the claims say otherwise; None leaves one out."""
        algorithm, private = self.keys[key]
        told = {
            "iss": self.address, "sub": "anna", "aud": audience, "exp": int(time.time()) + 300,
            "scope": "fermata:read fermata:extend fermata:spend",
        } | claims  # fmt: skip
        told = {name: value for name, value in told.items() if value is not None}
        return jwt.encode(told, private, algorithm, headers={"kid": key})

    def published(self) -> dict[str, Any]:
        found: list[Any] = []
        for name, (algorithm, private) in self.keys.items():
            public: Any = _ALGORITHMS[algorithm][0].to_jwk(private.public_key(), as_dict=True)
            found.append(public | {"kid": name, "use": "sig", "alg": algorithm})
        return {"keys": found}

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.address,
            "jwks_uri": f"{self.address}/keys",
            "introspection_endpoint": f"{self.address}/introspect",
        }


@contextmanager
def issuing() -> Generator[Issuer]:
    """A running issuer with one key, `first`."""
    issuer = Issuer()
    issuer.new_key("first")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.ledger.append(f"GET {self.path}")
            documents = {
                "/.well-known/oauth-authorization-server": issuer.metadata(),
                "/keys": issuer.published(),
            }
            if self.path in issuer.answers:
                self._answer(*issuer.answers[self.path])
            elif self.path in documents:
                self._answer(200, json.dumps(documents[self.path]).encode())
            else:
                self._answer(404, b"{}")

        def do_POST(self) -> None:
            issuer.ledger.append(f"POST {self.path}")
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            if self.path != "/introspect" or set(form) - {"token", "token_type_hint"} or "token" not in form:
                self._answer(400, b"{}")
            elif self.headers["authorization"] != basic:
                self._answer(401, b"{}")
            else:
                self._answer(200, json.dumps(issuer.opaque.get(form["token"][0], {"active": False})).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    with answering(Handler) as issuer.address:
        yield issuer
