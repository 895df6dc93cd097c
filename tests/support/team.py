"""A server for several people in this process, and their clients, over real http on loopback."""

from __future__ import annotations

import gc
import socket
import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from anyio.abc import TaskStatus
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from fermata_mcp.app import App, running_app
from fermata_mcp.transports.http import serve
from fermata_mcp.transports.serving import Serving

from .engines import PATIENCE, settings_in

ANNA, BERT = "anna-0123456789-abcdefghijklmnopq", "bert-0123456789-abcdefghijklmnopq"
BOTH = f"anna:{ANNA},bert:{BERT}"


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@dataclass(frozen=True)
class Team:
    """A running server; `base` is its address."""

    base: str
    app: App

    @asynccontextmanager
    async def client(self, token: str, era: str = "auto", **options: Any) -> AsyncGenerator[Client]:
        """A client of the protocol that shows this token."""
        async with (
            httpx2.AsyncClient(headers=bearer(token), timeout=PATIENCE) as http,
            Client(streamable_http_client(f"{self.base}/mcp", http_client=http), mode=era, **options) as client,
        ):
            yield client

    def http(self, token: str | None) -> httpx2.AsyncClient:
        headers = {} if token is None else bearer(token)
        return httpx2.AsyncClient(base_url=self.base, headers=headers, timeout=PATIENCE)


def _collected() -> None:
    """The SDK leaves the streams of sessions that nobody has ended; other tests are not to hear of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@asynccontextmanager
async def team(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, locked: bool = True, **settings: Any
) -> AsyncGenerator[Team]:
    """The http server with these settings; anna and bert may come in unless `auth_tokens` says who may."""
    leave = anyio.Event()

    async def told_to_leave(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        await leave.wait()

    monkeypatch.setattr("fermata_mcp.transports.http.told_to_leave", told_to_leave)
    listening = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    given = {"auth_tokens": BOTH, "input_roots": (folder,)} | settings
    async with (
        running_app(settings_in(folder, **given), callers_are_local=False) as app,
        anyio.create_task_group() as group,
    ):
        serving = Serving(app.server, app.service.changes.drain, app.service, app.now, locked=locked)
        group.start_soon(serve, serving, listening)
        async with httpx2.AsyncClient() as client:
            with anyio.fail_after(PATIENCE):
                while True:
                    with suppress(httpx2.ConnectError):
                        await client.get(f"{base}/healthz")
                        break
        try:
            yield Team(base, app)
        finally:
            leave.set()
    _collected()
