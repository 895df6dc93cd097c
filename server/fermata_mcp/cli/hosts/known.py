"""The hosts that we know, as data; the only source of `docs/hosts.md` and of `fermata-mcp doctor --host`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fermata_mcp.domain.errors import InvalidRequest

NAME = "fermata"
MAC, WINDOWS, LINUX = "darwin", "win32", "linux"
SYSTEMS = {MAC: "macOS", LINUX: "Linux", WINDOWS: "Windows"}


@dataclass(frozen=True)
class Variables:
    """How a host hands environment variables on to the servers that it starts.

    Attributes:
        field: Of a server's entry, where they are named.
        reference: Stands for the value of NAME; None where the field is a plain list of names.
        always: Whether names of variables that are not set do no harm, so that all keys can be named at once.
    """

    field: str
    reference: str | None = None
    always: bool = False


@dataclass(frozen=True)
class Host:
    """One MCP host.

    Attributes:
        name: As in `--host`.
        folders: Where its configuration lies, by system; `~` and `%APPDATA%` are the user's.
        file: Its name in that folder.
        moved_by: Environment variable that names another folder.
        servers: The key under which it keeps its servers.
        fields: What an entry holds besides its command.
        command_is_list: Whether command and arguments are one list.
        variables: None where a server gets the host's own environment, or nothing can be referred to.
        keys: Where a key of a provider goes.
        notes: What else to know.
        tried: What was really run, and with which version; the rest is from its documentation.
    """

    name: str
    title: str
    folders: Mapping[str, str]
    file: str
    servers: str
    keys: str
    tried: str
    form: Literal["json", "toml"] = "json"
    moved_by: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    command_is_list: bool = False
    variables: Variables | None = None
    notes: tuple[str, ...] = ()

    def path(self, system: str, environ: Mapping[str, str], home: Path) -> Path:
        """Where its configuration lies for the user with this environment."""
        moved = environ.get(self.moved_by or "")
        if moved:
            return Path(moved) / self.file
        folder = self.folders.get(system) or self.folders[LINUX]
        appdata = environ.get("APPDATA") or str(home / "AppData" / "Roaming")
        config = environ.get("XDG_CONFIG_HOME") or str(home / ".config")
        if folder.startswith("~/.config/") and system == LINUX:
            return Path(config) / folder.removeprefix("~/.config/") / self.file
        return Path(folder.replace("%APPDATA%", appdata).replace("~", str(home), 1)) / self.file


def everywhere(folder: str) -> Mapping[str, str]:
    return dict.fromkeys(SYSTEMS, folder)


OWN_ENVIRONMENT = "It starts servers with its own environment: set the key where you start it (`export KIE_API_KEY=…`)."
NAMED_ONLY = (
    "It hands on only variables that the entry names. `doctor --host` names those of ours that are set: run it again "
    "when you set another."
)

HOSTS = (
    Host(
        name="claude-desktop",
        title="Claude Desktop",
        folders={
            MAC: "~/Library/Application Support/Claude",
            WINDOWS: "%APPDATA%/Claude",
            LINUX: "~/.config/Claude",
        },
        file="claude_desktop_config.json",
        servers="mcpServers",
        keys="It knows no references to variables. The bundle asks for keys and keeps them in the system's key store; "
        "or write the key into `env` of the entry yourself.",
        notes=("Restart it after a change.",),
        tried="nothing was run: it needs a desktop. The command of this entry was started over stdio as it stands.",
    ),
    Host(
        name="claude-code",
        title="Claude Code",
        folders=everywhere("~"),
        file=".claude.json",
        moved_by="CLAUDE_CONFIG_DIR",
        servers="mcpServers",
        fields={"type": "stdio"},
        keys=OWN_ENVIRONMENT,
        notes=("`claude mcp add --scope user fermata -- fermata-mcp` writes the same entry.",),
        tried="2.1.197 read the written entry, connected, and handed the key on.",
    ),
    Host(
        name="vscode",
        title="VS Code",
        folders={
            MAC: "~/Library/Application Support/Code/User",
            WINDOWS: "%APPDATA%/Code/User",
            LINUX: "~/.config/Code/User",
        },
        file="mcp.json",
        servers="servers",
        fields={"type": "stdio"},
        keys=OWN_ENVIRONMENT,
        notes=("For one project: the same in `.vscode/mcp.json`.",),
        tried="nothing was run: it needs a desktop. From its documentation.",
    ),
    Host(
        name="cursor",
        title="Cursor",
        folders=everywhere("~/.cursor"),
        file="mcp.json",
        servers="mcpServers",
        variables=Variables("env", "${env:NAME}"),
        keys=NAMED_ONLY,
        notes=("For one project: the same in `.cursor/mcp.json`.",),
        tried="nothing was run: it needs a desktop. From its documentation.",
    ),
    Host(
        name="codex",
        title="Codex",
        folders=everywhere("~/.codex"),
        file="config.toml",
        form="toml",
        moved_by="CODEX_HOME",
        servers="mcp_servers",
        # An optional server has about a second from its start to its tools, or they are missing in the first turn.
        fields={"required": True},
        variables=Variables("env_vars", always=True),
        keys="It hands on only variables that `env_vars` names; those that are not set are passed over.",
        tried="0.171.0 read the written entry, started the server, and handed on the variables that it names.",
    ),
    Host(
        name="gemini-cli",
        title="Gemini CLI",
        folders=everywhere("~/.gemini"),
        file="settings.json",
        servers="mcpServers",
        variables=Variables("env", "$NAME"),
        keys=NAMED_ONLY,
        notes=("`gemini extensions install` of this repository does the same, and asks for the keys.",),
        tried="0.61.0 read the written entry, connected, and handed on the variables that it names and no other key.",
    ),
    Host(
        name="copilot-cli",
        title="GitHub Copilot CLI",
        folders=everywhere("~/.copilot"),
        file="mcp-config.json",
        moved_by="COPILOT_HOME",
        servers="mcpServers",
        fields={"type": "local", "tools": ["*"]},
        variables=Variables("env", "${NAME}"),
        keys=NAMED_ONLY,
        tried="1.0.102 read the written entry; nothing was started.",
    ),
    Host(
        name="opencode",
        title="opencode",
        folders=everywhere("~/.config/opencode"),
        file="opencode.json",
        servers="mcp",
        fields={"type": "local", "enabled": True},
        command_is_list=True,
        keys=OWN_ENVIRONMENT,
        notes=("Its second version keeps servers one level deeper, under `mcp.servers`.",),
        tried="1.18.33 read the written entry, connected, and handed the key on.",
    ),
    Host(
        name="zed",
        title="Zed",
        folders={MAC: "~/.config/zed", WINDOWS: "%APPDATA%/Zed", LINUX: "~/.config/zed"},
        file="settings.json",
        servers="context_servers",
        keys=OWN_ENVIRONMENT,
        notes=("Its settings begin with comments, which `--write` refuses to lose: put the entry in by hand.",),
        tried="nothing was run: it needs a desktop. From its documentation.",
    ),
    Host(
        name="qwen",
        title="Qwen Code",
        folders=everywhere("~/.qwen"),
        file="settings.json",
        servers="mcpServers",
        keys=OWN_ENVIRONMENT,
        tried="0.15.10 read the written entry, connected, and handed the key on.",
    ),
)


def host_named(name: str) -> Host:
    """Raises InvalidRequest where there is none, with the names there are."""
    for host in HOSTS:
        if host.name == name:
            return host
    raise InvalidRequest(f"no host is called {name!r:.60}.", f"use one of: {', '.join(host.name for host in HOSTS)}.")
