"""The official Python client, first line (1.x)."""

from __future__ import annotations

import anyio
from job import drive, job
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from pydantic import AnyUrl


async def progress(done: float, total: float | None, message: str | None) -> None:
    """To be asked for it is enough."""


async def main() -> None:
    asked = job()
    program, *rest = asked.command
    server = stdio_client(StdioServerParameters(command=program, args=rest, env=dict(asked.env)))
    async with server as (incoming, outgoing), ClientSession(incoming, outgoing) as session:
        await session.initialize()
        await session.list_tools()
        await drive(
            lambda name, given: session.call_tool(name, dict(given), progress_callback=progress),
            lambda uri: session.read_resource(AnyUrl(uri)),
        )


anyio.run(main)
