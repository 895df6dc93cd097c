"""Which scope each call needs; what costs credits needs `spend` beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from fermata_mcp.domain.access.principal import Principal, Scope
from fermata_mcp.domain.errors import ScopeMissing

TOOLS: dict[str, Scope] = {
    "get_task": "read",
    "get_credits": "read",
    "list_tasks": "read",
    "play_track": "read",
    "extend_track": "extend",
    "chain_extend": "extend",
    "cancel_task": "extend",
    "resolve_task": "extend",
    "upload_track": "extend",
}
METHODS: dict[str, Scope] = {"tasks/cancel": "extend", "tasks/update": "extend"}
# What says by itself what it needs: messages of the protocol, which come by POST whatever they ask for, and uploads.
LOOKED_AT_INSIDE = ("/mcp", "/messages/", "/uploads")
_READING = ("GET", "HEAD", "OPTIONS")


def of_tool(name: str) -> Scope:
    """A tool that nobody has put into the table is not for those who only read."""
    return TOOLS.get(name, "extend")


def of_method(name: str) -> Scope:
    return METHODS.get(name, "read")


def of_message(method: str, params: Mapping[str, Any]) -> Scope:
    """What can be told of a request before it is carried out; what costs credits shows only then."""
    if method != "tools/call":
        return of_method(method)
    given = params.get("arguments")
    action = cast("dict[str, Any]", given).get("action") if isinstance(given, dict) else None
    return "spend" if action == "resubmit" else of_tool(str(params.get("name")))


def of_route(method: str, path: str) -> Scope:
    """What a request needs to be looked at."""
    return "read" if method in _READING or path in LOOKED_AT_INSIDE else "extend"


def require(principal: Principal, scope: Scope) -> None:
    """Raise ScopeMissing where the principal lacks it."""
    if not principal.may(scope):
        raise ScopeMissing(scope)
