"""What the server says of itself, asked of the server: the first answers over stdio, given before it is there.

The file is read by `fermata_mcp.transports.front`: a line names the distributions that it was made with, and each
other one is era or protocol version, method and result.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from mcp.types import JSONRPCRequest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION

from fermata_mcp.app import read_settings, running_app
from fermata_mcp.transports.connection import Connection, Read
from fermata_mcp.transports.front.talk import HANDSHAKE
from fermata_mcp.transports.serving import Serving

FILE = "server/fermata_mcp/transports/front/prepared.txt"
LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
CLIENT = {"name": "client", "version": "1"}
META = {
    "io.modelcontextprotocol/protocolVersion": LATEST_MODERN_VERSION,
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}


def content() -> str:
    """The file as it should be."""
    made_with = " ".join(f"{name}-{version(name)}.dist-info" for name in ("mcp", "mcp_types"))
    return "\n".join([made_with, *anyio.run(_answers), ""])


async def _answers() -> list[str]:
    lines: list[str] = []
    with TemporaryDirectory() as folder:
        settings = read_settings(data_dir=Path(folder), output_dir=Path(folder))
        async with running_app(settings, callers_are_local=True, only=set()) as app:
            serving = Serving(app.server, app.service.changes.drain)
            for known in HANDSHAKE_PROTOCOL_VERSIONS:
                opening = {"protocolVersion": known, "capabilities": {}, "clientInfo": CLIENT}
                first, *rest = await _said(
                    serving, {"initialize": opening, "ping": {}, **{method: {} for method in LISTS}}
                )
                lines += [f"{known} {first}", *(f"{HANDSHAKE} {one}" for one in rest)]
            modern = {method: {"_meta": META} for method in ("server/discover", *LISTS)}
            lines += [f"{LATEST_MODERN_VERSION} {one}" for one in await _said(serving, modern)]
    return list(dict.fromkeys(lines))


async def _said(serving: Serving, asked: dict[str, dict[str, Any]]) -> list[str]:
    """Method and result of each request, one after the other on one connection."""
    said: list[str] = []
    answered = anyio.Event()

    async def write(data: bytes) -> None:
        said.append(data.decode().removeprefix('{"jsonrpc":"2.0","id":1,"result":').removesuffix("}"))
        answered.set()

    async def requests() -> AsyncIterator[Read]:
        nonlocal answered
        for method, params in asked.items():
            answered = anyio.Event()
            yield JSONRPCRequest(jsonrpc="2.0", id=1, method=method, params=params or None)
            await answered.wait()

    await Connection(serving, write).serve(requests())
    return [f"{method} {result}" for method, result in zip(asked, said, strict=True)]
