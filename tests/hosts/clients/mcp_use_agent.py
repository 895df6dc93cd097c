"""An agent of mcp-use, which sends what a model left out as null."""

from __future__ import annotations

import anyio
from job import PROMPT, job
from langchain_openai import ChatOpenAI
from mcp_use import MCPAgent, MCPClient


async def main() -> None:
    asked = job()
    program, *rest = asked.command
    config = {"mcpServers": {"fermata": {"command": program, "args": rest, "env": dict(asked.env)}}}
    client = MCPClient(config)
    llm = ChatOpenAI(model="scripted", api_key="none", base_url=f"{asked.model}/v1")
    await MCPAgent(llm, client, max_steps=100).run(PROMPT)
    await client.close_all_sessions()


anyio.run(main)
