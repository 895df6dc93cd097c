"""What must be right before a request can be sent, and how far one got: paid or not, nothing is guessed about it."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.to_thread

from fermata_mcp.domain.errors import InvalidRequest, ProviderUnavailable
from fermata_mcp.media.files import sealed_bytes
from fermata_mcp.media.formats.kinds import media_type
from fermata_mcp.media.network.tls import tls

from .wire import Call

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class CannotBegin(ProviderUnavailable):
    """What is set on this machine keeps every request from being sent, now and later."""

    retryable = False
    default_hint = "correct it, start the server again, and call again."


class Watch:
    """Follows how far a request got, as the HTTP client tells it. `blind`: where no network is, nothing is told."""

    def __init__(self, *, blind: bool) -> None:
        self._connecting = False
        self._sending = blind

    async def __call__(self, event: str, _: Mapping[str, Any]) -> None:
        self._connecting |= event.startswith(("connection.connect", "connection.start_tls"))
        self._sending |= "send_request" in event

    @property
    def nothing_sent(self) -> bool:
        """Only where connecting was seen and sending was not: silence proves nothing."""
        return self._connecting and not self._sending


def authorities() -> ssl.SSLContext:
    """The trusted authorities. Raises CannotBegin."""
    try:
        return tls()
    except (OSError, ValueError) as error:
        raise CannotBegin(
            f"the trusted authorities of this machine cannot be read ({type(error).__name__}); nothing was sent.",
            "correct SSL_CERT_FILE or SSL_CERT_DIR, start the server again, and call again.",
        ) from error


def unusable_proxy(error: Exception) -> CannotBegin:
    """Without what the variables hold, which may be a password."""
    named = (
        " or ".join(name for name in _PROXIES if name in {key.upper() for key in os.environ}) or "the system's proxy"
    )
    why = "SOCKS needs the package socksio" if isinstance(error, ImportError) else "it is no address of a proxy"
    return CannotBegin(f"{named} names what cannot be used ({why}); nothing was sent.")


def no_address(variable: str) -> CannotBegin:
    return CannotBegin(
        f"{variable} is no address; nothing was sent.", f"set {variable} to one like https://host, and start again."
    )


def innermost(error: Exception) -> Exception:
    """What happened, where it comes in groups of groups."""
    while isinstance(error, ExceptionGroup):
        error = cast("ExceptionGroup[Exception]", error).exceptions[0]
    return error


async def existing(path: str) -> Path:
    """The source file. Raises InvalidRequest where there is none any more."""
    if not await anyio.Path(path).is_file():
        raise InvalidRequest("the source file is no longer there.", "give the file where it is now.")
    return Path(path)


async def content(call: Call) -> tuple[dict[str, Any], dict[str, str]]:
    """The body of a request, as its client is told, and the headers that belong to it.

    Raises:
        InvalidRequest: The file cannot be read.
        FileNotAllowed: It is not the one that was checked.
    """
    if call.file is None:
        return ({} if call.body is None else {"json": call.body}), {}
    try:
        data = await anyio.to_thread.run_sync(sealed_bytes, call.file, call.seal)
    except OSError as error:
        raise InvalidRequest(f"the source file cannot be read ({type(error).__name__}); nothing was sent.") from error
    kind = call.content_type or media_type(call.file.name)
    if call.raw:
        return {"content": data}, {"Content-Type": kind}
    return {"files": _parts(call, data, kind), "data": dict(call.form)}, {}


def _parts(call: Call, data: bytes, kind: str) -> dict[str, tuple[str, bytes, str]]:
    """Each with a name for its file: some servers take a part without one for text."""
    parts = {call.part: (call.form.get("fileName", call.file.name if call.file else ""), data, kind)}
    if call.body_part is None:
        return parts
    told = json.dumps(call.body, ensure_ascii=False, allow_nan=False).encode()
    return {call.body_part: (f"{call.body_part}.json", told, "application/json"), **parts}
