"""What people paste into their host's configuration really starts a server."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from support.places import REPOSITORY
from support.processes import Home, fermata

EXAMPLE = REPOSITORY / "claude_config.example.json"


def entry(config: dict[str, Any]) -> dict[str, Any]:
    """The one server of a host's configuration."""
    [(name, server)] = config["mcpServers"].items()
    assert name == "fermata"
    assert set(server) <= {"command", "args", "env"}
    return server


async def tools_of(server: dict[str, Any], folder: Path, path: str) -> set[str]:
    """Start what the configuration says, as a host with this PATH would."""
    given = {"HOME": str(folder), "PATH": path, **server.get("env", {})}
    command = StdioServerParameters(command=server["command"], args=server["args"], env=given, cwd=folder)
    with Home(folder).log.open("w") as log, anyio.fail_after(300):
        async with Client(stdio_client(command, log)) as client:
            return {tool.name for tool in (await client.list_tools()).tools}


@pytest.mark.anyio
async def test_the_example_starts_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = entry(json.loads(EXAMPLE.read_text(encoding="utf-8")))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    monkeypatch.setenv("PATH", path)  # where the client itself looks for the command
    assert "extend_track" in await tools_of(server, tmp_path, path)


@pytest.mark.anyio
async def test_what_the_doctor_prints_starts_without_any_path(tmp_path: Path) -> None:
    told = json.loads(fermata(Home(tmp_path), "doctor", "--json").stdout)
    server = entry(told["host_config"])
    assert Path(server["command"]).is_absolute()
    assert "extend_track" in await tools_of(server, tmp_path, os.defpath)
