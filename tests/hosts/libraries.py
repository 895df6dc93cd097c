"""Clients in JavaScript without a model: the scripts of `e2e/node`, and three command lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from e2e.node_tools import INSPECTOR, NODE_DIR, find_node
from e2e.servers import http_server

from .place import MODULES, Place, python_client, servers
from .wire import overheard


def script(place: Place, name: str, *options: str) -> str:
    """One of the scripts that the tests run too."""
    told = json.dumps(dict(place.arguments))
    return place.run(_node(), NODE_DIR / name, *options, told, *place.command, **place.server_env)


def mcporter(place: Place) -> str:
    """Calls by its command line; each starts the server anew."""
    config = place.write("mcporter.json", servers(place))
    run = (_node(), _bin("mcporter"), "--config", config)

    def call(name: str, arguments: Any) -> str:
        return place.run(*run, "call", f"fermata.{name}", "--args", json.dumps(arguments), "--timeout", "120000")

    ended = [place.run(*run, "list", "fermata", "--schema"), call("extend_track", dict(place.arguments))]
    task_id = _task_of(place)
    ended += [call("get_task", {"task_id": task_id}), call("list_tasks", {})]
    return _first([*ended, place.run(*run, "resource", "fermata", f"fermata://tasks/{task_id}")])


def inspector(place: Place) -> str:
    """Its command line; each call starts the server anew."""
    env = [part for name, value in place.server_env.items() for part in ("-e", f"{name}={value}")]

    def run(method: str, *options: str) -> str:
        fixed = ("--cli", "--format", "json", "--method", method, *env)
        return place.run(_node(), INSPECTOR, *fixed, *options, "--", *place.command)

    def call(name: str, arguments: Any) -> str:
        return run("tools/call", "--tool-name", name, "--tool-args-json", json.dumps(arguments))

    ended = [run("tools/list", "--strict"), call("extend_track", dict(place.arguments))]
    task_id = _task_of(place)
    ended += [call("get_task", {"task_id": task_id}), call("list_tasks", {})]
    return _first([*ended, run("resources/read", "--uri", f"fermata://tasks/{task_id}/audio/0")])


def mcp_remote(place: Place) -> str:
    """The official client at a bridge from stdio to a server over HTTP."""
    with http_server(place.folder) as base:
        bridge = (_node(), str(_bin("mcp-remote")), f"{base}/mcp", "--transport", "http-only")
        return python_client(None, "official.py", replace(place, server=bridge), "legacy")


def _task_of(place: Place) -> str:
    """The one that was made; what is no id where there is none, so that the next call tells."""
    made = [call.result for call in overheard(place.notes).calls("extend_track") if call.went_well]
    return made[-1]["structuredContent"]["task_id"] if made else "tsk_none"


def _node() -> str:
    node = find_node()
    assert node is not None
    return node


def _bin(name: str) -> Path:
    return (MODULES / ".bin" / name).resolve()


def _first(ended: Sequence[str]) -> str:
    return next((words for words in ended if words), "")
