"""One ASGI app: `/mcp` (Streamable HTTP), `/sse` with `/messages/`, and `/healthz`."""

from __future__ import annotations

import ipaddress
import logging
import socket
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import uvicorn
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from sse_starlette.sse import AppStatus
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from fermata_mcp import __version__
from fermata_mcp.domain.errors import ConfigurationError

from . import Opened, Serving
from .signals import told_to_leave

# Drained waits answer at once; then the streams that only listen are ended, and what still hangs is cut.
LAST_ANSWERS_SECONDS = 0.3
CUT_AFTER_SECONDS = 1
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
logger = logging.getLogger(__name__)


class CannotListen(ConfigurationError):
    code = "invalid_request"


def run_http(opened: Opened, host: str, port: int) -> None:
    """Serve until a signal comes.

    Raises:
        CannotListen: The address is not this machine's own, or is in use.
    """
    _check_host(host)
    anyio.run(_run, opened, _listening_socket(host, port), host)


def _check_host(host: str) -> None:
    if not _is_loopback(host):
        raise CannotListen(
            f"this version listens on this machine only, not on {host}: callers are not authenticated yet.",
            "use --host 127.0.0.1 and reach it through a tunnel or a proxy that authenticates.",
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _listening_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family, reuse_port=False)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CannotListen(f"cannot listen on {host}:{port} ({reason}).", "choose another --port.") from None


async def _run(opened: Opened, listening: socket.socket, host: str) -> None:
    async with opened() as serving:
        await serve(serving, listening, host)


async def serve(serving: Serving, listening: socket.socket, host: str = "127.0.0.1") -> None:
    """Serve on a bound socket, until a signal comes."""
    port = listening.getsockname()[1]
    config = uvicorn.Config(
        make_asgi_app(serving.server),
        log_level="warning",
        timeout_graceful_shutdown=CUT_AFTER_SECONDS,
        server_header=False,
    )
    server = _Server(config)
    async with anyio.create_task_group() as group:
        await group.start(_leave_when_told, server, serving)
        print(f"Fermata {__version__}: http://{host}:{port}/mcp (also /sse, /healthz)", file=sys.stderr, flush=True)  # noqa: T201
        await server.serve(sockets=[listening])
        group.cancel_scope.cancel()


async def _leave_when_told(
    server: uvicorn.Server, serving: Serving, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED
) -> None:
    await told_to_leave(task_status=task_status)
    serving.drain()
    await anyio.sleep(LAST_ANSWERS_SECONDS)
    AppStatus.should_exit = True
    server.should_exit = True


class _Server(uvicorn.Server):
    """Leaves signals to us: the original ends the process by the signal, which looks like a crash."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def make_asgi_app(server: MCPServer[Any]) -> Starlette:
    """The ASGI app around one MCP server. Requests for any host but this machine are refused."""
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[pattern for host in LOOPBACK for pattern in (host, f"{host}:*")],
        allowed_origins=[pattern for host in LOOPBACK for pattern in (f"http://{host}", f"http://{host}:*")],
    )
    streamable = server.streamable_http_app(transport_security=security)
    sse = server.sse_app(transport_security=security)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with server.session_manager.run():
            yield

    routes = [*streamable.routes, *sse.routes, Route("/healthz", _healthy)]
    return Starlette(routes=routes, lifespan=lifespan)


async def _healthy(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok", "version": __version__})
