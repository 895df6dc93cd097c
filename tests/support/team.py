"""A server for several people in this process, and their clients, over real http on loopback."""

from __future__ import annotations

import gc
import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from fermata_mcp.app import App, running_app
from fermata_mcp.transports.serving import Serving

from .engines import PATIENCE, settings_in
from .serving import served_here

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
    given = {"auth_tokens": BOTH, "input_roots": (folder,)} | settings
    async with running_app(settings_in(folder, **given), callers_are_local=False) as app:
        serving = Serving(app.server, app.service.changes.drain, app.service, app.now, locked=locked)
        async with served_here(serving, monkeypatch) as base:
            yield Team(base, app)
    _collected()
