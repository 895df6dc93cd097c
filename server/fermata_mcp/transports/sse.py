"""The older HTTP transport: a stream at `/sse`, and messages by POST to `/messages/`."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fermata_mcp.domain.access.principal import ONE_PERSON, Principal
from fermata_mcp.domain.moments import counted
from fermata_mcp.surface.access.callers import principal_of

from .connection import Connection, NotReading, Read
from .guard import Bodies, Doors, as_message, check_call, check_is_json
from .refusals import Refused, busy, refused, too_many
from .serving import Serving

SSE_PATH, MESSAGES_PATH = "/sse", "/messages/"
# Each is a connection too.
MAX_SSE_SESSIONS = 2048
# Messages of a client that have arrived, and that we have not come to yet.
WAITING_MESSAGES = 64


@dataclass(frozen=True)
class _Session:
    inbox: MemoryObjectSendStream[Read]
    principal: str


class SseTransport:
    """Sessions by the secret that their stream begins with."""

    def __init__(self, serving: Serving, doors: Doors, bodies: Bodies, sessions_each: int = MAX_SSE_SESSIONS) -> None:
        self._serving = serving
        self._doors = doors
        self._bodies = bodies
        self._sessions_each = sessions_each
        self._sessions: dict[str, _Session] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET `/sse`: a new session, for as long as the stream is read."""
        request = Request(scope, receive)
        try:
            self._doors.check(request.headers)
            if len(self._sessions) >= MAX_SSE_SESSIONS:
                raise busy(f"{MAX_SSE_SESSIONS} streams are open; close one, or use /mcp")
            self._check_share(principal_of(request))
        except Refused as answer:
            await answer.response(scope, receive, send)
            return
        await self._carry(request, scope, receive, send)

    def _check_share(self, who: Principal) -> None:
        own = sum(session.principal == who.name for session in self._sessions.values())
        if who != ONE_PERSON and own >= self._sessions_each:
            raise too_many(f"{counted(own, 'open stream', 'is', 'are')} yours; close one", 60)

    async def _carry(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        name = secrets.token_hex(16)
        inbox, incoming = anyio.create_memory_object_stream[Read](WAITING_MESSAGES)
        outbox, outgoing = anyio.create_memory_object_stream[dict[str, Any]](0)
        self._sessions[name] = _Session(inbox, principal_of(request).name)
        place = scope.get("root_path", "").rstrip("/") + f"{MESSAGES_PATH}?session_id={name}"
        try:
            async with anyio.create_task_group() as group, inbox, incoming, outbox, outgoing:
                group.start_soon(self._serve, incoming, outbox, request)
                await EventSourceResponse(_events(place, outgoing))(scope, receive, send)
                group.cancel_scope.cancel()
        finally:
            del self._sessions[name]

    async def _serve(
        self,
        incoming: MemoryObjectReceiveStream[Read],
        outbox: MemoryObjectSendStream[dict[str, Any]],
        request: Request,
    ) -> None:
        async def write(data: bytes) -> None:
            await outbox.send({"event": "message", "data": data.decode()})

        async with outbox:
            try:
                await Connection(self._serving, write, request).serve(incoming)
            except* (NotReading, anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass  # the stream ends with its outbox

    async def post(self, request: Request) -> Response:
        """POST `/messages/`: one message of a session."""
        try:
            return await self._taken(request)
        except Refused as answer:
            return answer.response

    async def _taken(self, request: Request) -> Response:
        self._doors.check(request.headers)
        check_is_json(request.headers)
        session = self._sessions.get(request.query_params.get("session_id", ""))
        if session is None or session.principal != principal_of(request).name:
            raise refused(404, "there is no such session; open a stream at /sse")
        body = await self._bodies.read(request.headers, request.receive)
        if body is None:
            return Response(status_code=400)
        message = as_message(body)
        check_call(request.scope, message)
        try:
            session.inbox.send_nowait(message)
        except anyio.WouldBlock:
            raise busy(
                "too many messages at once; read the stream beside sending", getattr(message, "id", None)
            ) from None
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise refused(404, "the session has ended; open a stream at /sse") from None
        return Response("Accepted", 202)


async def _events(place: str, outgoing: MemoryObjectReceiveStream[dict[str, Any]]) -> AsyncGenerator[dict[str, Any]]:
    yield {"event": "endpoint", "data": place}
    async for event in outgoing:
        yield event
