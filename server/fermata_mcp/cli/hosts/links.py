"""Links that make an editor offer to install the server, for web pages and READMEs."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

from .known import NAME

# From the package index, where nothing needs to be installed before: `uvx` fetches what it starts.
SERVER = {"command": "uvx", "args": ["fermata-mcp"]}


def cursor_link() -> str:
    """Its form is that of cursor.com/docs/mcp/install-links: the entry without its name, in base64."""
    config = base64.b64encode(_compact(SERVER).encode()).decode()
    return f"cursor://anysphere.cursor-deeplink/mcp/install?name={NAME}&config={quote(config, safe='')}"


def vscode_link() -> str:
    """Its form is that of code.visualstudio.com/api/extension-guides/ai/mcp: the entry with its name, as JSON."""
    return f"vscode:mcp/install?{quote(_compact({'name': NAME, **SERVER}), safe='')}"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
