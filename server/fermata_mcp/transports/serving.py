"""What every transport serves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from mcp.server.mcpserver import MCPServer

from fermata_mcp.engine.service import Service


@dataclass(frozen=True)
class Serving:
    """A server with its engine running. `drain` ends every wait with its normal answer, before we leave.

    `stateless`: clients of the handshake era get no session, since their next request may come to another server.
    `locked`: callers must say who they are.
    `service` and `now` (Unix milliseconds) are what a page for people is made of; without them there is none.
    """

    server: MCPServer[Any]
    drain: Callable[[], None]
    service: Service | None = None
    now: Callable[[], int] | None = None
    stateless: bool = False
    locked: bool = False


Opened = Callable[[], AbstractAsyncContextManager[Serving]]
