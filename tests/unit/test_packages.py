"""What registries and hosts install us by says what is so: versions, tools, variables, and which of them are secret."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

from fermata_mcp import __version__
from fermata_mcp.config import Settings, variable_name
from fermata_mcp.providers.registry import declared_accounts
from support.places import REPOSITORY, TESTS

ACCOUNTS = declared_accounts()
KEYS = {account.key.name for account in ACCOUNTS if account.key and account.key is account.set_by}
SECRETS = {account.key.name for account in ACCOUNTS if account.key} | {
    variable.name for account in ACCOUNTS for variable in account.variables() if variable.secret
}
KNOWN = {variable.name for account in ACCOUNTS for variable in account.variables()} | {
    variable_name(name) for name in Settings.model_fields
}
VERSIONED = (
    "server.json",
    "manifest.json",
    "gemini-extension.json",
    ".claude-plugin/plugin.json",
    ".cursor-plugin/plugin.json",
)

# What the published schema of that date demands of the parts that we use, in our words; the schema is in no registry.
TEXT = {"type": "string", "minLength": 1}
URL = {"type": "string", "pattern": "^https://[^ ]+$", "maxLength": 255}
SERVER = {
    "type": "object",
    "additionalProperties": False,
    "required": ["$schema", "name", "description", "version"],
    "properties": {
        "$schema": {"const": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"},
        "name": {"type": "string", "pattern": "^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$", "maxLength": 200},
        "title": {"type": "string", "minLength": 1, "maxLength": 100},
        "description": {"type": "string", "minLength": 1, "maxLength": 100},
        "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+\S*$"},
        "websiteUrl": URL,
        "repository": {
            "type": "object", "required": ["url", "source"], "additionalProperties": False,
            "properties": {"url": URL, "source": {"enum": ["github"]}},
        },
        "icons": {
            "type": "array",
            "items": {
                "type": "object", "required": ["src"], "additionalProperties": False,
                "properties": {
                    "src": URL,
                    "mimeType": {"enum": ["image/png", "image/jpeg", "image/jpg", "image/svg+xml", "image/webp"]},
                    "sizes": {"type": "array", "items": {"type": "string", "pattern": r"^(\d+x\d+|any)$"}},
                },
            },
        },
        "packages": {
            "type": "array",
            "items": {
                "type": "object", "additionalProperties": False,
                "required": ["registryType", "identifier", "version", "transport"],
                "properties": {
                    "registryType": {"const": "pypi"}, "identifier": TEXT, "version": TEXT,
                    "runtimeHint": {"const": "uvx"}, "transport": {"const": {"type": "stdio"}},
                    "environmentVariables": {
                        "type": "array",
                        "items": {
                            "type": "object", "required": ["name", "description"], "additionalProperties": False,
                            "properties": {
                                "name": TEXT, "description": TEXT, "isRequired": {"const": False},
                                "isSecret": {"type": "boolean"}, "default": TEXT,
                                "format": {"enum": ["string", "number", "boolean", "filepath"]},
                                "choices": {"type": "array", "items": TEXT},
                            },
                        },
                    },
                },
            },
        },
    },
}  # fmt: skip


def held(name: str) -> Any:
    return json.loads((REPOSITORY / name).read_text(encoding="utf-8"))


def test_they_are_written_from_the_code() -> None:
    command = [sys.executable, str(REPOSITORY / "docs" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", VERSIONED)
def test_the_version_is_ours(name: str) -> None:
    assert held(name)["version"] == __version__


def test_the_registry_can_read_it() -> None:
    jsonschema.validate(held("server.json"), SERVER)
    assert f"mcp-name: {held('server.json')['name']} " in (REPOSITORY / "README.md").read_text()


def test_the_registry_knows_which_variables_are_secret() -> None:
    [package] = held("server.json")["packages"]
    variables = {variable["name"]: variable for variable in package["environmentVariables"]}
    assert set(variables) <= KNOWN
    assert {name for name, variable in variables.items() if variable["isSecret"]} == SECRETS
    assert {"FERMATA_OUTPUT_DIR", "FERMATA_MAX_CREDITS_PER_DAY", "FERMATA_CONFIRM_ABOVE_CREDITS"} <= set(variables)


def test_its_pictures_are_in_the_repository() -> None:
    for icon in held("server.json")["icons"]:
        inside = urlsplit(str(icon["src"])).path.split("/main/", 1)[1]
        assert (REPOSITORY / inside).read_bytes().startswith((b"<svg", b"\x89PNG"))


def test_people_find_it_by_what_they_search_for() -> None:
    words = held("server.json")["description"].lower()
    assert {"song", "longer", "loop", "extend", "lengthen", "music", "audio", "suno"} <= set(re.findall(r"\w+", words))


def test_the_bundle_asks_for_every_key_and_hides_it() -> None:
    manifest = held("manifest.json")
    asked, environment = manifest["user_config"], manifest["server"]["mcp_config"]["env"]
    assert set(environment) <= KNOWN
    secret = {name for name, option in asked.items() if option.get("sensitive")}
    assert secret == {key.lower() for key in KEYS}
    assert sorted(environment.values()) == sorted(f"${{user_config.{name}}}" for name in asked)


def test_the_bundle_needs_no_answer_and_leaves_no_placeholder() -> None:
    for option in held("manifest.json")["user_config"].values():
        assert option["required"] is False
        assert "default" in option


def test_the_bundle_names_our_tools() -> None:
    listed: list[dict[str, Any]] = json.loads((TESTS / "snapshots" / "tools_list.json").read_text())
    names = [tool["name"] for tool in listed]
    assert [tool["name"] for tool in held("manifest.json")["tools"]] == names


def test_the_extension_asks_for_keys_as_secrets() -> None:
    extension = held("gemini-extension.json")
    assert {setting["envVar"]: setting["sensitive"] for setting in extension["settings"]} == dict.fromkeys(KEYS, True)
    assert set(extension["mcpServers"]["fermata"]["env"]) == KEYS


def test_the_marketplace_leads_to_the_plugin() -> None:
    [entry] = held(".claude-plugin/marketplace.json")["plugins"]
    assert (REPOSITORY / entry["source"] / ".claude-plugin" / "plugin.json").is_file()
    assert entry["name"] == held(".claude-plugin/plugin.json")["name"]


def test_no_plugin_holds_what_its_host_does_not_know() -> None:
    """The keys of Cursor's published schema; it refuses others."""
    known = {"name", "displayName", "description", "version", "author", "homepage", "repository", "license", "logo"}
    plugin = held(".cursor-plugin/plugin.json")
    assert set(plugin) <= known | {"keywords", "mcpServers"}
    assert set(plugin["author"]) <= {"name", "email"}
    assert (REPOSITORY / plugin["logo"]).is_file()


