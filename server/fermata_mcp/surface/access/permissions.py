"""Which scope each call needs; what costs credits needs `spend` beside."""

from __future__ import annotations

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
# Messages of the protocol come by POST, whatever they ask for; they are looked at one by one.
MESSAGES = ("/mcp", "/messages/")
_READING = ("GET", "HEAD", "OPTIONS")


def of_tool(name: str) -> Scope:
    """A tool that nobody has put into the table is not for those who only read."""
    return TOOLS.get(name, "extend")


def of_method(name: str) -> Scope:
    return METHODS.get(name, "read")


def of_route(method: str, path: str) -> Scope:
    """What a request needs to be looked at."""
    return "read" if method in _READING or path in MESSAGES else "extend"


def require(principal: Principal, scope: Scope) -> None:
    """Raise ScopeMissing where the principal lacks it."""
    if not principal.may(scope):
        raise ScopeMissing(scope)
