"""The official Python client, second line (2.x); its option is the mode: `auto` or `legacy`."""

from __future__ import annotations

import anyio
from job import drive, job
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client


async def progress(done: float, total: float | None, message: str | None) -> None:
    """To be asked for it is enough."""


async def main() -> None:
    asked = job()
    program, *rest = asked.command
    server = stdio_client(StdioServerParameters(command=program, args=rest, env=dict(asked.env)))
    async with Client(server, mode=asked.options[0]) as client:
        await client.list_tools()
        await drive(
            lambda name, given: client.call_tool(name, dict(given), progress_callback=progress), client.read_resource
        )


anyio.run(main)
