"""An agent of LangGraph with the tools of LangChain's adapter; its option is whose messages they are turned into."""

from __future__ import annotations

from typing import Any

import anyio
from job import PROMPT, Job, job, read_both
from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.resources import load_mcp_resources
from langchain_mcp_adapters.tools import load_mcp_tools


def openai(asked: Job, **more: Any) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model="scripted", api_key="none", base_url=f"{asked.model}/v1", **more)


def responses(asked: Job) -> Any:
    return openai(asked, use_responses_api=True)


def anthropic(asked: Job) -> Any:
    from langchain_anthropic import ChatAnthropic

    return ChatAnthropic(model_name="scripted", api_key="none", base_url=asked.model)


def gemini(asked: Job) -> Any:
    from langchain_google_genai import ChatGoogleGenerativeAI

    return ChatGoogleGenerativeAI(model="gemini-scripted", api_key="none", base_url=asked.model)


MODELS = {"openai": openai, "responses": responses, "anthropic": anthropic, "gemini": gemini}


async def main() -> None:
    asked = job()
    program, *rest = asked.command
    server = {"transport": "stdio", "command": program, "args": rest, "env": dict(asked.env)}
    client = MultiServerMCPClient({"fermata": server})
    async with client.session("fermata") as session:
        agent = create_agent(MODELS[asked.options[0]](asked), await load_mcp_tools(session))
        told = await agent.ainvoke({"messages": [("user", PROMPT)]}, {"recursion_limit": 200})
        await read_both(told["messages"], lambda uri: load_mcp_resources(session, uris=uri))
        await load_mcp_tools(session)


anyio.run(main)
