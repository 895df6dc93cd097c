"""Ready-made requests for hosts that offer prompts in their menus."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, GetPromptRequestParams, Prompt
from pydantic import Field

from .resources import low_level

Track = Annotated[str, Field(description="File path, link, tsk_… or clip:<id>")]
Seconds = Annotated[str, Field(description="Seconds, or m:ss")]
Provider = Annotated[str, Field(description="Provider; empty for the first that can")]
Ending = Annotated[str, Field(description="keep, fade or loop (local); empty for the track's own")]
FOLLOW = (
    "If the call hands back a running task, follow it with get_task until it is finished; do not start it again. Then "
    "tell me every clip's file, how long it is now, what it cost, where the joins are, and every warning."
)


def add_prompts(server: MCPServer[Any]) -> None:
    """Mount the prompts on `server`."""

    @server.prompt(title="Make a track longer", description="One extension of a track; it can fade out or loop")
    def make_longer(source: Track, seconds: Seconds = "30", provider: Provider = "", ending: Ending = "") -> str:
        return (
            f"Make the track {source} longer by {seconds} (add_seconds) with extend_track{_with(provider, ending)}. "
            f"If that costs credits, tell me the price first (dry_run). {FOLLOW}"
        )

    @server.prompt(title="Make it an exact length", description="Extensions until the track has a given length")
    def full_song(source: Track, target_seconds: Seconds = "180", provider: Provider = "", ending: Ending = "") -> str:
        return (
            f"First call chain_extend for {source} with target_seconds {target_seconds}{_with(provider, ending)} and "
            f"dry_run true, and tell me what it would cost. If it is free or I agree, run it. {FOLLOW}"
        )

    _refuse_in_words(server)


def _refuse_in_words(server: MCPServer[Any]) -> None:
    """The SDK takes a wrong name for a bug of ours, and drops unknown arguments."""
    lowlevel = low_level(server)
    entry = lowlevel.get_request_handler("prompts/get")
    assert entry is not None

    async def get(ctx: ServerRequestContext[Any, Any], params: GetPromptRequestParams) -> Any:
        known = {prompt.name: prompt for prompt in await server.list_prompts()}
        problem = _problem(params, known)
        if problem:
            raise MCPError(code=INVALID_PARAMS, message=problem)
        return await entry.handler(ctx, params)

    lowlevel.add_request_handler("prompts/get", GetPromptRequestParams, get)


def _problem(params: GetPromptRequestParams, known: dict[str, Prompt]) -> str | None:
    if params.name not in known:
        return f"there is no prompt {params.name!r:.60}; there are {', '.join(known)}"
    arguments = {one.name: bool(one.required) for one in known[params.name].arguments or ()}
    given = set(params.arguments or ())
    missing = [name for name, needed in arguments.items() if needed and name not in given]
    unknown = [f"{name:.60}" for name in sorted(given - set(arguments))]
    told = [f"missing: {', '.join(missing)}"] * bool(missing) + [f"unknown: {', '.join(unknown)}"] * bool(unknown)
    return f"arguments of prompt {params.name}: {'; '.join(told)}; it takes {', '.join(arguments)}" if told else None


def _with(provider: str, ending: str) -> str:
    chosen = [f"provider {provider}"] if provider else []
    chosen += [f'options {{"ending": "{ending}"}}'] if ending else []
    return "".join(f" and {one}" for one in chosen)
