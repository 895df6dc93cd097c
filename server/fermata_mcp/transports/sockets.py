"""Sockets that http clients come through: how many, how long they may be half open, how long they may not read."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from functools import partial
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from fermata_mcp.domain.errors import ConfigurationError

from .messages import BUSY, on_the_wire, refusal

# Sessions with a stream of their own hold a connection each; idle ones are closed for newcomers before any is refused.
MAX_CONNECTIONS = 4096
# Descriptors that work needs beside connections: database, audio, pipes to workers, requests to providers.
KEPT_FOR_WORK = 128
WANTED_DESCRIPTORS = MAX_CONNECTIONS + 2 * KEPT_FOR_WORK
# A head is one packet on any real network.
HEAD_SECONDS = 10.0
# Between two requests of a client that keeps its connection.
KEPT_ALIVE_SECONDS = 30
# A client that takes nothing of an answer or stream for so long is gone; what it was sent is in the history.
NOT_READING_SECONDS = 60.0


class CannotListen(ConfigurationError):
    code = "invalid_request"


def listening_sockets(host: str, port: int) -> list[socket.socket]:
    """Bound sockets for `host`; `localhost` is both of its addresses, where the machine has both.

    Raises:
        CannotListen: The address is not this machine's own, or is in use.
    """
    if host != "localhost":
        return [_bound(host.strip("[]"), port)]
    first = _bound("127.0.0.1", port)
    try:
        return [first, _bound("::1", first.getsockname()[1])]
    except CannotListen:
        return [first]


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, reuse_port=False)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "no such port"
        raise CannotListen(f"cannot listen on {host}:{port} ({reason}).", "choose another --port.") from None


def most_connections() -> int:
    """How many connections leave descriptors for work; asks the system for as many as it gives."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(WANTED_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(MAX_CONNECTIONS, max(soft - KEPT_FOR_WORK, soft // 2))


def limited_connections(most: int) -> Any:
    """The protocol class for uvicorn, with at most `most` connections at once."""
    return partial(_Connection, most)


class _Connection(H11Protocol):
    """One connection with deadlines, and without the 40 ms that small packets otherwise wait for one another."""

    def __init__(self, most: int, **given: Any) -> None:
        super().__init__(**given)
        self._most = most
        self._head: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self.heard_at = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        with contextlib.suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self.connections) > self._most and not self._make_room():
            transport.write(_TOO_MANY)
            transport.close()
            return
        self._expect_a_head()

    def _make_room(self) -> bool:
        """Close the connection that nothing has been going on on for longest."""
        others: list[Any] = [one for one in self.connections if one is not self and _is_idle(one)]
        if not others:
            return False
        min(others, key=lambda one: one.heard_at).transport.abort()
        return True

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self.heard_at = self.loop.time()
        super().data_received(data)
        self._expect_a_head()

    def _expect_a_head(self) -> None:
        if not _is_idle(self):
            self._head = _stopped(self._head)
        elif self._head is None:
            self._head = self.loop.call_later(HEAD_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        self._head = None
        if _is_idle(self):
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall = self._stall or self.loop.call_later(NOT_READING_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stall = _stopped(self._stall)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head, self._stall = _stopped(self._head), _stopped(self._stall)
        super().connection_lost(exc)


def _is_idle(connection: Any) -> bool:
    return connection.cycle is None or connection.cycle.response_complete


def end_of_service(connection: Any) -> None:
    """Close a connection, after the answer that is on its way; a stream that only listens has none."""
    if not _is_idle(connection) and connection.cycle.scope["method"] == "GET":
        connection.transport.close()
    else:
        connection.shutdown()


def _stopped(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


_BODY = on_the_wire(refusal(BUSY, "too many connections are open; close some, or try again later"))
_TOO_MANY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 5\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)
