"""One ASGI app: `/mcp` (Streamable HTTP), `/sse` with `/messages/`, `/player/…` for people, and `/healthz`."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import NoReturn
from urllib.parse import urlsplit

import anyio
import uvicorn
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fermata_mcp import __version__
from fermata_mcp.config import LOOPBACK as LOCAL_NAMES
from fermata_mcp.config import Settings, load_settings
from fermata_mcp.domain.foreign.address import is_this_machine
from fermata_mcp.surface.access.callers import Callers
from fermata_mcp.surface.player.routes import Endpoint, Player

from .guard import LOCAL_HOSTS, Bodies, Doors, Guard
from .refusals import Refused
from .serving import Opened, Serving
from .sessions import MAX_SESSIONS
from .signals import told_to_leave
from .sockets import (
    KEPT_ALIVE_SECONDS,
    CannotListen,
    end_of_service,
    limited_connections,
    listening_sockets,
    most_connections,
)
from .sse import MESSAGES_PATH, SSE_PATH, SseTransport
from .web.access import Access
from .web.auth import identified, metadata_routes
from .web.hooks import hook_routes
from .web.limits import Rate
from .web.links import link_routes
from .web.operators import operator_routes
from .web.people import People
from .web.uploads import announcing_route, putting_routes

# Drained waits answer at once; then the streams that only listen are ended, and what still hangs is cut.
LAST_ANSWERS_SECONDS = 0.3
CUT_AFTER_SECONDS = 0.5
# Connections are counted only once they are accepted; so many may take descriptors before that.
ACCEPTED_AT_ONCE = 8
WAITING_TO_BE_ACCEPTED = 1024
# A host may be idle between two thoughts of its person for an afternoon; the limit on sessions works without this.
SESSION_IDLE_SECONDS = 4 * 3600.0


def run_http(opened: Opened, host: str, port: int) -> NoReturn:
    """Serve until a signal comes; then end the process with code 0.

    Raises:
        CannotListen: The address is not this machine's own, or is in use.
    """
    anyio.run(_run, opened, listening_sockets(host, port) if is_this_machine(host) else [], host, port)
    os._exit(0)


def _check_reach(serving: Serving, host: str) -> None:
    """Whoever can be reached from elsewhere must know who calls."""
    public = serving.service.settings.public_url if serving.service else None
    if serving.locked or (is_this_machine(host) and (public is None or urlsplit(public).hostname in LOCAL_NAMES)):
        return
    reach = (
        "FERMATA_PUBLIC_URL leads here from elsewhere" if is_this_machine(host) else f"{host} is not this machine alone"
    )
    raise CannotListen(
        f"{reach}, and anybody could call: no caller has to say who they are.",
        "give a token to each person (fermata-mcp token add NAME, or FERMATA_AUTH_TOKENS), set FERMATA_OAUTH_ISSUER, "
        "or listen on 127.0.0.1 without FERMATA_PUBLIC_URL.",
    )


async def _run(opened: Opened, listening: list[socket.socket], host: str, port: int) -> None:
    async with opened() as serving:
        _check_reach(serving, host)
        listening = listening or listening_sockets(host, port)
        await serve(serving, *listening, host=host)
    # Unwinding thousands of sessions task by task takes many seconds, in which nothing happens any more.
    os._exit(0)


async def serve(serving: Serving, *listening: socket.socket, host: str = "127.0.0.1") -> None:
    """Serve on bound sockets, until a signal comes."""
    port = listening[0].getsockname()[1]
    shown = f"[{host.strip('[]')}]" if ":" in host else host
    config = uvicorn.Config(
        make_asgi_app(serving, shown),
        http=limited_connections(most_connections()),
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        backlog=ACCEPTED_AT_ONCE,
        timeout_keep_alive=KEPT_ALIVE_SECONDS,
        server_header=False,
    )
    server = _Server(config)
    async with anyio.create_task_group() as group:
        await group.start(_leave_when_told, server, serving)
        print(f"Fermata {__version__}: http://{shown}:{port}/mcp (also /sse, /healthz)", file=sys.stderr, flush=True)  # noqa: T201
        await server.serve(sockets=list(listening))
        group.cancel_scope.cancel()


async def _leave_when_told(
    server: uvicorn.Server, serving: Serving, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED
) -> None:
    await told_to_leave(task_status=task_status)
    serving.drain()
    await anyio.sleep(LAST_ANSWERS_SECONDS)
    server.should_exit = True


class _Server(uvicorn.Server):
    """Leaves signals to us: the original ends the process by the signal, which looks like a crash."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(WAITING_TO_BE_ACCEPTED)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, end the streams, and give what is being answered a moment."""
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            end_of_service(connection)
        with anyio.move_on_after(CUT_AFTER_SECONDS):
            while self.server_state.connections:  # noqa: ASYNC110  (uvicorn tells nobody)
                await anyio.sleep(0.02)
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def make_asgi_app(serving: Serving, host: str = LOCAL_HOSTS[0]) -> Starlette:
    """The ASGI app around one MCP server.

    Requests for any host but `host`, this machine's names and that of FERMATA_PUBLIC_URL are refused.
    """
    settings = serving.service.settings if serving.service else load_settings()
    access = Access(settings, serving.service.tokens if serving.locked and serving.service else None)
    rate = Rate(settings.requests_per_minute_each)
    doors, bodies = Doors(frozenset((*LOCAL_HOSTS, host.lower(), *_public_host(settings)))), Bodies()
    # The guard has looked at hosts and bodies by the time the SDK sees a request.
    checked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    streamable = serving.server.streamable_http_app(
        transport_security=checked,
        stateless_http=serving.stateless,
        max_sessions=MAX_SESSIONS,
        session_idle_timeout=None if serving.stateless else SESSION_IDLE_SECONDS,
    )
    manager = serving.server.session_manager
    sse = SseTransport(serving, doors, bodies, settings.sessions_each)

    def guarded(endpoint: Endpoint) -> Endpoint:
        return _guarded(endpoint, doors)

    def known(route: Route) -> Route:
        return identified(route, access, rate)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with manager.run(), anyio.create_task_group() as group:
            group.start_soon(access.watch)
            yield
            group.cancel_scope.cancel()

    people = People(access, bodies, guarded, settings.public_url)
    open_to_all = operator_routes(serving.service.operating if serving.service else None, known)
    open_to_all += people.open_routes()
    if serving.service:
        open_to_all += hook_routes(serving.service.operating.hooks.post)
    open_to_all += metadata_routes(settings)
    routes = [
        Route(
            "/mcp",
            Guard(streamable, doors, bodies, settings.sessions_each),
            methods=["POST"] if serving.stateless else None,
        ),
        Route(SSE_PATH, sse, methods=["GET"]),
        Route(MESSAGES_PATH, sse.post, methods=["POST"]),
        *people.known_routes(),
    ]
    if serving.service:
        uploads, folder = serving.service.uploads, serving.service.settings.data_dir / "audio"
        open_to_all += [*link_routes(serving.service.links), *putting_routes(uploads, folder)]
        announcing = announcing_route(Callers(serving.service).of)
        routes.append(Route(announcing.path, _guarded(announcing.endpoint, doors), methods=["POST"]))
    if serving.service and serving.now:
        routes += Player(Callers(serving.service), serving.now).routes(guarded)
    return Starlette(routes=[*open_to_all, *map(known, routes)], lifespan=lifespan)


def _public_host(settings: Settings) -> list[str]:
    host = urlsplit(settings.public_url or "").hostname
    return [] if host is None else [f"[{host}]" if ":" in host else host]


def _guarded(endpoint: Endpoint, doors: Doors) -> Endpoint:
    async def answer(request: Request) -> Response:
        try:
            doors.check(request.headers)
        except Refused as refusal:
            return refusal.response
        return await endpoint(request)

    return answer
