"""The page for people."""

from __future__ import annotations

from pathlib import Path

from fermata_mcp.surface.player.page import SERVER, STYLE
from fermata_mcp.surface.web_page import WebPage

_FOLDER = Path(__file__).parent
HOME_PAGE = WebPage(_FOLDER / "page.html", (STYLE, _FOLDER / "style.css"), (SERVER, _FOLDER / "home.js"))
