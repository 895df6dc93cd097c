"""Which lines of a client have a prepared answer. A line counts where no reader could take it for anything else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

HANDSHAKE, MODERN = "handshake", "2026-07-28"
Prepared = Mapping[str, bytes]

_DEEPEST = 50
_LONGEST_ID, _LARGEST_ID = 100, 2**53
_OBJECTS: Any = {"*": dict}
_CAPABILITIES: Any = {
    "roots": {"listChanged": bool},
    "sampling": {"context": dict, "tools": dict},
    "elicitation": {"form": dict, "url": dict},
    "experimental": _OBJECTS,
    "extensions": _OBJECTS,
}
_CLIENT: Any = {"name": str, "version": str, "title": str, "description": str, "websiteUrl": str}
_INITIALIZE: Any = {"protocolVersion": str, "capabilities": _CAPABILITIES, "clientInfo": _CLIENT}
_ABOUT = "io.modelcontextprotocol/"
_MODERN: Any = {
    "_meta": {
        f"{_ABOUT}protocolVersion": str,
        f"{_ABOUT}clientInfo": _CLIENT,
        f"{_ABOUT}clientCapabilities": _CAPABILITIES,
    }
}


class Talk:
    """What a client has said so far. `has_listed` is whether it has been given the tools."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._era: str | None = None
        self._ids = set[str]()
        self._methods = set[str]()
        self.has_listed = False

    def answer(self, line: bytes) -> bytes | None:
        """The bytes to send back, none for a notification; None where only the server can know."""
        message = _read(line)
        method = message.get("method") if message else None
        if message is None or not isinstance(method, str) or method in self._methods:
            return None
        answer = self._answer(message, method)
        if answer is not None:
            self._methods.add(method)
            self.has_listed = self.has_listed or method == "tools/list"
        return answer

    def _answer(self, message: dict[str, Any], method: str) -> bytes | None:
        params: Any = message.get("params", {})
        if "id" not in message:
            expected = self._era == HANDSHAKE and method == "notifications/initialized" and params == {}
            return b"" if expected else None
        era = self._era_of(method, params)
        result = self._prepared.get(f"{_variant(era, method, params)} {method}")
        if result is None or not self._is_new(message["id"]):
            return None
        self._era = era
        return b'{"jsonrpc":"2.0","id":%s,"result":%s}\n' % (_written(message["id"]), result)

    def _era_of(self, method: str, params: Any) -> str | None:
        """The era that a request belongs to, where it may come now."""
        if method == "initialize":
            return HANDSHAKE if self._methods <= {"server/discover"} and _opens(params) else None
        if self._era == HANDSHAKE:
            return HANDSHAKE if params == {} else None
        return MODERN if _is_modern(params) else None

    def _is_new(self, request: Any) -> bool:
        if str(request) in self._ids:
            return False
        self._ids.add(str(request))
        return True


def _variant(era: str | None, method: str, params: Any) -> str | None:
    return params["protocolVersion"] if method == "initialize" and era else era


def _written(request: int | str) -> bytes:
    return (f'"{request}"' if isinstance(request, str) else str(request)).encode()


# --- lines ------------------------------------------------------------------------------------------------------------


def _read(line: bytes) -> dict[str, Any] | None:
    """The message in a line that every reader of JSON reads alike."""
    if b"\\" in line or line.count(b"{") + line.count(b"[") > _DEEPEST:
        return None
    try:
        message = json.loads(line.decode(), object_pairs_hook=_without_doubles, parse_constant=_refuse)
    except ValueError:
        return None
    if not isinstance(message, dict):
        return None
    fields = cast(dict[str, Any], message)
    known = fields.keys() <= {"jsonrpc", "id", "method", "params"} and fields.get("jsonrpc") == "2.0"
    return fields if known and ("id" not in fields or _is_plain_id(fields["id"])) else None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name stands twice")
    return fields


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _is_plain_id(value: Any) -> bool:
    if type(value) is int:
        return abs(value) <= _LARGEST_ID
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_ID


def _opens(params: Any) -> bool:
    return _fits(params, _INITIALIZE) and len(params) == len(_INITIALIZE) and _is_named(params["clientInfo"])


def _is_modern(params: Any) -> bool:
    if not _fits(params, _MODERN) or "_meta" not in params:
        return False
    meta = params["_meta"]
    whole = meta.keys() == _MODERN["_meta"].keys() and meta[f"{_ABOUT}protocolVersion"] == MODERN
    return whole and _is_named(meta[f"{_ABOUT}clientInfo"])


def _is_named(client: dict[str, str]) -> bool:
    return {"name", "version"} <= client.keys()


def _fits(value: Any, shape: Any) -> bool:
    """Whether `value` has no part that `shape` does not name; `*` there is any name."""
    if isinstance(shape, type):
        return type(value) is shape
    if type(value) is not dict or shape is None:
        return False
    named = cast(dict[str, Any], shape)
    parts = cast(dict[str, Any], value)
    return all(_fits(one, named.get(name, named.get("*"))) for name, one in parts.items())
