"""What every transport serves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from mcp.server.mcpserver import MCPServer


@dataclass(frozen=True)
class Serving:
    """A server with its engine running. `drain` ends every wait with its normal answer, before we leave."""

    server: MCPServer[Any]
    drain: Callable[[], None]


Opened = Callable[[], AbstractAsyncContextManager[Serving]]
