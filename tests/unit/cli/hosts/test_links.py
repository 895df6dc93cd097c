"""Links that editors follow: read back as the editors read them."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs, unquote, urlsplit

from fermata_mcp.cli.hosts.links import cursor_link, vscode_link

STARTED = {"command": "uvx", "args": ["fermata-mcp"]}


def test_cursor() -> None:
    link = urlsplit(cursor_link())
    asked = parse_qs(link.query, strict_parsing=True)
    assert (link.scheme, link.netloc, link.path) == ("cursor", "anysphere.cursor-deeplink", "/mcp/install")
    assert asked["name"] == ["fermata"]
    assert json.loads(base64.b64decode(asked["config"][0], validate=True)) == STARTED


def test_vscode() -> None:
    scheme, _, rest = vscode_link().partition(":")
    path, _, query = rest.partition("?")
    assert (scheme, path) == ("vscode", "mcp/install")
    assert json.loads(unquote(query)) == {"name": "fermata", **STARTED}
