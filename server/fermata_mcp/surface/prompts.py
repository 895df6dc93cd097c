"""Two ready-made requests for hosts that offer prompts in their menus."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from pydantic import Field

Track = Annotated[str, Field(description="File path, link, tsk_… or clip:<id>")]
Seconds = Annotated[str, Field(description="Seconds")]
Provider = Annotated[str, Field(description="Provider; empty for the default")]


def add_prompts(server: MCPServer[Any]) -> None:
    """Mount the prompts on `server`."""

    @server.prompt(title="Make a track longer", description="One extension of a track")
    def make_longer(source: Track, seconds: Seconds = "30", provider: Provider = "") -> str:
        return (
            f"Make the track {source} longer by {seconds} seconds with extend_track{_with(provider)}. "
            "If the call hands back a running task, follow it with get_task until it is finished; do not start it "
            "again. Then tell me where the file is, how long it is now and what it cost."
        )

    @server.prompt(title="Make a whole song of it", description="Extensions until the track has a given length")
    def full_song(source: Track, target_seconds: Seconds = "180", provider: Provider = "") -> str:
        return (
            f"First call chain_extend for {source} with target_seconds {target_seconds}{_with(provider)} and dry_run "
            "true, and tell me what it would cost. If it is free or I agree, run it, follow it with get_task until it "
            "is finished, and tell me where the file is and where the joins are."
        )


def _with(provider: str) -> str:
    return f" and provider {provider}" if provider else ""
