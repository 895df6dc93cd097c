"""The player in a host: an MCP App that `play_track` opens."""

from __future__ import annotations

from typing import Any

from mcp.server.apps import APP_MIME_TYPE, Apps
from mcp.server.mcpserver.resources import Resource

from .page import PLAYER_PAGE

PLAYER = "ui://fermata/player"
OPENS_PLAYER: dict[str, Any] = {"ui": {"resourceUri": PLAYER}}


class _Page(Resource):
    """Read from the package when somebody asks for it, not at every start."""

    async def read(self) -> str:
        return PLAYER_PAGE.text


def player_app() -> Apps:
    """The extension that brings the view. It asks for no domain and no permission."""
    apps = Apps()
    apps.add_resource(
        _Page(
            uri=PLAYER,
            name="player",
            title="Player",
            description="Hear a result: its joins, before and after, its takes",
            mime_type=APP_MIME_TYPE,
            meta={"ui": {"prefersBorder": True}},
        )
    )
    return apps
