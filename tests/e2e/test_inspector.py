"""The Inspector's command line against our server: its schema checks and its calls, on every transport."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from e2e.node_tools import INSPECTOR, needs_node, run_node
from e2e.servers import STDIO, duration, environment, http_server, music

pytestmark = [pytest.mark.node, needs_node]

ERAS = ["legacy", "modern"]
TOOL_ERROR = 5  # the exit code for a result with `isError`


def inspect(
    target: Sequence[str], folder: Path, method: str, *options: str, era: str = "legacy"
) -> subprocess.CompletedProcess[str]:
    """Run one method. The Inspector keeps its own files under `folder`, and like every host it hands a
    server only the settings it is told to."""
    fixed = ["--cli", "--format", "json", "--protocol-era", era, "--method", method]
    env = {**environment(folder), "HOME": str(folder), "USERPROFILE": str(folder)}
    told = [part for name in env if name.startswith(("FERMATA_", "PYTHON")) for part in ("-e", f"{name}={env[name]}")]
    return run_node(INSPECTOR, *fixed, *told, *options, "--", *target, env=env)


def result(done: subprocess.CompletedProcess[str], code: int = 0) -> dict[str, Any]:
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)["result"]


def extend(target: Sequence[str], folder: Path, add_seconds: float, era: str = "legacy") -> None:
    """Lengthen a track through the Inspector, and look at what came."""
    source = music(folder)
    arguments = json.dumps({"source": str(source), "add_seconds": add_seconds})
    options = ("--tool-name", "extend_track", "--tool-args-json", arguments)
    task = result(inspect(target, folder, "tools/call", *options, era=era))["structuredContent"]
    assert task["status"] == "succeeded"
    made = duration(Path(task["audio"]["file"]))
    assert abs(made - duration(source) - add_seconds) <= 0.05


@pytest.fixture(scope="module")
def http_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inspector")


@pytest.fixture(scope="module")
def http(http_folder: Path) -> Iterator[str]:
    with http_server(http_folder) as base:
        yield base


@pytest.mark.parametrize("era", ERAS)
def test_tool_schemas_are_portable(era: str, tmp_path: Path) -> None:
    tools = result(inspect(STDIO, tmp_path, "tools/list", "--strict", era=era))["tools"]
    assert len(tools) == 8
    assert all(tool["outputSchema"] and tool["annotations"] for tool in tools)


@pytest.mark.parametrize("era", ERAS)
def test_lists(era: str, tmp_path: Path) -> None:
    resources = result(inspect(STDIO, tmp_path, "resources/list", era=era))["resources"]
    templates = result(inspect(STDIO, tmp_path, "resources/templates/list", era=era))["resourceTemplates"]
    prompts = result(inspect(STDIO, tmp_path, "prompts/list", era=era))["prompts"]
    assert {resource["uri"] for resource in resources} >= {"fermata://tasks", "fermata://providers"}
    assert "fermata://tasks/{task_id}" in {template["uriTemplate"] for template in templates}
    assert len(prompts) == 2


@pytest.mark.parametrize("era", ERAS)
def test_extend_over_stdio(era: str, tmp_path: Path) -> None:
    extend(STDIO, tmp_path, 10, era)


@pytest.mark.parametrize(
    ("path", "era", "add_seconds"),
    [("/mcp", "legacy", 11), ("/mcp", "modern", 12), ("/sse", "legacy", 13)],
    ids=["http-handshake", "http-modern", "sse"],
)
def test_extend_over_http(path: str, era: str, add_seconds: float, http: str, http_folder: Path) -> None:
    extend([http + path], http_folder, add_seconds, era)


def test_a_refused_call_says_why_and_what_next(tmp_path: Path) -> None:
    arguments = json.dumps({"task_id": "tsk_nothing"})
    options = ("--tool-name", "get_task", "--tool-args-json", arguments)
    refused = result(inspect(STDIO, tmp_path, "tools/call", *options), TOOL_ERROR)
    words = refused["content"][0]["text"]
    assert words.startswith("not_found: ")
    assert "Next: " in words
