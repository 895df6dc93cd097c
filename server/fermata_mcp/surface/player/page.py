"""The player as one page."""

from __future__ import annotations

from pathlib import Path

from fermata_mcp.surface.web_page import WebPage

FOLDER = Path(__file__).parent
STYLE = FOLDER / "style.css"
# What every page of ours says to the server.
SERVER = FOLDER / "server.js"
_SCRIPTS = ("bridge.js", "sound.js", "wave.js", "player.js")
PLAYER_PAGE = WebPage(FOLDER / "page.html", (STYLE,), (SERVER, *(FOLDER / name for name in _SCRIPTS)))
