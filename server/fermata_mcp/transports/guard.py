"""What every http request passes before the protocol sees it: whose it is, how large, and whether it can be read.

Every refusal is a JSON-RPC error, under the id of the request where it can be made out.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from mcp.types import INVALID_REQUEST, PARSE_ERROR, JSONRPCError, JSONRPCMessage, JSONRPCRequest
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fermata_mcp.domain.access.principal import ONE_PERSON, Principal
from fermata_mcp.surface.access.callers import PRINCIPAL
from fermata_mcp.surface.access.permissions import of_message
from fermata_mcp.surface.resources import is_audio

from .messages import MAX_MESSAGE_BYTES, on_the_wire, read_message, refusal
from .refusals import Refused, busy, check_scope, refused
from .sessions import MAX_SESSIONS, Ids, Open, Sessions

# Bodies of all clients that have not been read to their end.
BODIES_AT_ONCE_BYTES = 16 * MAX_MESSAGE_BYTES
BODY_SECONDS = 30.0
# Answers of megabytes each; a client that does not read its own is cut off by the socket's deadline.
AUDIO_AT_ONCE = 8
AUDIO_WAIT_SECONDS = 10.0
SESSION_HEADER = "mcp-session-id"
# This machine, as requests name it.
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Doors:
    """The hosts and the origins that a request may name; a page of another site is not let in through a browser."""

    hosts: frozenset[str]

    def check(self, headers: Headers) -> None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if _without_port(host) not in self.hosts:
            raise refused(
                421,
                f"this server is not {host!r:.100}; it is {', '.join(sorted(self.hosts))}. "
                "Next: use one of these, or have the operator set FERMATA_PUBLIC_URL",
            )
        scheme, _, site = (origin or "").partition("://")
        if origin and not (scheme in ("http", "https") and _without_port(site) in self.hosts):
            raise refused(403, f"pages of {origin!r:.100} may not call this server")


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() and not host.endswith("]") else host).lower()


class Bodies:
    """Reads bodies of requests, within limits for one and for all."""

    def __init__(self) -> None:
        self._held = 0

    async def read(self, headers: Headers, receive: Receive) -> bytes | None:
        """The body, or None where the client left.

        Raises:
            Refused: It is too long, too slow, or too much at once.
        """
        if int(declared if (declared := headers.get("content-length", "")).isdecimal() else 0) > MAX_MESSAGE_BYTES:
            raise _too_long()
        body = bytearray()
        try:
            with anyio.fail_after(BODY_SECONDS):
                return await self._collect(body, receive)
        except TimeoutError:
            raise refused(408, f"the request did not arrive within {BODY_SECONDS:.0f} s", connection="close") from None
        finally:
            self._held -= len(body)

    async def _collect(self, body: bytearray, receive: Receive) -> bytes | None:
        while True:
            part = await receive()
            if part["type"] != "http.request":
                return None
            data = part.get("body", b"")
            if len(body) + len(data) > MAX_MESSAGE_BYTES:
                raise _too_long()
            if self._held + len(data) > BODIES_AT_ONCE_BYTES:
                raise busy("too many large requests at once")
            self._held += len(data)
            body += data
            if not part.get("more_body", False):
                return bytes(body)


def _too_long() -> Refused:
    return refused(
        413, f"a request may have {MAX_MESSAGE_BYTES} bytes at most; give a path or a link", connection="close"
    )


def as_message(body: bytes) -> JSONRPCMessage:
    """The message in a body.

    Raises:
        Refused: There is none; the answer names every id that asks.
    """
    read = read_message(body)
    if not isinstance(read, tuple):
        return read
    raise Refused(400, *(read or (refusal(PARSE_ERROR, "the body holds no message that can be answered"),)))


def check_call(scope: Scope, message: JSONRPCMessage | None) -> None:
    """Refuse what the token does not allow, if the client can ask an authorization server for one that does."""
    if isinstance(message, JSONRPCRequest):
        check_scope(scope, of_message(message.method, message.params or {}), message.id)


def check_is_json(headers: Headers) -> None:
    if not headers.get("content-type", "").lower().startswith("application/json"):
        raise refused(400, "the content type of a message is application/json")


class Guard:
    """The SDK's Streamable HTTP app behind these checks."""

    def __init__(self, app: ASGIApp, doors: Doors, bodies: Bodies, sessions_each: int = MAX_SESSIONS) -> None:
        self._app = app
        self._sessions_each = sessions_each
        self._doors = doors
        self._bodies = bodies
        self._sessions = Sessions()
        self._ids = Ids()
        self._audio = anyio.Semaphore(AUDIO_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._guarded(scope, receive, send)
        except Refused as answer:
            await answer.response(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        self._doors.check(headers)
        message: JSONRPCMessage | None = None
        if scope["method"] == "POST":
            check_is_json(headers)
            body = await self._bodies.read(headers, receive)
            if body is None:
                return
            message = as_message(body)
            receive = _again(body, receive)
        check_call(scope, message)
        scope = self._with_own_session(scope, headers)
        session = Headers(scope=scope).get(SESSION_HEADER)
        request = message if isinstance(message, JSONRPCRequest) else None
        async with self._ids.use(session, request), self._room(scope, session, request):
            await self._app(scope, receive, self._watched(send, request, scope[PRINCIPAL].name))

    def _with_own_session(self, scope: Scope, headers: Headers) -> Scope:
        """The same request; another principal's session is to it like one that nobody has."""
        session = headers.get(SESSION_HEADER)
        if session is None or self._sessions.is_of(session, scope[PRINCIPAL].name):
            return scope
        unknown = (SESSION_HEADER.encode(), secrets.token_hex(16).encode())
        others = [header for header in scope["headers"] if header[0] != SESSION_HEADER.encode()]
        return {**scope, "headers": [*others, unknown]}

    @asynccontextmanager
    async def _room(self, scope: Scope, session: str | None, request: JSONRPCRequest | None) -> AsyncGenerator[None]:
        if session is None and request is not None and request.method == "initialize":
            await self._make_room(scope)
        with Open(self._sessions, session):
            if request is None or not _asks_for_audio(request):
                yield
                return
            with anyio.move_on_after(AUDIO_WAIT_SECONDS) as wait:
                await self._audio.acquire()
            if wait.cancelled_caught:
                raise busy("too much audio is being read at once; ask again, or open the file by its path", request.id)
            try:
                yield
            finally:
                self._audio.release()

    async def _make_room(self, scope: Scope) -> None:
        who: Principal = scope[PRINCIPAL]
        own = None if who == ONE_PERSON else self._sessions.spare_of(who.name, self._sessions_each)
        for spare in (own, self._sessions.spare()):
            if spare is not None:
                await self._end_session(spare, scope)

    async def _end_session(self, spare: str, scope: Scope) -> None:
        self._sessions.forget(spare)
        logger.info("a session was ended to make room for a new one")
        headers = [(SESSION_HEADER.encode(), spare.encode())]
        await self._app({**scope, "method": "DELETE", "headers": headers}, _left, _unheard)

    def _watched(self, send: Send, request: JSONRPCRequest | None, principal: str) -> Send:
        """`send`, where every refusal becomes a JSON-RPC error under the id of the request.

        New sessions are noticed on the way.
        """
        refusing: list[Message] = []

        async def watched(part: Message) -> None:
            if part["type"] == "http.response.start":
                headers = Headers(raw=part["headers"])
                if part["status"] == 200 and SESSION_HEADER in headers and request and request.method == "initialize":
                    self._sessions.begin(headers[SESSION_HEADER], principal)
                if part["status"] >= 400:
                    refusing.append(part)
                    return
            if refusing:
                await _send_as_error(refusing, part, request, send)
            else:
                await send(part)

        return watched


async def _send_as_error(refusing: list[Message], part: Message, request: JSONRPCRequest | None, send: Send) -> None:
    refusing.append(part)
    if part.get("more_body", False):
        return
    start = refusing[0]
    said = b"".join(one.get("body", b"") for one in refusing[1:])
    body = on_the_wire(_named(_error_in(said, start["status"]), request))
    kept = [(name, value) for name, value in start["headers"] if name not in (b"content-type", b"content-length")]
    fresh = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({**start, "headers": kept + fresh})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _error_in(said: bytes, status: int) -> JSONRPCError:
    try:
        return JSONRPCError.model_validate_json(said, by_name=False)
    except ValidationError:
        words = said.decode(errors="replace")[:300]
        return refusal(INVALID_REQUEST, words or _STATUS.get(status, "refused"))


def _named(error: JSONRPCError, request: JSONRPCRequest | None) -> JSONRPCError:
    """The error under the id that was asked with, where the SDK left it out."""
    return error if error.id is not None or request is None else error.model_copy(update={"id": request.id})


_STATUS = {
    405: "this method is not served here",
    406: "the client must accept application/json and text/event-stream",
}


def _asks_for_audio(request: JSONRPCRequest) -> bool:
    return request.method == "resources/read" and is_audio(str((request.params or {}).get("uri")))


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, then what really comes."""
    parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return parts.pop() if parts else await receive()

    return replay


async def _left() -> Message:
    return {"type": "http.disconnect"}


async def _unheard(part: Message) -> None:
    if part["type"] == "http.response.start" and part["status"] != 200:
        logger.debug("a session had ended by itself: %s", part["status"])
