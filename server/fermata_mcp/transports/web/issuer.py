"""An OAuth 2.1 authorization server as a resource server sees it: its metadata, its keys, what it says of a token."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

import anyio

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import ProviderUnavailable, UnexpectedResponse
from fermata_mcp.media.network.addresses import AddressRefused

METADATA_SECONDS = 3600.0
KEYS_SECONDS = 300.0
# A key that is not among the known ones may be new; but anybody can name keys that are not there.
KEYS_AGAIN_SECONDS = 10.0
# Keys that were good a while ago are good while the issuer cannot be reached.
STALE_SECONDS = 3600.0
ASKED_AT_ONCE = 8


class Issuer:
    """Speaks to the issuer alone, and only as often as there is something new to learn.

    Raises ProviderUnavailable from every method where it cannot be reached, and UnexpectedResponse where it answers
    with something else.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        assert settings.oauth_issuer is not None
        self.address = settings.oauth_issuer.rstrip("/")
        secret = settings.oauth_client_secret
        self._credentials = (settings.oauth_client_id or "", secret.get_secret_value()) if secret else None
        self._trusted = frozenset({_authority(self.address), *settings.trusted_hosts})
        self._clock = clock
        self._turn = anyio.Lock()
        self._asked = anyio.CapacityLimiter(ASKED_AT_ONCE)
        self._metadata: dict[str, Any] = {}
        self._metadata_at = -METADATA_SECONDS
        self._keys: dict[str, Any] = {}
        self._keys_at = self._tried_at = -STALE_SECONDS

    async def name(self) -> str:
        """As the issuer writes itself, and its tokens name it."""
        return str((await self._known())["issuer"])

    async def keys(self, wanted: str | None) -> dict[str, Any]:
        """The JSON Web Key Set, read anew where it is old or lacks the `wanted` key."""
        async with self._turn:
            now = self._clock()
            if now - self._keys_at < KEYS_SECONDS and (self._has(wanted) or now - self._tried_at < KEYS_AGAIN_SECONDS):
                return self._keys
            try:
                self._keys = await self._read_keys()
                self._keys_at = self._tried_at = now
            except (ProviderUnavailable, UnexpectedResponse):
                self._tried_at = now
                if now - self._keys_at > STALE_SECONDS:
                    raise
            return self._keys

    async def _read_keys(self) -> dict[str, Any]:
        address = (await self._known()).get("jwks_uri")
        if not isinstance(address, str):
            raise UnexpectedResponse("the issuer's metadata names no keys.")
        return await self._document(address)

    def _has(self, wanted: str | None) -> bool:
        published = self._keys.get("keys")
        keys = cast("list[Any]", published) if isinstance(published, list) else []
        return wanted is None or any(
            cast("dict[str, Any]", key).get("kid") == wanted for key in keys if isinstance(key, dict)
        )

    async def introspected(self, token: str) -> dict[str, Any] | None:
        """What the issuer says of a token (RFC 7662); None where nobody may ask."""
        address = (await self._known()).get("introspection_endpoint")
        if self._credentials is None or not isinstance(address, str):
            return None
        async with self._asked:
            form = {"token": token, "token_type_hint": "access_token"}
            return await self._document(address, form=form, credentials=self._credentials)

    async def _known(self) -> dict[str, Any]:
        if self._clock() - self._metadata_at < METADATA_SECONDS:
            return self._metadata
        try:
            self._metadata = await self._read_metadata()
        except (ProviderUnavailable, UnexpectedResponse):
            if not self._metadata:
                raise
        self._metadata_at = self._clock()
        return self._metadata

    async def _read_metadata(self) -> dict[str, Any]:
        refused: UnexpectedResponse | None = None
        for address in _metadata_addresses(self.address):
            try:
                found = await self._document(address)
            except UnexpectedResponse as error:
                refused = error
                continue
            if str(found.get("issuer", "")).rstrip("/") != self.address:
                raise UnexpectedResponse("the issuer's metadata names another issuer.")
            return found
        raise UnexpectedResponse("the issuer publishes no metadata.") from refused

    async def _document(self, address: str, **more: Any) -> dict[str, Any]:
        from fermata_mcp.media.network.documents import document

        try:
            return await document(address, self._trusted, **more)
        except AddressRefused as error:
            raise UnexpectedResponse(f"the issuer's metadata leads elsewhere: {error.message}") from None


def _metadata_addresses(issuer: str) -> list[str]:
    """Where metadata may be (RFC 8414, OpenID Connect Discovery), likeliest first."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    inserted = [f"{origin}/.well-known/{name}{path}" for name in ("oauth-authorization-server", "openid-configuration")]
    return list(dict.fromkeys([*inserted, f"{issuer}/.well-known/openid-configuration"]))


def _authority(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or (80 if parts.scheme == 'http' else 443)}"
