"""Audio from an address into a file of ours: guarded, bounded, whole or not at all.

With `providers.http` the only module that speaks HTTP; import it where it is used, it is slow to load.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import anyio
import anyio.to_thread
import httpx2 as httpx

from fermata_mcp import __version__
from fermata_mcp.domain.errors import (
    FermataError,
    ProviderUnavailable,
    TooLarge,
    UnexpectedResponse,
)
from fermata_mcp.media.atomic import Part, told_in_words
from fermata_mcp.media.formats.kinds import suffix_of

from .addresses import AddressRefused, Resolver, allowed_addresses, system_resolver
from .tls import tls

MAX_BYTES = 200 * 1024 * 1024
DEADLINE_SECONDS = 120.0
MAX_REDIRECTS = 5
PIECE_BYTES = 256 * 1024
_STEP_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
_AWAY = frozenset({408, 425, 429})
_GONE = frozenset({404, 410})
# Some audio hosts turn away whatever does not look like a browser.
_HEADERS = {
    "User-Agent": f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Fermata/{__version__}",
    "Accept": "audio/*, */*;q=0.5",
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True)
class Downloaded:
    """A file that arrived whole. `content_type` is what the server called it, without parameters."""

    path: Path
    content_type: str | None
    bytes: int


async def download(
    url: str,
    target_stem: Path,
    *,
    trusted: frozenset[str],
    max_bytes: int = MAX_BYTES,
    deadline_seconds: float = DEADLINE_SECONDS,
    resolve: Resolver = system_resolver,
) -> Downloaded:
    """Fetch audio into `<target_stem><suffix>`; the suffix tells what the bytes are, whatever the address says.

    Args:
        trusted: host or host:port entries that may be private addresses, and reached without TLS.
        deadline_seconds: For everything, from the first look-up to the last byte.

    Raises:
        AddressRefused: The address, or one it redirects to, may not be spoken to.
        UnexpectedResponse: The link has expired, or what is there is not audio.
        TooLarge: More than `max_bytes`.
        ProviderUnavailable: The network or the server failed; worth trying again.
        StoreUnavailable: The file cannot be written.
    """
    first = parsed(url)
    host = host_of(first)
    async with answer_within(deadline_seconds, first, trusted, resolve, "send the audio") as answer:
        _check(answer, host, max_bytes)
        try:
            return await _save(answer, host, target_stem, max_bytes)
        except httpx.DecodingError:
            raise UnexpectedResponse(f"{host} sent something that cannot be unpacked.") from None


# --- getting to an answer -------------------------------------------------------------------------------------------


def parsed(url: str) -> httpx.URL:
    try:
        found = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):
        raise AddressRefused("the link is not a usable address.") from None
    return _usable(found)


def _usable(url: httpx.URL) -> httpx.URL:
    if url.scheme not in ("https", "http") or not url.raw_host:
        raise AddressRefused("the link is not an https:// address.")
    if url.userinfo:
        raise AddressRefused("the link holds a user name or password.", "give a link without them.")
    return url


def host_of(url: httpx.URL) -> str:
    """As it goes over the wire: no look-alike letters reach a message."""
    return url.raw_host.decode("ascii")


@asynccontextmanager
async def answer_within(
    seconds: float,
    url: httpx.URL,
    trusted: frozenset[str],
    resolve: Resolver,
    promise: str,
    first_bytes: int | None = None,
) -> AsyncGenerator[httpx.Response, None]:
    """The final answer behind a link, for no longer than `seconds` from the first look-up to the last byte.

    Raises:
        ProviderUnavailable: The network or the server failed, and did not do what its `promise` says.
    """
    host = host_of(url)
    try:
        with anyio.fail_after(seconds):
            async with _final_answer(url, trusted, resolve, first_bytes) as answer:
                yield answer
    except TimeoutError:
        raise ProviderUnavailable(f"{host} did not {promise} within {seconds:g} s.") from None
    except httpx.HTTPError as error:
        raise ProviderUnavailable(f"{host} did not {promise} ({type(error).__name__}).") from None


@asynccontextmanager
async def _final_answer(
    url: httpx.URL, trusted: frozenset[str], resolve: Resolver, first_bytes: int | None = None
) -> AsyncGenerator[httpx.Response, None]:
    """The first answer that is no redirect. Every hop is checked like the first.

    Args:
        first_bytes: Ask for no more than these; a server may send more.
    """
    # A transport and not a client: a client would log whole addresses, signatures included, and keep cookies.
    # No connection is kept either: the next hop may be another host at the same address.
    async with httpx.AsyncHTTPTransport(verify=tls(), limits=httpx.Limits(max_keepalive_connections=0)) as network:
        for _ in range(MAX_REDIRECTS + 1):
            answer = await _ask(network, url, trusted, resolve, first_bytes)
            try:
                if not answer.has_redirect_location:
                    yield answer
                    return
                url = _next(url, answer)
            finally:
                await answer.aclose()
    raise UnexpectedResponse(f"{host_of(url)} redirects more than {MAX_REDIRECTS} times.")


def _next(url: httpx.URL, answer: httpx.Response) -> httpx.URL:
    try:
        return _usable(url.join(answer.headers["location"]))
    except (httpx.InvalidURL, UnicodeError):
        raise UnexpectedResponse(f"{host_of(url)} redirects to something that is not an address.") from None


async def _ask(
    network: httpx.AsyncHTTPTransport, url: httpx.URL, trusted: frozenset[str], resolve: Resolver, first: int | None
) -> httpx.Response:
    host = host_of(url)
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    *others, last = await allowed_addresses(url.scheme, host, port, trusted, resolve)
    for address in others:
        with suppress(httpx.ConnectError, httpx.ConnectTimeout):
            return await network.handle_async_request(_request(url, host, address, first))
    return await network.handle_async_request(_request(url, host, last, first))


def _request(url: httpx.URL, host: str, address: str, first: int | None) -> httpx.Request:
    """A request to the address that was checked; the name only tells the server, and its certificate, who is meant."""
    timeout = httpx.Timeout(_STEP_SECONDS, connect=_CONNECT_SECONDS).as_dict()
    part = {} if first is None else {"Range": f"bytes=0-{first - 1}"}
    return httpx.Request(
        "GET",
        url.copy_with(host=address),
        headers={"Host": url.netloc.decode("ascii"), **_HEADERS, **part},
        extensions={"sni_hostname": host.rstrip("."), "timeout": timeout},
    )


# --- judging it -----------------------------------------------------------------------------------------------------


def _check(answer: httpx.Response, host: str, max_bytes: int) -> None:
    status = answer.status_code
    if status in _GONE:
        raise UnexpectedResponse(f"the link at {host} has expired: nothing is there any more (HTTP {status}).")
    if status in (401, 403):
        raise UnexpectedResponse(f"the link at {host} has expired or is not public (HTTP {status}).")
    if status >= 500 or status in _AWAY:
        raise ProviderUnavailable(f"{host} cannot send the audio now (HTTP {status}).")
    if status != 200:
        raise UnexpectedResponse(f"{host} answered HTTP {status} instead of audio.")
    kind = content_type_of(answer) or ""
    if kind in ("text/html", "application/xhtml+xml") or "json" in kind:
        raise _not_audio(host)
    said = answer.headers.get("content-length", "")
    if said.isdecimal() and int(said) > max_bytes:
        raise _too_large(host, max_bytes)


def content_type_of(answer: httpx.Response) -> str | None:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()[:100] or None


def _suffix(start: bytes, content_type: str | None, host: str) -> str:
    suffix = suffix_of(start, content_type)
    if suffix is None:
        raise _not_audio(host)
    return suffix


def _not_audio(host: str) -> FermataError:
    return UnexpectedResponse(f"what {host} sent is not audio.", "check the link in a browser.")


def _too_large(host: str, max_bytes: int) -> FermataError:
    return TooLarge(f"the file at {host} is larger than {max_bytes / 1024 / 1024:g} MiB.", "use a smaller file.")


# --- keeping it -----------------------------------------------------------------------------------------------------


async def _save(answer: httpx.Response, host: str, target_stem: Path, max_bytes: int) -> Downloaded:
    content_type, suffix, size = content_type_of(answer), "", 0
    with told_in_words(target_stem.parent):
        target_stem.parent.mkdir(parents=True, exist_ok=True)
    part = Part(target_stem.parent)
    file = part.path.open("wb")
    try:
        async for piece in answer.aiter_bytes(PIECE_BYTES):
            suffix = suffix or _suffix(piece, content_type, host)
            size += len(piece)
            if max(size, answer.num_bytes_downloaded) > max_bytes:
                raise _too_large(host, max_bytes)
            await anyio.to_thread.run_sync(_write, file, piece, part.path.parent)
        if not size:
            raise UnexpectedResponse(f"{host} sent an empty file.", "check the link in a browser.")
        target = target_stem.with_name(target_stem.name + suffix)
        await anyio.to_thread.run_sync(_finish, file, part, target)
    finally:
        with suppress(OSError):
            file.close()
        part.discard()
    return Downloaded(target, content_type, size)


def _write(file: BinaryIO, piece: bytes, folder: Path) -> None:
    with told_in_words(folder):
        file.write(piece)


def _finish(file: BinaryIO, part: Part, target: Path) -> None:
    with told_in_words(target.parent):
        file.close()
    part.move_to(target)
