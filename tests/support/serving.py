"""The http server in this process, for tests that look inside."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import anyio
import httpx2
import pytest
from anyio.abc import TaskStatus

from fermata_mcp.transports.http import serve
from fermata_mcp.transports.serving import Serving

from .processes import PATIENCE


@asynccontextmanager
async def served_here(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[str]:
    """Its address, once it answers; it leaves at the end as if it had been told to."""
    leave = anyio.Event()

    async def told_to_leave(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        await leave.wait()

    monkeypatch.setattr("fermata_mcp.transports.http.told_to_leave", told_to_leave)
    listening = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with anyio.create_task_group() as group:
        group.start_soon(serve, serving, listening)
        async with httpx2.AsyncClient(timeout=PATIENCE) as client:
            with anyio.fail_after(PATIENCE):
                while True:
                    with suppress(httpx2.ConnectError):
                        await client.get(f"{base}/healthz")
                        break
        try:
            yield base
        finally:
            leave.set()
