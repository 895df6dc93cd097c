"""Where providers post news of their work: everything well formed is answered alike, and at once.

The path holds a secret of the attempt, so neither the Host nor an Origin says anything more about who may post.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fermata_mcp.domain.hooks import HOOKS_PATH

MOST_BYTES = 256 * 1024
BODY_SECONDS = 10.0
BODIES_AT_ONCE = 64
_NOT_STORED = {"cache-control": "no-store"}


class _Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.response = JSONResponse({"error": why}, status, _NOT_STORED | {"connection": "close"})


Take = Callable[[str, Mapping[str, str], bytes, Any], None]


def hook_routes(take: Take) -> list[Route]:
    """`POST /hooks/{secret}`; `take` is given the secret, headers, body, and the body as JSON, and never waits."""
    room = anyio.Semaphore(BODIES_AT_ONCE)

    async def answer(request: Request) -> Response:
        try:
            raw = await _body(request, room)
            take(request.path_params["secret"], request.headers, raw, _parsed(raw))
        except _Refused as refused:
            return refused.response
        except ClientDisconnect:
            return Response(status_code=400)
        return JSONResponse({"ok": True}, headers=_NOT_STORED)

    return [Route(HOOKS_PATH + "{secret}", answer, methods=["POST"])]


async def _body(request: Request, room: anyio.Semaphore) -> bytes:
    """Raises _Refused where it is too long or too slow, or too many come at once."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MOST_BYTES:
        raise _too_long()
    try:
        room.acquire_nowait()
    except anyio.WouldBlock:
        raise _Refused(503, "too many posts at once") from None
    try:
        with anyio.fail_after(BODY_SECONDS):
            return await _collected(request)
    except TimeoutError:
        raise _Refused(408, f"the body did not arrive within {BODY_SECONDS:.0f} s") from None
    finally:
        room.release()


async def _collected(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise _too_long()
    return bytes(body)


def _too_long() -> _Refused:
    return _Refused(413, f"a post may have {MOST_BYTES} bytes at most")


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise _Refused(400, "the body is no JSON") from None
