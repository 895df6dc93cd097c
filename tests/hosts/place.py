"""Where one run of one client happens: its folder, its server with the notes of what is said, and its time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# Each client's own environment; nothing of it belongs to the repository.
INSTALLED = ROOT / ".hosts"
CLIENTS = HERE / "clients"
# Nothing is told to anybody about these runs.
QUIET = {"NO_COLOR": "1", "NO_PROXY": "127.0.0.1", "DO_NOT_TRACK": "1", "MCP_USE_ANONYMIZED_TELEMETRY": "false"}
MODULES = HERE / "node" / "node_modules"


@dataclass(frozen=True)
class Place:
    """One run.

    Attributes:
        folder: Home of the client, and of the server's data and music.
        model: The address of the scripted model.
        arguments: Those of `extend_track`.
        settings: The server's, besides its folders.
        deadline: Seconds until the client is stopped.
        server: What is started as the server.
    """

    folder: Path
    model: str
    arguments: Mapping[str, Any]
    settings: Mapping[str, str]
    deadline: float = 150.0
    server: Sequence[str] = (sys.executable, "-m", "fermata_mcp")

    @property
    def notes(self) -> Path:
        return self.folder / "notes"

    @property
    def music(self) -> Path:
        return self.folder / "music"

    @property
    def command(self) -> list[str]:
        return [sys.executable, str(HERE / "overhear.py"), str(self.notes), *self.server]

    @property
    def server_env(self) -> dict[str, str]:
        folders = {"FERMATA_DATA_DIR": str(self.folder / "data"), "FERMATA_OUTPUT_DIR": str(self.music)}
        return {**folders, **self.settings}

    def write(self, name: str, content: Any) -> Path:
        """A file under the client's home; anything but text as JSON."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        return path

    def run(self, *command: str | Path, **env: str) -> str:
        """Run a client to its end or its deadline; what it said and how it ended."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        home = {name: str(self.folder) for name in ("HOME", "USERPROFILE")}
        log = self.folder / "client.log"
        with log.open("wb") as out:
            started = subprocess.Popen(
                list(map(str, command)),
                env={**kept, **home, **QUIET, **env},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
            return _ended(started, self.deadline)


def _ended(process: subprocess.Popen[bytes], deadline: float) -> str:
    try:
        code = process.wait(deadline)
    except subprocess.TimeoutExpired:
        code = None
    # Some leave helpers behind; its session is its own.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return f"stopped after {deadline:.0f} s" if code is None else "" if code == 0 else f"exit code {code}"


def python_client(environment: str | None, script: str, place: Place, *options: str) -> str:
    """Run one of `clients` with the Python of its environment; None for our own."""
    python = sys.executable if environment is None else INSTALLED / environment / "bin" / "python"
    told: dict[str, Any] = {
        "command": place.command,
        "env": place.server_env,
        "model": place.model,
        "arguments": dict(place.arguments),
        "options": options,
    }
    return place.run(python, CLIENTS / script, json.dumps(told))


def servers(place: Place, **more: Any) -> dict[str, Any]:
    """The block that most hosts have for their servers."""
    program, *rest = place.command
    return {"mcpServers": {"fermata": {"command": program, "args": rest, "env": place.server_env, **more}}}


def quoted(words: Sequence[str]) -> str:
    """A TOML or JSON list of strings."""
    return json.dumps(list(words))
