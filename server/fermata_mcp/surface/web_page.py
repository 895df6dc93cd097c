"""A page as one file that asks for nothing from outside: its style and scripts are put into it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class WebPage:
    """A page and the files that it is made of, each read once.

    Args:
        frame: HTML with `/*style*/` and `/*script*/` where those go.
    """

    frame: Path
    styles: Sequence[Path]
    scripts: Sequence[Path]

    @cached_property
    def text(self) -> str:
        """The whole page."""
        style = "\n".join(_read(part) for part in self.styles)
        script = "\n".join(_read(part) for part in self.scripts)
        whole = _read(self.frame).replace("/*style*/", style)
        return whole.replace("/*script*/", f'"use strict";\n(() => {{\n{script}\n}})();')

    def policy(self, *, reaches: Sequence[str] = ()) -> str:
        """What a browser may let the page do: run its own script, ask its own server, and the origins in `reaches`."""
        script, style = self._digests
        origins = " ".join(("'self'", *reaches))
        return (
            f"default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src {origins}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    @cached_property
    def _digests(self) -> tuple[str, str]:
        return _digest(self.text, "script"), _digest(self.text, "style")


def _read(part: Path) -> str:
    return part.read_text(encoding="utf-8")


def _digest(page: str, kind: str) -> str:
    found = re.search(rf"<{kind}>(.*)</{kind}>", page, re.DOTALL)
    assert found
    return "sha256-" + base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
