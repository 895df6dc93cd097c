"""An agent of OpenAI's Agents SDK, with the five seconds that it gives a call when it is not told otherwise."""

from __future__ import annotations

import anyio
from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
from agents.mcp import MCPServerStdio
from job import PROMPT, job, read_both
from openai import AsyncOpenAI


async def main() -> None:
    asked = job()
    program, *rest = asked.command
    set_tracing_disabled(True)
    model = OpenAIChatCompletionsModel(
        model="scripted", openai_client=AsyncOpenAI(base_url=f"{asked.model}/v1", api_key="none")
    )
    async with MCPServerStdio({"command": program, "args": rest, "env": dict(asked.env)}) as server:
        agent = Agent(name="musician", model=model, mcp_servers=[server])
        told = await Runner.run(agent, PROMPT, max_turns=100)
        await read_both(told.to_input_list(), server.read_resource)
        await server.list_tools()


anyio.run(main)
