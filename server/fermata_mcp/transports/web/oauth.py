"""Whom an OAuth access token names, if it is for this server: read from itself, or asked of its issuer."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from fermata_mcp.config import Settings
from fermata_mcp.domain.access.principal import SCOPES, Principal, Scope
from fermata_mcp.domain.errors import UnexpectedResponse

from .issuer import Issuer

# The issuer signs with a private key. None of these can be made with what it publishes, as HS256 can.
ALGORITHMS = ("RS256", "ES256", "EdDSA")
LEEWAY_SECONDS = 30
LEAST_RSA_BITS = 2048
LONGEST_SUBJECT = 255
SCOPE_PREFIX = "fermata:"
# No token that we give out can have such a name.
GRANTED = "oauth:"


class NotGood(Exception):
    """The token lets nobody in; its text says why, and holds nothing of the token."""


@dataclass(frozen=True)
class Granted:
    """Whom a token names, and until when (Unix seconds)."""

    principal: Principal
    until: float


class OAuth:
    """Checks tokens of one issuer for one audience.

    Args:
        now: Unix seconds.
    """

    def __init__(self, settings: Settings, issuer: Issuer, now: Callable[[], float] = time.time) -> None:
        assert settings.public_url is not None
        self._issuer = issuer
        self._now = now
        self._space = hashlib.sha256(issuer.address.encode()).hexdigest()[:8]
        self._audiences = frozenset(audiences(settings.public_url))

    async def granted(self, token: str) -> Granted:
        """Whom it names.

        Raises:
            NotGood: Nobody, or not here.
            ProviderUnavailable: The issuer cannot be asked now.
            UnexpectedResponse: It answers with what cannot be used.
        """
        return self._granted(await self._signed(token) if token.count(".") == 2 else await self._asked(token))

    async def _signed(self, token: str) -> dict[str, Any]:
        import jwt

        try:
            head = jwt.get_unverified_header(token)
            if head.get("alg") not in ALGORITHMS:
                raise NotGood("is signed in a way that is not accepted")
            key = _key_for(head, await self._issuer.keys(head.get("kid")))
            return jwt.decode(
                token, key, algorithms=[head["alg"]], audience=list(self._audiences),
                issuer=await self._issuer.name(), leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"], "verify_iat": False},
            )  # fmt: skip
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise NotGood(_why(error)) from None

    async def _asked(self, token: str) -> dict[str, Any]:
        told = await self._issuer.introspected(token)
        if told is None:
            raise NotGood("is unknown here")
        if told.get("active") is not True:
            raise NotGood("is not active")
        audience: Any = told.get("aud")
        named = set(cast("list[Any]", audience) if isinstance(audience, list) else [audience])
        if named.isdisjoint(self._audiences):
            raise NotGood("is for another server")
        if "iss" in told and str(told["iss"]).rstrip("/") != self._issuer.address:
            raise NotGood("is another issuer's")
        now = self._now()
        if (
            _number(told.get("exp"), now) <= now - LEEWAY_SECONDS
            or _number(told.get("nbf"), now) > now + LEEWAY_SECONDS
        ):
            raise NotGood("is not valid now")
        return told

    def _granted(self, claims: dict[str, Any]) -> Granted:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject.isprintable() or not 0 < len(subject) <= LONGEST_SUBJECT:
            raise NotGood("names nobody")
        principal = Principal(f"{GRANTED}{self._space}:{subject}", frozenset(_scopes(claims)))
        return Granted(principal, _number(claims.get("exp"), self._now() + LEEWAY_SECONDS) + LEEWAY_SECONDS)


def is_granted(principal: Principal) -> bool:
    """Whether an authorization server named them."""
    return principal.name.startswith(GRANTED)


def audiences(public_url: str) -> list[str]:
    """What a token may be for: the server, or the door of it that a client was given."""
    return [public_url + end for end in ("", "/", "/mcp", "/mcp/", "/sse")]


def scope_names() -> list[str]:
    """Our scopes as an issuer grants them."""
    return [SCOPE_PREFIX + scope for scope in SCOPES]


def _scopes(claims: dict[str, Any]) -> list[Scope]:
    told: list[str] = []
    for claim in (claims.get("scope"), claims.get("scp")):
        if isinstance(claim, str):
            told += claim.split()
        elif isinstance(claim, list):
            told += map(str, cast("list[Any]", claim))
    return [scope for scope in SCOPES if scope in told or SCOPE_PREFIX + scope in told]


def _number(value: Any, default: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def _key_for(head: dict[str, Any], published: dict[str, Any]) -> Any:
    """The published key that a token says it is signed with.

    Raises:
        NotGood: There is none, or it is none for this way of signing.
        UnexpectedResponse: What is published are no keys.
    """
    import jwt

    try:
        keys = jwt.PyJWKSet.from_dict(published).keys
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise UnexpectedResponse("the issuer publishes no usable keys.") from error
    wanted = [
        key for key in keys
        if key.public_key_use in (None, "sig") and key.algorithm_name == head["alg"]
        and head.get("kid") in (None, key.key_id)
    ]  # fmt: skip
    if len(wanted) != 1:
        raise NotGood("is signed with no key of the issuer")
    if head["alg"] == "RS256" and wanted[0].key.key_size < LEAST_RSA_BITS:
        raise NotGood("is signed with a key that is too short")
    return wanted[0].key


def _why(error: Exception) -> str:
    import jwt

    match error:
        case jwt.ExpiredSignatureError():
            return "has expired"
        case jwt.ImmatureSignatureError():
            return "is not valid yet"
        case jwt.InvalidAudienceError():
            return "is for another server"
        case jwt.InvalidIssuerError():
            return "is another issuer's"
        case jwt.MissingRequiredClaimError():
            return "does not say all it must"
        case _:
            return "is not signed by the issuer"
