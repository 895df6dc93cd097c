"""The MCP bundle, with the tool that its makers publish: it validates, packs, and unpacks to what serves tools."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from e2e.node_tools import MCPB, needs_node, run_node
from support.places import REPOSITORY
from support.processes import Home

pytestmark = [pytest.mark.node, needs_node]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is in the repository, without what lies beside it here."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("this is no clone of the repository")
    folder = tmp_path_factory.mktemp("bundle") / "clone"
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def unpacked(clone: Path) -> Path:
    bundle, folder = clone.parent / "fermata.mcpb", clone.parent / "unpacked"
    packed = run_node(MCPB, "pack", clone, bundle)
    assert packed.returncode == 0, packed.stdout + packed.stderr
    assert run_node(MCPB, "unpack", bundle, folder).returncode == 0
    return folder


def test_the_manifest_is_valid(clone: Path) -> None:
    done = run_node(MCPB, "validate", clone / "manifest.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "validation passes" in done.stdout


def test_only_the_program_goes_in(unpacked: Path) -> None:
    inside = {path.relative_to(unpacked).parts[0] for path in unpacked.rglob("*") if path.is_file()}
    wanted = {"manifest.json", "pyproject.toml", "README.md", "LICENSE", "server", "docs"}
    assert wanted <= inside <= wanted | {"CHANGELOG.md", "SECURITY.md"}
    assert [path.name for path in (unpacked / "docs").iterdir()] == ["icon.png"]
    sources = {path.relative_to(REPOSITORY) for path in (REPOSITORY / "server").rglob("*.py")}
    assert {path.relative_to(unpacked) for path in (unpacked / "server").rglob("*.py")} == sources


@pytest.mark.anyio
async def test_what_is_unpacked_serves_the_tools_it_names(unpacked: Path, tmp_path: Path) -> None:
    """Its entry point in this environment: fetching what it depends on is the host's business, and needs a network."""
    manifest = json.loads((unpacked / "manifest.json").read_text())
    given = Home(tmp_path).environment(PYTHONPATH=str(unpacked / "server"))
    command = StdioServerParameters(
        command=sys.executable, args=[str(unpacked / manifest["server"]["entry_point"])], env=given, cwd=tmp_path
    )
    with (tmp_path / "log").open("w") as log, anyio.fail_after(300):
        async with Client(stdio_client(command, log)) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
    assert tools == [tool["name"] for tool in manifest["tools"]]
