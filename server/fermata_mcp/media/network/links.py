"""A look at a link before anything is sent or paid for: may it be spoken to, and is what is there audio?

Speaks HTTP through `media.download`; import it where it is used, it is slow to load.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx2 as httpx

from fermata_mcp.domain.errors import InvalidRequest, NotAudio, ProviderUnavailable, UnexpectedResponse
from fermata_mcp.domain.pages import is_known_page
from fermata_mcp.media.formats.kinds import SUFFIXES, sniff

from .addresses import AddressRefused, Resolver, is_trusted, system_resolver
from .download import answer_within, content_type_of, host_of, parsed

FIRST_BYTES = 4096
LOOK_SECONDS = 8.0
_REFUSED = {
    401: "is not public", 402: "is not public", 403: "is not public or has expired", 404: "is not there",
    410: "is no longer there", 441: "has expired", 451: "is not public",
}  # fmt: skip
_NO_AUDIO = re.compile(rb"\s*[<{\[]|#EXTM3U|%PDF|\x89PNG|\xff\xd8\xff|GIF8|PK\x03\x04|\x1f\x8b")
_BYTES = ("", "application/octet-stream", "binary/octet-stream", "application/force-download")
_SAVED = "save the audio where you may, and give the path of that file."
_INSTEAD = "give the address of the audio itself, such as …/song.mp3, or save the audio and give the path of that file."
# Names that lead nowhere outside one house or company, whatever is served there.
_AT_HOME = re.compile(r"[^.]+|.*\.(local|localhost|lan|home|internal|intranet|corp|home\.arpa)")


@dataclass(frozen=True)
class Look:
    """What is at a link. `suffix` is the file suffix that its bytes call for; None where it cannot be told."""

    suffix: str | None
    certain: bool


async def look(
    url: str,
    *,
    trusted: frozenset[str],
    deadline_seconds: float = LOOK_SECONDS,
    resolve: Resolver = system_resolver,
) -> Look:
    """Read the first few KiB behind a link.

    Args:
        trusted: host or host:port entries that may be private addresses, and reached without TLS.
        deadline_seconds: For everything, from the first look-up to the last byte.

    Raises:
        AddressRefused: The address, or one it redirects to, may not be spoken to, or is known at home only.
        InvalidRequest: Nothing is there, or it is not public.
        NotAudio: A web page, or something else that is not audio.
        ProviderUnavailable: It cannot be reached now; somebody else may reach it.
    """
    first = parsed(url)
    host = host_of(first)
    _refuse_home(first, host, trusted)
    if is_known_page(host):
        raise NotAudio(f"{host} shows pages with a player, and gives no audio.", _SAVED)
    try:
        async with answer_within(deadline_seconds, first, trusted, resolve, "answer", FIRST_BYTES) as answer:
            _check_status(answer.status_code, host)
            return _judge(await _start_of(answer), content_type_of(answer) or "", host)
    except UnexpectedResponse as error:
        raise InvalidRequest(error.message, "give the address of the audio itself.") from None


def _refuse_home(url: httpx.URL, host: str, trusted: frozenset[str]) -> None:
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    if ":" not in host and _AT_HOME.fullmatch(host.rstrip(".")) and not is_trusted(host, port, trusted):
        raise AddressRefused(f"{host} is a name that is only known at home, not a public address.")


def _check_status(status: int, host: str) -> None:
    if status in _REFUSED:
        raise InvalidRequest(
            f"the link at {host} {_REFUSED[status]} (HTTP {status}).",
            "check the link in a private window of a browser, or give the file itself.",
        )
    if status not in (200, 206):
        raise ProviderUnavailable(f"{host} does not show the link now (HTTP {status}).")


async def _start_of(answer: httpx.Response) -> bytes:
    start = b""
    async for piece in answer.aiter_bytes(FIRST_BYTES):
        start += piece
        if len(start) >= FIRST_BYTES:
            break
    return start[:FIRST_BYTES]


def _judge(start: bytes, kind: str, host: str) -> Look:
    suffix = sniff(start)
    if suffix is not None:
        return Look(suffix, certain=True)
    if not start or _NO_AUDIO.match(start) or not _may_be_audio(kind):
        what = f"a web page ({kind})" if "html" in kind else f"not audio ({kind})" if start and kind else "not audio"
        raise NotAudio(f"what is at {host} is {what}.", _INSTEAD)
    return Look(SUFFIXES.get(kind), certain=kind not in _BYTES)


def _may_be_audio(kind: str) -> bool:
    return kind in SUFFIXES or kind.startswith(("audio/", "video/")) or kind in _BYTES
