"""FastMCP's client."""

from __future__ import annotations

import anyio
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from job import drive, job


async def main() -> None:
    asked = job()
    program, *rest = asked.command
    async with Client(StdioTransport(command=program, args=rest, env=dict(asked.env))) as client:
        await client.list_tools()
        await drive(lambda name, given: client.call_tool(name, dict(given)), client.read_resource)


anyio.run(main)
