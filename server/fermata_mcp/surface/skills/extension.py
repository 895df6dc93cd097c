"""The skills extension (SEP-2640): what there is to read, each file with its digest, and the files as resources."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding, ResourceBinding
from mcp.server.mcpserver.resources import TextResource
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, RequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

MODERN = frozenset(MODERN_PROTOCOL_VERSIONS)
FOLDER = Path(__file__).parent
MANIFEST = "SKILL.md"
# Files of the installed version: they change with it alone.
FRESH = {"ttlMs": 3_600_000, "cacheScope": "public"}
Entry = dict[str, Any]


class ListParams(RequestParams):
    cursor: str | None = None


class GetParams(RequestParams):
    uri: str


class SkillsExtension(Extension):
    """Serves every folder beside this file that holds a `SKILL.md`."""

    identifier = "io.modelcontextprotocol/skills"

    def resources(self) -> Sequence[ResourceBinding]:
        return [ResourceBinding(_resource(name)) for name in skills()]

    def methods(self) -> Sequence[MethodBinding]:
        return (
            MethodBinding("skills/list", ListParams, self._list, MODERN),
            MethodBinding("skills/get", GetParams, self._get, MODERN),
        )

    async def _list(self, ctx: ServerRequestContext[Any, Any], params: ListParams) -> HandlerResult:
        return {"skills": [entry(name) for name in skills()], **FRESH}

    async def _get(self, ctx: ServerRequestContext[Any, Any], params: GetParams) -> HandlerResult:
        found = next((entry(name) for name in skills() if address(name) == params.uri), None)
        if found is None:
            raise MCPError(
                code=INVALID_PARAMS, message=f"there is no skill {params.uri:.100}", data={"uri": params.uri}
            )
        return {"skill": found, **FRESH}


def skills() -> list[str]:
    """Their names, which are those of their folders."""
    return sorted(manifest.parent.name for manifest in FOLDER.glob(f"*/{MANIFEST}"))


def address(name: str) -> str:
    return f"skill://{name}/{MANIFEST}"


def entry(name: str) -> Entry:
    """What is told of a skill before it is read: its frontmatter, and every file with digest and size in bytes."""
    text = _text(name).encode()
    file = {"uri": address(name), "digest": f"sha256:{hashlib.sha256(text).hexdigest()}", "size": len(text)}
    return {"uri": address(name), "frontmatter": frontmatter(_text(name)), "resources": [file]}


def frontmatter(text: str) -> dict[str, str]:
    """The lines `name: value` between the first two `---`; more of YAML these files do not use."""
    head = text.split("---\n", 2)[1]
    return dict(line.split(": ", 1) for line in head.splitlines())


@cache
def _text(name: str) -> str:
    return (FOLDER / name / MANIFEST).read_text(encoding="utf-8")


def _resource(name: str) -> TextResource:
    facts = frontmatter(_text(name))
    return TextResource(
        uri=address(name), name=facts["name"], description=facts["description"], mime_type="text/markdown",
        text=_text(name),
    )  # fmt: skip
