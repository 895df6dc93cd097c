"""Which resources have changed, told to clients of both protocol eras.

No client is ever waited for: what is to be told is put down, once for each resource, and a task of each client's own
sends it. A client that does not read holds up nobody but itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    EmptyResult,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    UnsubscribeRequestParams,
)

from fermata_mcp.domain.access.principal import ONE_PERSON
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.surface.access.callers import Callers

from .listening import Listening, Seen
from .resources import HISTORY, low_level

# More than a history page has rows; each costs a few hundred bytes for as long as the client stays.
SUBSCRIPTIONS_PER_CLIENT = 200
# Listening streams in all. Each is a connection, and connections are limited where they are accepted.
LISTENING_STREAMS = 8192
# A client that has not taken one message in this time has stopped reading, and is no longer told.
NOT_READING_SECONDS = 60.0
_SUBSCRIBABLE = re.compile(r"fermata://(tasks|providers|tasks/tsk_[0-9a-f]{32})")
_OF_TASK = re.compile(r"fermata://tasks/(tsk_[0-9a-f]{32})")
Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]]], object]


@dataclass
class _Subscriber:
    """A client of the handshake era. `due` are the resources that it has not been told about yet."""

    session: ServerSession
    principal: str
    uris: set[str] = field(default_factory=set[str])
    due: dict[str, None] = field(default_factory=dict[str, None])
    being_told: bool = False


class Announcer:
    """Tells clients of both eras which resources have changed: each those of its own principal.

    The modern era has listening streams; the handshake era has subscriptions per connection.
    `spawn` starts the task that tells one client.
    """

    def __init__(self, spawn: Spawn, callers: Callers) -> None:
        self._spawn = spawn
        self._callers = callers
        self._listening = Listening(LISTENING_STREAMS, NOT_READING_SECONDS)
        self._seen = Seen(callers.anybody)
        self._subscribers: dict[int, _Subscriber] = {}

    def attach(self, server: MCPServer[Any]) -> None:
        lowlevel = low_level(server)
        # The SDK says by this bus that its lists have changed, and has no public name for it.
        server._subscriptions.subscribe(self._listening.heard)  # pyright: ignore[reportPrivateUsage]
        lowlevel.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, self._listen)
        lowlevel.add_request_handler("resources/subscribe", SubscribeRequestParams, self._subscribe)
        lowlevel.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, self._unsubscribe)

    def close(self) -> None:
        """End every listening stream in order, before the program leaves."""
        self._listening.close()

    async def task_changed(self, task_id: str) -> None:
        """Put down that a task has changed, for those whose it is; waits for none of them."""
        if not self._subscribers and self._listening.nobody_there:
            return
        owner = await self._callers.anybody.owner_of(task_id)
        for uri in (HISTORY, f"{HISTORY}/{task_id}"):
            self._listening.changed(uri, owner)
            for client in list(self._subscribers.values()):
                if uri in client.uris and client.principal == owner:
                    self._put_down(client, uri)

    def _put_down(self, client: _Subscriber, uri: str) -> None:
        client.due[uri] = None
        if not client.being_told:
            client.being_told = True
            self._spawn(lambda: self._tell(client))

    async def _tell(self, client: _Subscriber) -> None:
        try:
            while client.due:
                uri = next(iter(client.due))
                del client.due[uri]
                with anyio.fail_after(NOT_READING_SECONDS):
                    await client.session.send_resource_updated(uri)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError, MCPError, TimeoutError):
            self._forget(client)
        finally:
            client.being_told = False

    @property
    def wanted(self) -> bool:
        """Whether anybody is there to be told."""
        return bool(self._subscribers) or not self._listening.nobody_there

    async def look(self) -> None:
        """Find out what another process has changed, and put that down."""
        followed = self._followed()
        self._seen.forget_all_but(followed.keys())
        for principal, tasks in followed.items():
            for task_id in await self._seen.changed(principal, tasks):
                await self.task_changed(task_id)

    def _followed(self) -> dict[str, set[str]]:
        """The tasks that are followed one by one, by whom."""
        found = dict[str, set[str]]()
        uris = [(client.principal, client.uris) for client in self._subscribers.values()]
        for principal, some in [*uris, *self._listening.followed()]:
            found.setdefault(principal, set()).update(_tasks_in(some))
        return found

    async def _begin(self, uris: Iterable[str]) -> None:
        with suppress(FermataError):  # what was not seen is told, once it can be
            await self._seen.begin(self._callers.principal.name, _tasks_in(uris))
        self._callers.anybody.changes.looks_are_wanted()

    async def _listen(self, ctx: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams) -> Any:
        if len(params.notifications.resource_subscriptions or ()) > SUBSCRIPTIONS_PER_CLIENT:
            raise _too_many()
        who, settings = self._callers.principal, self._callers.anybody.settings
        each = () if who == ONE_PERSON else (settings.listening_streams_each,)
        await self._begin(params.notifications.resource_subscriptions or ())
        return await self._listening(ctx, params, who.name, *each)

    async def _subscribe(self, ctx: ServerRequestContext[Any, Any], params: SubscribeRequestParams) -> EmptyResult:
        uri = str(params.uri)
        if not _SUBSCRIBABLE.fullmatch(uri):
            raise MCPError(code=INVALID_PARAMS, message=f"there is no resource {uri:.100}")
        if not _connection_of(ctx.session).has_standalone_channel:
            raise MCPError(
                code=METHOD_NOT_FOUND,
                message="this server keeps no sessions in which it could tell of changes; use get_task, or listen "
                "with subscriptions/listen",
            )
        client = self._client(ctx.session)
        if uri not in client.uris and len(client.uris) >= SUBSCRIPTIONS_PER_CLIENT:
            raise _too_many()
        client.uris.add(uri)
        await self._begin([uri])
        return EmptyResult()

    def _client(self, session: ServerSession) -> _Subscriber:
        connection = _connection_of(session)
        client = self._subscribers.get(id(connection))
        if client is None:
            client = self._subscribers[id(connection)] = _Subscriber(session, self._callers.principal.name)
            connection.exit_stack.callback(self._forget, client)
        return client

    async def _unsubscribe(self, ctx: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams) -> EmptyResult:
        client = self._subscribers.get(id(_connection_of(ctx.session)))
        if client is not None:
            client.uris.discard(str(params.uri))
            client.due.pop(str(params.uri), None)
        return EmptyResult()

    def _forget(self, client: _Subscriber) -> None:
        client.uris.clear()
        client.due.clear()
        if self._subscribers.get(id(_connection_of(client.session))) is client:
            del self._subscribers[id(_connection_of(client.session))]


def _tasks_in(uris: Iterable[str]) -> set[str]:
    return {found[1] for uri in uris if (found := _OF_TASK.fullmatch(uri))}


def _too_many() -> MCPError:
    return MCPError(
        code=INVALID_PARAMS,
        message=f"a client may follow {SUBSCRIPTIONS_PER_CLIENT} resources at once; "
        f"unsubscribe from some, or subscribe to {HISTORY}, which changes with every task",
    )


def _connection_of(session: ServerSession) -> Any:
    return session._connection  # pyright: ignore[reportPrivateUsage]
