"""One client on a stream of messages (stdio, SSE): its era, and how much of us it may hold.

A client costs a task and memory for each request that it has no answer to yet, and an answer that it does not read is
such a request still. So they are limited: reading stops for a while, then there is a refusal, and a client that goes
on sending without ever reading is left.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp.types import JSONRPCError, JSONRPCMessage, JSONRPCRequest, JSONRPCResponse

from fermata_mcp.domain.errors import ConfigurationError
from fermata_mcp.surface.resources import is_audio, low_level

from .messages import BUSY, Answers, on_the_wire, refusal
from .serving import Serving

# A host has a few open; a batch job some dozens. Each may hold a result of some ten kilobytes until it is read.
OPEN_REQUESTS = 256
# Answers with audio in them are megabytes each.
AUDIO_AT_ONCE = 4
# A burst is slowed down for this long, so that only a client with so many long waits is refused.
ROOM_SECONDS = 1.0
# A client that sends, and has not taken a single byte for so long, does not read at all.
NOT_READING_SECONDS = 30.0
NOT_READ = "the client sends, and has not read an answer for half a minute."
Write = Callable[[bytes], Awaitable[None]]
Read = JSONRPCMessage | Answers


class NotReading(ConfigurationError):
    """The client sends, and does not read what it is answered."""

    code = "invalid_request"
    default_hint = "read the answers beside sending, and start again."


class _Ticket:
    """One request that is not answered yet."""

    def __init__(self, message: JSONRPCRequest) -> None:
        self.message = message
        self.audio = message.method == "resources/read" and is_audio(str((message.params or {}).get("uri")))


class Connection:
    """Serves one client until it leaves. `write` takes one message as JSON, and returns when it is on its way.

    `request` is what an http transport knows of the client.
    """

    def __init__(self, serving: Serving, write: Write, request: Any = None) -> None:
        self._serving = serving
        self._send = write
        self._request = request
        self._turn = anyio.Lock()
        self._open: defaultdict[str | int, deque[_Ticket]] = defaultdict(deque)
        self._count = 0
        self._freed = anyio.Event()
        self._writing_since: float | None = None
        self._audio_wanted: deque[_Ticket] = deque()
        self._audio_open = 0
        self._pass_on: Callable[[_Ticket], object]

    async def serve(self, incoming: AsyncIterator[Read]) -> None:
        """Carry messages both ways until `incoming` ends.

        Raises:
            NotReading: The client has to be left.
        """
        async with anyio.create_task_group() as group:
            era = self._begin(group)
            async for item in incoming:
                if isinstance(item, tuple):
                    await self._refuse(*item)
                    continue
                if era.must_start_over(item):
                    await era.end()
                    era = self._begin(group)
                await self._take(era, item)
            await era.end()

    def _begin(self, group: TaskGroup) -> _Era:
        era = _Era(self._serving, self._write)
        group.start_soon(era.run)
        self._pass_on = lambda ticket: group.start_soon(self._hand_over, era, ticket)
        return era

    # --- in -------------------------------------------------------------------------------------------------------

    async def _take(self, era: _Era, message: JSONRPCMessage) -> None:
        if not isinstance(message, JSONRPCRequest):
            await era.take(SessionMessage(message, self._about()))
        elif await self._has_room(message):
            ticket = _Ticket(message)
            self._open[message.id].append(ticket)
            self._count += 1
            if ticket.audio and self._audio_open >= AUDIO_AT_ONCE:
                self._audio_wanted.append(ticket)
                return
            self._audio_open += ticket.audio
            await self._hand_over(era, ticket)
        else:
            words = f"{OPEN_REQUESTS} requests are open; wait for an answer, or cancel one, and ask again"
            await self._refuse(refusal(BUSY, words, message.id))

    async def _hand_over(self, era: _Era, ticket: _Ticket) -> None:
        await era.take(SessionMessage(ticket.message, self._about(ticket)))

    def _about(self, ticket: _Ticket | None = None) -> ServerMessageMetadata:
        async def unanswered() -> None:
            if ticket is not None:
                self._settle(ticket)

        return ServerMessageMetadata(request_context=self._request, on_request_unanswered=unanswered)

    async def _has_room(self, message: JSONRPCRequest) -> bool:
        while self._count >= OPEN_REQUESTS:
            with anyio.move_on_after(ROOM_SECONDS):
                await self._freed.wait()
                continue
            if self._writing_since is None:
                return message.method == "ping"
            if anyio.current_time() - self._writing_since > NOT_READING_SECONDS:
                raise NotReading(NOT_READ)
        return True

    # --- out ------------------------------------------------------------------------------------------------------

    async def _refuse(self, *answers: JSONRPCError) -> None:
        for answer in answers:
            with anyio.move_on_after(NOT_READING_SECONDS) as scope:
                await self._write(answer)
            if scope.cancelled_caught:
                raise NotReading(NOT_READ)

    async def _write(self, message: JSONRPCMessage) -> None:
        async with self._turn:
            self._writing_since = anyio.current_time()
            try:
                await self._send(on_the_wire(message))
            finally:
                self._writing_since = None
        if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None and message.id in self._open:
            self._settle(self._open[message.id][0])

    def _settle(self, ticket: _Ticket) -> None:
        """A request is answered, or cancelled."""
        same_id = self._open[ticket.message.id]
        if ticket not in same_id:
            return
        same_id.remove(ticket)
        if not same_id:
            del self._open[ticket.message.id]
        self._count -= 1
        self._freed.set()
        self._freed = anyio.Event()
        if ticket.audio:
            self._audio_open -= 1
            self._next_audio()

    def _next_audio(self) -> None:
        if self._audio_wanted:
            self._audio_open += 1
            self._pass_on(self._audio_wanted.popleft())


class _Era:
    """One run of the SDK's server loop, which fixes the protocol era by the first request it sees."""

    def __init__(self, serving: Serving, write: Callable[[JSONRPCMessage], Awaitable[None]]) -> None:
        self._server = low_level(serving.server)
        self._write = write
        self._to_server: MemoryObjectSendStream[SessionMessage | Exception]
        self._inbox: MemoryObjectReceiveStream[SessionMessage | Exception]
        self._to_server, self._inbox = anyio.create_memory_object_stream[SessionMessage | Exception](16)
        self._ended = anyio.Event()
        self._asked: set[str] = set()

    def must_start_over(self, message: JSONRPCMessage) -> bool:
        """Whether the client only probed for the modern era and now opens in the older one."""
        if not isinstance(message, JSONRPCRequest):
            return False
        start_over = message.method == "initialize" and self._asked == {"server/discover"}
        if len(self._asked) < 2:
            self._asked.add(message.method)
        return start_over

    async def take(self, message: SessionMessage) -> None:
        try:
            await self._to_server.send(message)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._ended.wait()

    async def end(self) -> None:
        await self._to_server.aclose()
        await self._ended.wait()

    async def run(self) -> None:
        outbox, from_server = anyio.create_memory_object_stream[SessionMessage](0)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._pass_on, from_server)
                await self._server.run(self._inbox, outbox, self._server.create_initialization_options())
        finally:
            self._to_server.close()
            self._ended.set()

    async def _pass_on(self, from_server: MemoryObjectReceiveStream[SessionMessage]) -> None:
        async with from_server:
            async for message in from_server:
                await self._write(message.message)
