"""JSON documents of a host that the operator trusts: bounded in bytes and time, never redirected.

One of the modules that speak HTTP; import it where it is used, it is slow to load.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import httpx2 as httpx
from pydantic_core import from_json

from fermata_mcp import __version__
from fermata_mcp.domain.errors import ProviderUnavailable, UnexpectedResponse

from .addresses import allowed_addresses
from .tls import tls

MAX_BYTES = 256 * 1024
DEADLINE_SECONDS = 5.0
_HEADERS = {"User-Agent": f"fermata-mcp/{__version__}", "Accept": "application/json", "Accept-Encoding": "identity"}


async def document(
    url: str,
    trusted: frozenset[str],
    *,
    form: Mapping[str, str] | None = None,
    credentials: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """The JSON object at an address.

    Args:
        trusted: host or host:port entries that may be private, and reached without TLS.
        form: Sent by POST where it is given.
        credentials: User and password, as HTTP knows them.

    Raises:
        ProviderUnavailable: It cannot be reached, or does not answer in time.
        UnexpectedResponse: It answers with something else.
    """
    host = urlsplit(url).hostname or ""
    try:
        with anyio.fail_after(DEADLINE_SECONDS):
            await _check(url, trusted)
            status, body = await _asked(url, form, credentials)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
        raise ProviderUnavailable(f"{host} did not answer ({type(error).__name__}).") from None
    if status >= 500 or status == 429:
        raise ProviderUnavailable(f"{host} answered {status}.")
    if status != 200:
        raise UnexpectedResponse(f"{host} answered {status}.")
    return _parsed(body, host)


async def _check(url: str, trusted: frozenset[str]) -> None:
    parts = urlsplit(url)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    await allowed_addresses(parts.scheme, (parts.hostname or "").lower(), port, trusted)


async def _asked(
    url: str, form: Mapping[str, str] | None, credentials: tuple[str, str] | None
) -> tuple[int, bytearray]:
    body = bytearray()
    async with (
        httpx.AsyncClient(verify=tls(), follow_redirects=False, timeout=DEADLINE_SECONDS, trust_env=False) as client,
        client.stream("GET" if form is None else "POST", url, data=form, auth=credentials, headers=_HEADERS) as answer,
    ):
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > MAX_BYTES:
                raise UnexpectedResponse(f"{answer.url.host} sent more than {MAX_BYTES} bytes.")
    return answer.status_code, body


def _parsed(body: bytearray, host: str) -> dict[str, Any]:
    try:
        found = from_json(bytes(body))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UnexpectedResponse(f"{host} sent no JSON object.")
    return cast("dict[str, Any]", found)
