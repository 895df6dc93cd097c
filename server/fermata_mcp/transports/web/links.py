"""`/files/…`: audio for whoever has a link that we signed, with ranges (RFC 9110), needing no header."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fermata_mcp.domain.errors import FermataError, StoreUnavailable
from fermata_mcp.engine.audio.links import FILES, Expired, Links, nothing_here
from fermata_mcp.media.files import opened_whole
from fermata_mcp.media.formats.kinds import media_type
from fermata_mcp.media.objects.keys import content_of, key_in
from fermata_mcp.media.objects.ranges import NoSuchPart, Part, part_asked_for

_PIECE = 256 * 1024
# Whoever has the link may use it from any page; what it gives is never run.
_HEADERS = {
    "accept-ranges": "bytes",
    "access-control-allow-origin": "*",
    "cache-control": "private, no-transform",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def link_routes(links: Links) -> list[Route]:
    """The one route; who has a link needs no other leave."""

    async def give(request: Request) -> Response:
        try:
            path = await _checked(links, request.path_params)
            file, size = await anyio.to_thread.run_sync(opened_whole, path)
        except FermataError as error:
            return _refusal(error)
        return _answer(request, file, size, path)

    return [Route(f"/{FILES}/{{expires}}/{{signature}}/{{of:path}}", give, methods=["GET", "HEAD"])]


async def _checked(links: Links, named: dict[str, str]) -> Path:
    await links.check("GET", named["expires"], named["signature"], named["of"])
    return await links.file(named["of"])


def _refusal(error: FermataError) -> Response:
    """What was made up, and what is gone, is answered alike."""
    match error:
        case Expired():
            return PlainTextResponse(f"{error}\n", 410, headers={"cache-control": "no-store"})
        case StoreUnavailable():
            return PlainTextResponse(f"{error}\n", 503, headers={"retry-after": "5"})
        case _:
            return PlainTextResponse(f"{nothing_here()}\n", 404, headers={"cache-control": "no-store"})


def _answer(request: Request, file: int, size: int, path: Path) -> Response:
    facts = os.fstat(file)
    key = key_in(path)
    tag = content_of(key) if key else f"{facts.st_ino:x}-{facts.st_size:x}-{facts.st_mtime_ns:x}"
    name = quote(path.name.encode(errors="surrogateescape"))
    headers = _HEADERS | {
        "etag": f'"{tag}"',
        "last-modified": formatdate(facts.st_mtime, usegmt=True),
        "content-disposition": f"inline; filename*=UTF-8''{name}",
    }
    if request.headers.get("if-none-match", "").strip() in ("*", f'"{tag}"', f'W/"{tag}"'):
        os.close(file)
        return Response(status_code=304, headers=headers)
    try:
        part = part_asked_for(request.headers.get("range"), size) if _still_the_same(request, headers) else None
    except NoSuchPart:
        os.close(file)
        return Response(status_code=416, headers=headers | {"content-range": f"bytes */{size}"})
    if part is not None:
        headers["content-range"] = f"bytes {part.first}-{part.end - 1}/{size}"
    return _Given(file, part or Part(0, size), 206 if part else 200, headers, media_type(path.name))


def _still_the_same(request: Request, headers: dict[str, str]) -> bool:
    """Whether the file is what a client has a part of already; a weak tag proves nothing."""
    said = request.headers.get("if-range")
    return said is None or said in (headers["etag"], headers["last-modified"])


class _Given(StreamingResponse):
    """A part of an open file, which is closed however the answer ends. HEAD gets no bytes."""

    def __init__(self, file: int, part: Part, status: int, headers: dict[str, str], kind: str) -> None:
        length = {"content-length": str(part.end - part.first)}
        super().__init__(_pieces(file, part), status, headers | length, kind)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["method"] == "HEAD":
                await Response(None, self.status_code, dict(self.headers))(scope, receive, send)
            else:
                await super().__call__(scope, receive, send)
        finally:
            os.close(self._file)


async def _pieces(file: int, part: Part) -> AsyncGenerator[bytes]:
    at = part.first
    while at < part.end:
        piece = await anyio.to_thread.run_sync(os.pread, file, min(_PIECE, part.end - at), at)
        if not piece:
            return
        at += len(piece)
        yield piece
