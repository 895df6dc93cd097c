"""Hosts from npm, each told by its own settings where the model and the server are; nobody is signed in."""

from __future__ import annotations

from e2e.node_tools import find_node

from .place import MODULES, Place, quoted, servers

PROMPT = "Make my track longer, please."
_TOOLS = ("extend_track", "get_task", "list_tasks")


def claude_code(place: Place) -> str:
    config = place.write("servers.json", servers(place))
    allowed = ",".join([*(f"mcp__fermata__{name}" for name in _TOOLS), "ReadMcpResourceTool", "ToolSearch"])
    quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
    return place.run(
        MODULES / "@anthropic-ai" / "claude-code-linux-x64" / "claude",
        *("-p", PROMPT, "--mcp-config", config, "--strict-mcp-config", "--allowedTools", allowed),
        **{"ANTHROPIC_BASE_URL": place.model, "ANTHROPIC_API_KEY": "none", **quiet},
    )


def codex(place: Place) -> str:
    program, *rest = place.command
    env = "\n".join(f"{name} = {quoted([value])[1:-1]}" for name, value in place.server_env.items())
    place.write(
        ".codex/config.toml",
        f"""model = "scripted"
model_provider = "here"
check_for_update_on_startup = false
[model_providers.here]
name = "here"
base_url = "{place.model}/v1"
wire_api = "responses"
[mcp_servers.fermata]
command = "{program}"
args = {quoted(rest)}
required = true
startup_timeout_sec = 60
[mcp_servers.fermata.env]
{env}
""",
    )
    return _node(
        place, "codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", PROMPT
    )  # fmt: skip


def gemini_cli(place: Place) -> str:
    place.write(
        ".gemini/settings.json",
        {
            **servers(place, trust=True),
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "general": {"disableAutoUpdate": True},
            "privacy": {"usageStatisticsEnabled": False},
        },
    )
    env = {"GEMINI_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": place.model}
    return _node(place, "gemini", "-p", PROMPT, "--yolo", "--skip-trust", "-m", "gemini-2.5-flash", **env)


def copilot_cli(place: Place) -> str:
    config = place.write("servers.json", servers(place, type="local", tools=["*"]))
    env = {
        "COPILOT_OFFLINE": "true",
        "COPILOT_PROVIDER_BASE_URL": f"{place.model}/v1",
        "COPILOT_PROVIDER_API_KEY": "none",
        "COPILOT_MODEL": "scripted",
    }
    return _node(
        place, "copilot", "-p", PROMPT, "--allow-all-tools", "--disable-builtin-mcps",
        "--additional-mcp-config", f"@{config}", **env,
    )  # fmt: skip


def opencode(place: Place) -> str:
    place.write(
        "opencode.json",
        {
            "model": "here/scripted",
            "small_model": "here/scripted",
            "autoupdate": False,
            "provider": {
                "here": {
                    "npm": "@ai-sdk/openai-compatible",
                    "options": {"baseURL": f"{place.model}/v1", "apiKey": "none"},
                    "models": {"scripted": {"name": "scripted", "tool_call": True}},
                }
            },
            "mcp": {
                "fermata": {
                    "type": "local",
                    "command": place.command,
                    "environment": place.server_env,
                    "enabled": True,
                    "timeout": 60000,
                }
            },
        },
    )
    quiet = {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1"}
    return place.run(MODULES / "opencode-linux-x64" / "bin" / "opencode", "run", PROMPT, **quiet)


def qwen_code(place: Place) -> str:
    place.write(
        ".qwen/settings.json",
        {
            **servers(place, trust=True),
            "security": {"auth": {"selectedType": "openai"}},
            "privacy": {"usageStatisticsEnabled": False},
            "general": {"disableAutoUpdate": True, "enableAutoUpdate": False},
        },
    )
    env = {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": f"{place.model}/v1", "OPENAI_MODEL": "scripted"}
    return _node(place, "qwen", "-p", PROMPT, "--yolo", "--auth-type", "openai", **env)


def _node(place: Place, program: str, *arguments: str, **env: str) -> str:
    node = find_node()
    assert node is not None
    return place.run(node, (MODULES / ".bin" / program).resolve(), *arguments, **env)
