"""An agent of Pydantic AI."""

from __future__ import annotations

import anyio
from fastmcp.client.transports import StdioTransport
from job import PROMPT, job, read_both
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


async def main() -> None:
    asked = job()
    program, *rest = asked.command
    toolset = MCPToolset(StdioTransport(command=program, args=rest, env=dict(asked.env)))
    model = OpenAIChatModel("scripted", provider=OpenAIProvider(base_url=f"{asked.model}/v1", api_key="none"))
    async with Agent(model, toolsets=[toolset]) as agent:
        told = await agent.run(PROMPT)
        await read_both(told.all_messages(), toolset.read_resource)
        await toolset.list_resources()


anyio.run(main)
