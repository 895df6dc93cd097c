"""Every client and host of the matrix: where it comes from, and how it is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import libraries, npm
from .place import Place, python_client

NODE, E2E = "node", "e2e"


@dataclass(frozen=True)
class Client:
    """One row.

    Attributes:
        distribution: Its name at PyPI or npm, of which the version is told.
        environment: The folder under `.hosts` that it is installed in; None for our own, `NODE` and `E2E` for the
            packages from npm of this folder and of the tests.
        run: Does the job in a place, and says how it ended where that was not well.
        modelled: Whether a model stands behind it.
        impatient: It ends a call after five seconds, and so must find a paid job of 100 s again.
        not_run: Why it is not run, where it is not.
    """

    name: str
    distribution: str
    environment: str | None
    run: Callable[[Place], str]
    modelled: bool = True
    impatient: bool = False
    not_run: str = ""


def _python(
    name: str, distribution: str, environment: str | None, script: str, *options: str, modelled: bool = True,
    impatient: bool = False,
) -> Client:  # fmt: skip
    def run(place: Place) -> str:
        return python_client(environment, script, place, *options)

    return Client(name, distribution, environment, run, modelled, impatient)


PYTHON = (
    _python("Python SDK 2, auto", "mcp", None, "official.py", "auto", modelled=False),
    _python("Python SDK 2, legacy", "mcp", None, "official.py", "legacy", modelled=False),
    _python("Python SDK 1", "mcp", "mcp1", "official_1.py", modelled=False),
    _python("FastMCP", "fastmcp", "fastmcp", "fast.py", modelled=False),
    _python("LangGraph, OpenAI chat", "langchain-mcp-adapters", "langchain", "langgraph_agent.py", "openai"),
    _python("LangGraph, OpenAI responses", "langchain-mcp-adapters", "langchain", "langgraph_agent.py", "responses"),
    _python("LangGraph, Anthropic", "langchain-mcp-adapters", "langchain", "langgraph_agent.py", "anthropic"),
    _python("LangGraph, Gemini", "langchain-mcp-adapters", "langchain", "langgraph_agent.py", "gemini"),
    _python("Pydantic AI", "pydantic-ai-slim", "pydantic-ai", "pydantic_agent.py"),
    _python("OpenAI Agents SDK", "openai-agents", "openai-agents", "openai_agent.py", impatient=True),
    _python("Google ADK", "google-adk", "google-adk", "adk_agent.py", impatient=True),
    _python("mcp-use", "mcp-use", "mcp-use", "mcp_use_agent.py"),
)


def _script(name: str, distribution: str, script: str, *options: str) -> Client:
    def run(place: Place) -> str:
        return libraries.script(place, script, *options)

    return Client(name, distribution, E2E, run, modelled=False)


JAVASCRIPT = (
    _script("TypeScript SDK 1", "@modelcontextprotocol/sdk", "ts_stdio.mjs"),
    _script("TypeScript SDK 2, auto", "@modelcontextprotocol/client", "ts2_stdio.mjs", "auto"),
    _script("TypeScript SDK 2, legacy", "@modelcontextprotocol/client", "ts2_stdio.mjs", "legacy"),
    _script("AI SDK", "@ai-sdk/mcp", "ai_sdk_stdio.mjs"),
    Client("Inspector CLI", "@modelcontextprotocol/inspector", E2E, libraries.inspector, modelled=False),
    Client("mcporter", "mcporter", NODE, libraries.mcporter, modelled=False),
    Client("mcp-remote", "mcp-remote", NODE, libraries.mcp_remote, modelled=False),
)
HOSTS = (
    Client("Claude Code", "@anthropic-ai/claude-code", NODE, npm.claude_code),
    Client("Codex", "@openai/codex", NODE, npm.codex),
    Client("Gemini CLI", "@google/gemini-cli", NODE, npm.gemini_cli),
    Client("Copilot CLI", "@github/copilot", NODE, npm.copilot_cli),
    Client("opencode", "opencode-ai", NODE, npm.opencode),
    Client("Qwen Code", "@qwen-code/qwen-code", NODE, npm.qwen_code),
)
ALL = (*PYTHON, *JAVASCRIPT, *HOSTS)
