"""An agent of Google's ADK, with the five seconds that it gives a call when it is not told otherwise."""

from __future__ import annotations

import os

import anyio
from google.adk.agents import LlmAgent
from google.adk.runners import InMemoryRunner
from google.adk.tools.mcp_tool import McpToolset
from google.adk.tools.mcp_tool.mcp_session_manager import StdioConnectionParams
from google.genai.types import Content, Part
from job import PROMPT, job
from mcp import StdioServerParameters


async def main() -> None:
    asked = job()
    os.environ["GOOGLE_GEMINI_BASE_URL"] = asked.model
    os.environ["GOOGLE_API_KEY"] = "none"
    program, *rest = asked.command
    server = StdioServerParameters(command=program, args=rest, env=dict(asked.env))
    tools = McpToolset(connection_params=StdioConnectionParams(server_params=server))
    agent = LlmAgent(name="musician", model="gemini-scripted", tools=[tools])
    runner = InMemoryRunner(agent=agent, app_name="hosts")
    session = await runner.session_service.create_session(app_name="hosts", user_id="someone")
    said = Content(role="user", parts=[Part(text=PROMPT)])
    async for _ in runner.run_async(user_id="someone", session_id=session.id, new_message=said):
        pass
    # It reads by name, and only what is listed.
    for name in await tools.list_resources():
        await tools.read_resource(name)
    await tools.get_tools()
    await tools.close()


anyio.run(main)
