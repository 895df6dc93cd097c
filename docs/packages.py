"""The files by which registries and hosts find and install the server, from the code that they describe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from fermata_mcp import __version__
from fermata_mcp.config import Settings, variable_name
from fermata_mcp.domain.account import AccountSpec, Variable
from fermata_mcp.providers.registry import declared_accounts
from fermata_mcp.surface.tools import Toolbox, make_tools

Tree = dict[str, Any]

REPOSITORY = "https://github.com/fermata-mcp/fermata"
RAW = "https://raw.githubusercontent.com/fermata-mcp/fermata/main"
NAME, TITLE, AUTHOR, LICENSE = "fermata", "Fermata", "Fermata contributors", "Apache-2.0"
# What people search for; the registry takes 100 characters.
SHORT = "Make a song longer: loop, extend or lengthen music and audio to any length; offline, or with Suno."
LONG = (
    "Ask for a track to be made a minute longer, to fit a video, to loop without a seam, or to go on with new music, "
    "and get a file back. With no key it re-arranges the track's own material on this machine. With a key of MusicAPI, "
    "SunoAPI, kie.ai or apiin it continues Suno clips and your own files; nothing is ever paid twice."
)
KEYWORDS = [
    "music", "audio", "song", "extend", "lengthen", "longer", "loop", "suno", "fade out", "intro", "soundtrack", "mp3",
]  # fmt: skip
# Settings that a person may want to make where the server is installed; the others are for operators.
FOLDERS = ("output_dir", "data_dir", "input_roots")
CHOICES = (
    "default_provider", "wait_seconds", "max_credits_per_call", "max_credits_per_day", "confirm_above_credits",
    "max_usd_per_call", "max_usd_per_day", "confirm_above_usd",
)  # fmt: skip
ASKED_IN_A_FORM = ("output_dir", "max_credits_per_call", "max_credits_per_day", "confirm_above_credits")
TITLES = {
    "output_dir": "Folder for finished audio",
    "max_credits_per_call": "Most credits for one call",
    "max_credits_per_day": "Most credits for one day",
    "confirm_above_credits": "Ask me above this many credits",
}


@dataclass(frozen=True)
class Key:
    """The variable with the key of one account, and whose it is."""

    variable: str
    meaning: str

    @property
    def title(self) -> str:
        return f"{self.variable.removesuffix('_API_KEY').removesuffix('_KEY')} key"


def keys() -> list[Key]:
    """Of the accounts that need one."""
    needed = (account.key for account in declared_accounts() if account.key is account.set_by)
    return [Key(key.name, _sentence(key.meaning)) for key in needed if key]


def _sentence(meaning: str) -> str:
    plain = meaning.replace("`", "")
    return f"{plain[:1].upper()}{plain[1:]}"


def server_json() -> Tree:
    """For the MCP registry."""
    return {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": "io.github.fermata-mcp/fermata",
        "title": TITLE,
        "description": SHORT,
        "version": __version__,
        "websiteUrl": f"{REPOSITORY}#readme",
        "repository": {"url": REPOSITORY, "source": "github"},
        "icons": [
            {"src": f"{RAW}/docs/icon.svg", "mimeType": "image/svg+xml", "sizes": ["any"]},
            {"src": f"{RAW}/docs/icon.png", "mimeType": "image/png", "sizes": ["512x512"]},
        ],
        "packages": [
            {
                "registryType": "pypi",
                "identifier": "fermata-mcp",
                "version": __version__,
                "runtimeHint": "uvx",
                "transport": {"type": "stdio"},
                "environmentVariables": [*_account_variables(), *_setting_variables()],
            }
        ],
    }


def _account_variables() -> Iterator[Tree]:
    for account in declared_accounts():
        for variable in account.variables():
            yield _account_variable(account, variable)


def _account_variable(account: AccountSpec, variable: Variable) -> Tree:
    told: Tree = {"name": variable.name, "description": _sentence(variable.meaning), "isRequired": False}
    told["isSecret"] = variable == account.key or variable.secret
    told |= {"default": variable.default} if variable.default else {}
    return told | ({"choices": list(variable.choices)} if variable.choices else {})


def _setting_variables() -> Iterator[Tree]:
    for name in (*FOLDERS, *CHOICES):
        setting = Settings.model_fields[name]
        told: Tree = {"name": variable_name(name), "description": _sentence(setting.description or "")}
        told |= {"isRequired": False, "isSecret": False}
        if name in ("output_dir", "data_dir"):
            told["format"] = "filepath"
        if name.endswith(("_credits", "_usd", "_seconds")) or "_credits_" in name or "_usd_" in name:
            told["format"] = "number"
        yield told | ({"default": f"{setting.default:g}"} if isinstance(setting.default, float) else {})


def bundle_manifest() -> Tree:
    """An MCP bundle of version 0.4 that `uv` runs; every option is given, so that none arrives as a placeholder."""
    asked = {key.variable.lower(): (key.variable, _asked_key(key)) for key in keys()}
    asked |= {name: (variable_name(name), _asked_setting(name)) for name in ASKED_IN_A_FORM}
    return {
        "$schema": "https://raw.githubusercontent.com/modelcontextprotocol/mcpb/main/schemas/mcpb-manifest-v0.4.schema.json",
        "manifest_version": "0.4",
        "name": NAME,
        "display_name": TITLE,
        "version": __version__,
        "description": SHORT,
        "long_description": LONG,
        "author": {"name": AUTHOR, "url": REPOSITORY},
        "repository": {"type": "git", "url": f"{REPOSITORY}.git"},
        "homepage": REPOSITORY,
        "documentation": f"{REPOSITORY}/blob/main/docs/hosts.md",
        "support": f"{REPOSITORY}/issues",
        "icon": "docs/icon.png",
        "license": LICENSE,
        "keywords": KEYWORDS,
        "server": {
            "type": "uv",
            "entry_point": "server/fermata_mcp/__main__.py",
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--directory", "${__dirname}", "fermata-mcp"],
                "env": {variable: f"${{user_config.{name}}}" for name, (variable, _) in asked.items()},
            },
        },
        "tools": [{"name": tool.name, "description": _first_sentence(tool.description)} for tool in _tools()],
        "tools_generated": False,
        "prompts_generated": True,
        "compatibility": {"platforms": ["darwin", "linux"], "runtimes": {"python": ">=3.11"}},
        "user_config": {name: option for name, (_, option) in asked.items()},
    }


def _asked_key(key: Key) -> Tree:
    return {
        "type": "string", "title": key.title, "description": f"{key.meaning}. Leave empty to do without.",
        "sensitive": True, "required": False, "default": "",
    }  # fmt: skip


def _asked_setting(name: str) -> Tree:
    is_folder = name in FOLDERS
    meaning = _sentence(Settings.model_fields[name].description or "")
    return {
        "type": "directory" if is_folder else "string",
        "title": TITLES[name],
        "description": meaning if is_folder else f"{meaning}. Leave empty for none.",
        "required": False,
        "default": "${HOME}/Music/Fermata" if is_folder else "",
    }


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".")


def _tools() -> list[Any]:
    return make_tools(Toolbox(cast(Any, None), lambda: 0))


def gemini_extension() -> Tree:
    """For `gemini extensions install`; it asks for the settings once, and keeps what is sensitive in the key store."""
    started = {"command": "uv", "args": ["run", "--project", "${extensionPath}", "fermata-mcp"]}
    return {
        "name": NAME,
        "version": __version__,
        "description": SHORT,
        "mcpServers": {NAME: {**started, "env": {key.variable: f"${key.variable}" for key in keys()}}},
        "settings": [
            {"name": key.title, "description": f"{key.meaning} (optional)", "envVar": key.variable, "sensitive": True}
            for key in keys()
        ],
    }


def claude_plugin() -> Tree:
    """A plugin of Claude Code; the server is named here, since a `.mcp.json` would be read by whoever opens a clone."""
    started = {"command": "uv", "args": ["run", "--project", "${CLAUDE_PLUGIN_ROOT}", "fermata-mcp"]}
    return {**_plugin(), "author": {"name": AUTHOR, "url": REPOSITORY}, "mcpServers": {NAME: started}}


def claude_marketplace() -> Tree:
    """What `claude plugin marketplace add` reads."""
    return {
        "name": NAME,
        "description": SHORT,
        "owner": {"name": AUTHOR, "url": REPOSITORY},
        "plugins": [{"name": NAME, "source": "./", "description": SHORT, "category": "media", "tags": KEYWORDS}],
    }


def cursor_plugin() -> Tree:
    """A plugin of Cursor."""
    return {
        **_plugin(),
        "displayName": TITLE,
        "author": {"name": AUTHOR},
        "logo": "docs/icon.svg",
        "mcpServers": {NAME: {"command": "uvx", "args": ["fermata-mcp"]}},
    }


def _plugin() -> Tree:
    return {
        "name": NAME, "version": __version__, "description": SHORT, "homepage": REPOSITORY, "repository": REPOSITORY,
        "license": LICENSE, "keywords": KEYWORDS,
    }  # fmt: skip


FILES = {
    "server.json": server_json,
    "manifest.json": bundle_manifest,
    "gemini-extension.json": gemini_extension,
    ".claude-plugin/plugin.json": claude_plugin,
    ".claude-plugin/marketplace.json": claude_marketplace,
    ".cursor-plugin/plugin.json": cursor_plugin,
}


def content(name: str) -> str:
    """What one of `FILES` should hold."""
    return json.dumps(FILES[name](), ensure_ascii=False, indent=2) + "\n"
