"""Node 22 and the packages of `tests/e2e/node`: where they are, and how a script of theirs is run."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

NODE_DIR = Path(__file__).parent / "node"
MODULES = NODE_DIR / "node_modules"
OLDEST = (22, 19)  # what the Inspector asks for
DEADLINE = 300.0  # seconds for one script, below pytest's own limit

CONFORMANCE = MODULES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
CONFORMANCE_0_1 = MODULES / "conformance-0.1" / "dist" / "index.js"
MCPB = MODULES / "@anthropic-ai" / "mcpb" / "dist" / "cli" / "cli.js"
INSPECTOR = MODULES / "@modelcontextprotocol" / "inspector" / "clients" / "launcher" / "build" / "index.js"


def version_of(node: str) -> tuple[int, ...]:
    """The version a Node binary reports, or an empty tuple when it does not run."""
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
        return tuple(int(part) for part in said.strip().removeprefix("v").split("."))
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()


@functools.cache
def find_node() -> str | None:
    """The Node installed with the packages (one per platform), else one on PATH that is new enough."""
    installed = [str(path) for path in MODULES.glob("node-*/bin/node*")]
    candidates = [*installed, shutil.which("node")]
    return next((node for node in candidates if node and version_of(node) >= OLDEST), None)


@functools.cache
def missing() -> str | None:
    """Why nothing here can run, in words for a skipped test; None when it can."""
    if not (CONFORMANCE.is_file() and MCPB.is_file()):
        return "the npm packages are not installed: run tests/e2e/install_node.sh"
    if find_node() is None:
        return f"no Node.js >= {OLDEST[0]}.{OLDEST[1]}: run tests/e2e/install_node.sh"
    return None


needs_node = pytest.mark.skipif(missing() is not None, reason=missing() or "")


def run_node(
    *arguments: str | Path, env: Mapping[str, str] | None = None, timeout: float = DEADLINE
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end and return what it said and its exit code."""
    node = find_node()
    assert node is not None, missing()
    command = [node, *map(str, arguments)]
    full = {**os.environ, **(env or {}), "NO_COLOR": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=full, check=False)


def run_client(script: str, *arguments: str | Path, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run one of our client scripts and return the one JSON object it prints."""
    done = run_node(NODE_DIR / script, *arguments, env={**(env or {}), "CLIENT_DEADLINE_SECONDS": str(DEADLINE - 10)})
    assert done.returncode == 0, f"{script} failed:\n{done.stderr}\n{done.stdout}"
    return json.loads(done.stdout)
