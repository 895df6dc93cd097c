"""`POST /uploads` announces a file; `PUT` to the link that it answers brings its bytes, in one piece or in several.

What is asked with `Content-Range: bytes */<size>`, or by HEAD, is how much is here. 308 says that there is more to
come, and `Range` what is here; 201 that all is.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fermata_mcp.domain.errors import (
    FermataError,
    FileNotAllowed,
    InvalidRequest,
    NotFound,
    RateLimited,
    ScopeMissing,
    StoreUnavailable,
    TooLarge,
    UnknownTrack,
)
from fermata_mcp.engine.audio.links import Expired
from fermata_mcp.engine.audio.uploads import DOOR, Uploads, unknown
from fermata_mcp.engine.service import Service
from fermata_mcp.media.objects.ranges import Part, Sent, part_sent
from fermata_mcp.store.objects import Upload
from fermata_mcp.surface.access.callers import CHALLENGE, Challenge
from fermata_mcp.surface.access.permissions import require
from fermata_mcp.surface.results.view import iso

MOST_BODY_BYTES = 16 * 1024
AT_ONCE = 16
# A client that sends nothing for so long has gone; what came is kept.
SILENT_SECONDS = 60.0
_RESUME = 308
_STATUS: dict[type[FermataError], int] = {
    Expired: 410, NotFound: 404, UnknownTrack: 404, TooLarge: 413, RateLimited: 429, FileNotAllowed: 403,
    ScopeMissing: 403,
    InvalidRequest: 400, StoreUnavailable: 503,
}  # fmt: skip
logger = logging.getLogger(__name__)
ServiceOf = Callable[[Request], Service]


def announcing_route(service_of: ServiceOf) -> Route:
    """`POST /uploads`, for callers who are known."""

    async def announce(request: Request) -> Response:
        try:
            service = service_of(request)
            require(service.principal, "extend")
            name, size, resumable = _asked(await _body(request))
            base = service.settings.public_url or str(request.base_url)
            announced = await service.announce_upload(name, size, base, resumable=resumable)
        except ScopeMissing as error:
            return _refusal(error, _challenge(request, error))
        except FermataError as error:
            return _refusal(error)
        upload = announced.upload
        told = {"upload": upload.id, "put_url": announced.put_url, "expires_at": iso(upload.expires_at)}
        return JSONResponse(told, 201, {"cache-control": "no-store"})

    return Route(f"/{DOOR}", announce, methods=["POST"])


def putting_routes(uploads: Uploads, folder: Path) -> list[Route]:
    """The links to put to; who has one needs no other leave.

    Args:
        folder: Of files that are being received.
    """
    return [
        Route(
            f"/{DOOR}/{{expires}}/{{signature}}/{{upload}}", _Putting(uploads, folder).answer, methods=["PUT", "HEAD"]
        )
    ]


async def _body(request: Request) -> bytes:
    body = bytearray()
    with anyio.move_on_after(SILENT_SECONDS) as wait:
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BODY_BYTES:
                raise TooLarge("what announces an upload is longer than it can be.", "send its name and size as JSON.")
    if wait.cancelled_caught:
        raise InvalidRequest("the request did not arrive in time.", "send it again.")
    return bytes(body)


def _asked(body: bytes) -> tuple[str, int, bool]:
    try:
        given: Any = json.loads(body)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise InvalidRequest("the body is no JSON object.", 'send {"name": "song.flac", "size": 123}.')
    said = cast("dict[str, Any]", given)
    name, size, resumable = said.get("name"), said.get("size"), said.get("resumable", False)
    if not isinstance(name, str) or not isinstance(size, int) or isinstance(size, bool):
        raise InvalidRequest("`name` (text) and `size` (bytes) are needed.", 'send {"name": "song.flac", "size": 123}.')
    if unknown_names := sorted(said.keys() - {"name", "size", "resumable"}):
        raise InvalidRequest(f"there is no field {unknown_names[0]!r:.40}.", "send name, size and perhaps resumable.")
    return name, size, resumable is True


def _challenge(request: Request, error: ScopeMissing) -> dict[str, str]:
    asked: Challenge | None = request.scope.get(CHALLENGE)
    return {} if asked is None else {"www-authenticate": asked.header(error.scope)}


def _refusal(error: FermataError, more: dict[str, str] | None = None) -> JSONResponse:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
    headers = {"cache-control": "no-store"} | ({"retry-after": "60"} if status in (429, 503) else {})
    told = {"code": error.code, "message": error.message, "hint": error.hint}
    return JSONResponse({"error": told}, status, headers | (more or {}))


class _Putting:
    """See `putting_routes`."""

    def __init__(self, uploads: Uploads, folder: Path) -> None:
        self._uploads = uploads
        self._folder = folder
        self._room = anyio.Semaphore(AT_ONCE)

    async def answer(self, request: Request) -> Response:
        named = request.path_params
        try:
            upload = await self._opened(named)
            if request.method == "HEAD":
                return self._state(upload, await self._uploads.held(upload), asked=True)
            async with self._turn():
                return await self._put(request, upload)
        except FermataError as error:
            return _refusal(error)

    async def _opened(self, named: dict[str, str]) -> Upload:
        """What was made up and what is gone are told alike."""
        try:
            return await self._uploads.opened(named["expires"], named["signature"], named["upload"])
        except Expired:
            raise
        except NotFound:
            raise unknown(named["upload"]) from None

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        try:
            self._room.acquire_nowait()
        except anyio.WouldBlock:
            raise RateLimited("too many files are being received at once.", "go on in a minute.") from None
        try:
            yield
        finally:
            self._room.release()

    async def _put(self, request: Request, upload: Upload) -> Response:
        held = await self._uploads.held(upload)
        sent = self._sent(request, upload)
        if sent.part is None:
            return self._state(upload, held)
        if held >= upload.size:
            raise FileNotAllowed(f"{upload.id} is complete, and is not replaced.", "use it as source.")
        if "content-range" not in request.headers and held:
            await self._uploads.begin_anew(upload)
        elif sent.part.first != held:
            return self._state(upload, held)
        with TemporaryDirectory(prefix="upload-", dir=await self._made()) as folder:
            part = Path(folder) / "part"
            whole = await _received(request, part, sent.part.end - sent.part.first)
            held = await self._uploads.add(upload, sent.part.first, part)
        if not whole and held < upload.size:
            logger.info("upload %s was cut at %d of %d bytes", upload.id, held, upload.size)
        return self._state(upload, held)

    async def _made(self) -> Path:
        await anyio.to_thread.run_sync(lambda: self._folder.mkdir(parents=True, exist_ok=True, mode=0o700))
        return self._folder

    def _sent(self, request: Request, upload: Upload) -> Sent:
        """Which bytes the body has. Raises InvalidRequest, TooLarge."""
        header, length = request.headers.get("content-range"), request.headers.get("content-length")
        sent = Sent(Part(0, upload.size), upload.size) if header is None else part_sent(header)
        if sent is None:
            raise InvalidRequest(
                "Content-Range cannot be understood.", "write bytes 0-99/1000, or bytes */1000 to ask."
            )
        if sent.total != upload.size:
            raise InvalidRequest(
                f"{upload.id} was announced with {upload.size} bytes, not {sent.total}.", "announce the file anew."
            )
        wanted = 0 if sent.part is None else sent.part.end - sent.part.first
        if length is not None and length.isdecimal() and int(length) > wanted:
            raise TooLarge(f"the request brings {length} bytes where {wanted} belong.", "announce the file anew.")
        if length is not None and sent.part is not None and length != str(wanted):
            raise InvalidRequest(
                f"the request brings {length} of {wanted} bytes.", "say what it brings by Content-Range."
            )
        return sent

    def _state(self, upload: Upload, held: int, *, asked: bool = False) -> Response:
        done = held >= upload.size
        headers = {"cache-control": "no-store", "upload-offset": str(held), "upload-length": str(upload.size)}
        if done:
            return JSONResponse({"upload": upload.id, "size": upload.size}, 200 if asked else 201, headers)
        if held:
            headers["range"] = f"bytes=0-{held - 1}"
        return Response(status_code=200 if asked else _RESUME, headers=headers)


async def _received(request: Request, part: Path, most: int) -> bool:
    """Write what comes to a file; whether all came. A connection that was cut leaves what came before.

    Raises:
        TooLarge: More came than was said.
        StoreUnavailable: There is no room for it.
    """
    held, pieces = 0, aiter(request.stream())
    try:
        with part.open("wb") as file:
            while True:
                with anyio.fail_after(SILENT_SECONDS):
                    piece = await anext(pieces, None)
                if piece is None:
                    return held == most
                held += len(piece)
                if held > most:
                    raise TooLarge("more bytes came than were announced.", "announce the file anew.")
                await anyio.to_thread.run_sync(file.write, piece)
    except (ClientDisconnect, TimeoutError):
        return False
    except OSError as error:
        raise StoreUnavailable(f"the bytes cannot be kept ({error.strerror}).", "go on in a minute.") from error
