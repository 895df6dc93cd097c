"""The player in a browser: the page, the task as data, and its audio, for whoever may reach the server."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fermata_mcp.domain.errors import FermataError, InternalError, NotFound, TooLarge
from fermata_mcp.media.files import opened_whole
from fermata_mcp.media.formats.kinds import media_type
from fermata_mcp.surface.access.callers import Callers
from fermata_mcp.surface.results.task_view import task_view

from .audio import PIPE_BYTES, SOURCE, audio_path, audio_within
from .page import PLAYER_PAGE

# A browser on this machine takes more than an event of a stream can carry; decoded it grows tenfold.
MOST_BYTES = PIPE_BYTES
PREVIEW_HEADER = "x-fermata-preview"
_PIECE = 256 * 1024
_PRIVATE = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Player:
    """What the routes work with. `now` gives Unix milliseconds."""

    callers: Callers
    now: Callable[[], int]

    def routes(self, guarded: Callable[[Endpoint], Endpoint]) -> list[Route]:
        """Every route; `guarded` refuses what another site, or for another host, was sent."""
        paths: dict[str, Endpoint] = {
            "/player/{task_id}": _in_words(self._page, as_page=True),
            "/player/{task_id}/task": _in_words(self._task),
            "/player/{task_id}/audio/{which}": _in_words(self._audio),
            "/player/{task_id}/file/{which}": _in_words(self._file),
            "/player/{rest:path}": _in_words(self._nothing, as_page=True),
        }
        return [Route(path, guarded(endpoint), methods=["GET"]) for path, endpoint in paths.items()]

    async def _page(self, request: Request) -> Response:
        await self.callers.of(request).get(request.path_params["task_id"])
        return HTMLResponse(PLAYER_PAGE.text, headers=_PRIVATE | {"content-security-policy": PLAYER_PAGE.policy()})

    async def _nothing(self, request: Request) -> Response:
        raise NotFound("there is no such page.", "open /player/ and the id of a task.")

    async def _task(self, request: Request) -> Response:
        service, task_id = self.callers.of(request), request.path_params["task_id"]
        task = await service.with_missing_audio(await service.get(task_id))
        view = task_view(task, self.now(), service.spec(task.provider), all_seams=True)
        return Response(view.model_dump_json(), media_type="application/json", headers=_PRIVATE)

    async def _audio(self, request: Request) -> Response:
        given = await audio_within(self.callers.of(request), await self._path(request), MOST_BYTES, None)
        said = {PREVIEW_HEADER: quote(given.told["words"])} if given.told else {}
        return await _streamed(given.path, given.kind, said)

    async def _file(self, request: Request) -> Response:
        path = await self._path(request)
        name = quote(path.name.encode(errors="surrogateescape"))
        return await _streamed(path, media_type(path.name), {"content-disposition": f"inline; filename*=UTF-8''{name}"})

    async def _path(self, request: Request) -> Path:
        which = request.path_params["which"]
        if which != SOURCE and not (which.isdecimal() and len(which) <= 2):
            raise NotFound(f"there is no audio {which!r:.20}.", "use the number of a clip, or source.")
        return await audio_path(self.callers.of(request), request.path_params["task_id"], which)


async def _streamed(path: Path, kind: str, headers: dict[str, str]) -> Response:
    file, size = await anyio.to_thread.run_sync(opened_whole, path)
    return _Streamed(file, kind, _PRIVATE | {"content-length": str(size)} | headers)


class _Streamed(StreamingResponse):
    """A file piece by piece, which is closed however the answer ends."""

    def __init__(self, file: int, kind: str, headers: dict[str, str]) -> None:
        super().__init__(_pieces(file), headers=headers, media_type=kind)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self._file)


async def _pieces(file: int) -> AsyncGenerator[bytes]:
    while data := await anyio.to_thread.run_sync(os.read, file, _PIECE):
        yield data


def _in_words(answer: Endpoint, *, as_page: bool = False) -> Endpoint:
    """Our errors with a status and their words: a page for people, a line for scripts."""

    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except FermataError as error:
            return _refusal(error, as_page)

    return answered


def _refusal(error: FermataError, as_page: bool) -> Response:
    status = 404 if isinstance(error, NotFound) else 413 if isinstance(error, TooLarge) else _status(error)
    headers: dict[str, Any] = _PRIVATE
    if not as_page:
        return PlainTextResponse(str(error), status, headers)
    said = f"<!doctype html><title>Fermata</title><h1>{escape(error.message)}</h1><p>Next: {escape(error.hint)}</p>"
    return HTMLResponse(said, status, headers | {"content-security-policy": "default-src 'none'"})


def _status(error: FermataError) -> int:
    return 500 if isinstance(error, InternalError) else 409