def test_whoever_opens_a_clone_gets_no_server_by_that() -> None:
    assert not (REPOSITORY / ".mcp.json").exists()


class TestContainer:
    LINES = (REPOSITORY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()

    def told(self, word: str) -> list[str]:
        return [line.removeprefix(f"{word} ") for line in self.LINES if line.startswith(f"{word} ")]

    def test_it_is_built_on_a_named_version_of_slim(self) -> None:
        for image in self.told("FROM"):
            assert re.match(r"python:3\.\d+-slim-[a-z]+( AS \w+)?$", image)

    def test_it_runs_as_nobody_special(self) -> None:
        [user] = self.told("USER")
        assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user), "a number, so that a cluster can tell it is not root"
        last = [line.split(" ")[0] for line in self.LINES if line]
        assert "RUN" not in last[last.index("USER") :]

    def test_it_holds_no_secret(self) -> None:
        assert self.told("ARG") == ['EXTRAS=""']
        assert not {key for key in KEYS if key in "\n".join(self.LINES)}
        assert not re.search(r"(?i)(token|password|secret)", "\n".join(self.LINES))

    def test_it_takes_along_only_what_it_is_built_from(self) -> None:
        ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
        allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
        copied = {word for line in self.told("COPY") if "--from" not in line for word in line.split()[:-1]}
        assert "*" in ignored
        assert copied == allowed
        assert all((REPOSITORY / name).exists() for name in copied)

    def test_what_it_writes_is_in_its_volumes(self) -> None:
        """So that the rest can be read-only."""
        volumes = json.loads(self.told("VOLUME")[0])
        written = re.findall(r"(?:HOME|FERMATA_DATA_DIR|FERMATA_OUTPUT_DIR)=(\S+)", "\n".join(self.LINES))
        assert len(written) == 3
        assert all(folder.startswith(tuple(volumes)) for folder in written)
        assert "PYTHONDONTWRITEBYTECODE=1" in "\n".join(self.LINES)
