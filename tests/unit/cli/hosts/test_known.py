"""The hosts that we know: where each keeps its configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from fermata_mcp.cli.hosts.known import HOSTS, SYSTEMS, Host, host_named
from fermata_mcp.domain.errors import InvalidRequest

HOME = Path("/home/ann")


@pytest.mark.parametrize(
    ("name", "system", "environ", "path"),
    [
        ("claude-desktop", "darwin", {}, "Library/Application Support/Claude/claude_desktop_config.json"),
        ("claude-desktop", "win32", {"APPDATA": "/home/ann/r"}, "r/Claude/claude_desktop_config.json"),
        ("claude-code", "linux", {}, ".claude.json"),
        ("claude-code", "linux", {"CLAUDE_CONFIG_DIR": "/home/ann/c"}, "c/.claude.json"),
        ("vscode", "linux", {}, ".config/Code/User/mcp.json"),
        ("cursor", "win32", {}, ".cursor/mcp.json"),
        ("codex", "linux", {"CODEX_HOME": "/home/ann/x"}, "x/config.toml"),
        ("opencode", "linux", {"XDG_CONFIG_HOME": "/home/ann/y"}, "y/opencode/opencode.json"),
        ("zed", "win32", {}, "AppData/Roaming/Zed/settings.json"),
    ],
)
def test_where_a_host_keeps_its_configuration(name: str, system: str, environ: dict[str, str], path: str) -> None:
    assert host_named(name).path(system, environ, HOME) == HOME / path


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_host_has_a_place_everywhere(host: Host, system: str) -> None:
    path = host.path(system, {}, HOME)
    assert path.is_relative_to(HOME)
    assert not {"~", "%APPDATA%"} & set(path.parts)
    assert host.tried
    assert host.keys


def test_a_host_that_we_do_not_know_is_refused_with_those_we_do() -> None:
    with pytest.raises(InvalidRequest, match=r"no host is called 'netscape'.*claude-desktop"):
        host_named("netscape")
