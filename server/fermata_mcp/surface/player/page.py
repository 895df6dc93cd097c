"""The player as one page that asks for nothing from outside: its style and scripts are put into it."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

SCRIPTS = ("bridge.js", "sound.js", "wave.js", "player.js")


@cache
def page() -> str:
    """The whole page."""
    script = "\n".join(_part(name) for name in SCRIPTS)
    whole = _part("page.html").replace("/*style*/", _part("style.css"))
    return whole.replace("/*script*/", f'"use strict";\n(() => {{\n{script}\n}})();')


@cache
def policy() -> str:
    """What a browser may let the page do: run its own script, and ask its own server."""
    allowed = {kind: _digest(re.search(rf"<{kind}>(.*)</{kind}>", page(), re.DOTALL)) for kind in ("script", "style")}
    return (
        f"default-src 'none'; script-src '{allowed['script']}'; style-src '{allowed['style']}'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _part(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _digest(found: re.Match[str] | None) -> str:
    assert found
    return "sha256-" + base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
