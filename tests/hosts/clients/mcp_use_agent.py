"""An agent of mcp-use, which sends what a model left out as null."""

from __future__ import annotations

import anyio
from job import PROMPT, job, read_both
from langchain_openai import ChatOpenAI
from mcp_use import MCPAgent, MCPClient
from pydantic import AnyUrl


async def main() -> None:
    asked = job()
    program, *rest = asked.command
    config = {"mcpServers": {"fermata": {"command": program, "args": rest, "env": dict(asked.env)}}}
    client = MCPClient(config)
    llm = ChatOpenAI(model="scripted", api_key="none", base_url=f"{asked.model}/v1")
    agent = MCPAgent(llm, client, max_steps=100)
    await agent.run(PROMPT)
    session = client.get_session("fermata")
    await read_both(agent.get_conversation_history(), lambda uri: session.read_resource(AnyUrl(uri)))
    await session.list_tools()
    await client.close_all_sessions()


anyio.run(main)
