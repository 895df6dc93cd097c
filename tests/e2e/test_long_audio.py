"""A result of three minutes is read by real clients over every transport, and their connection lives on."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread
import pytest
from mcp import Client
from mcp.types import BlobResourceContents

from support.processes import (
    Home,
    http_connection,
    http_server,
    seconds_of,
    sse_connection,
    stdio_connection,
    text,
    view,
    write_beat,
)

pytestmark = pytest.mark.anyio
SECONDS = 180.0
LIMITS = {"stdio": 7_000_000, "http": 700_000, "sse": 700_000}


@asynccontextmanager
async def connected(transport: str, era: str, home: Home, folder: Path) -> AsyncGenerator[Client]:
    if transport == "stdio":
        async with stdio_connection(home, era) as client:
            yield client
        return
    connect = http_connection if transport == "http" else sse_connection
    with http_server(home, transport, FERMATA_INPUT_ROOTS=str(folder)) as served:
        async with connect(served.base, era) as client:
            yield client


@pytest.mark.parametrize(
    ("transport", "era"), [("stdio", "legacy"), ("http", "legacy"), ("http", "auto"), ("sse", "legacy")]
)
async def test_three_minutes_are_read(transport: str, era: str, tmp_path: Path) -> None:
    song = await anyio.to_thread.run_sync(lambda: write_beat(tmp_path / "song.wav", SECONDS, rate=22_050, channels=2))
    async with connected(transport, era, Home(tmp_path), tmp_path) as client:
        arguments = {"source": str(song), "add_seconds": 5, "wait_seconds": 300}
        result = await client.call_tool("extend_track", arguments)
        assert not result.is_error, text(result)
        assert Path(view(result)["audio"]["file"]).suffix == ".wav"
        blob = (await client.read_resource(f"fermata://tasks/{view(result)['task_id']}/audio/0")).contents[0]
        assert isinstance(blob, BlobResourceContents)
        assert len(blob.blob) < LIMITS[transport]
        assert blob.mime_type == "audio/ogg"
        assert (blob.meta or {})["fermata/preview"]["part"] == "whole"
        assert abs(seconds_of(base64.b64decode(blob.blob)) - SECONDS - 5) < 0.1
        assert (await client.list_tools()).tools
