"""What goes into a host's configuration: names of variables, never their values."""

from __future__ import annotations

import json

import pytest

from fermata_mcp.cli.hosts.entry import entry_for, named_anyway, our_variables, snippet
from fermata_mcp.cli.hosts.known import HOSTS, Host, host_named

SET = {"KIE_API_KEY": "s3cret-value", "FERMATA_OUTPUT_DIR": "/m", "HOME": "/h", "SUNOAPI_API_KEY": ""}


def test_variables_of_ours_that_are_set() -> None:
    assert our_variables(SET) == ["FERMATA_OUTPUT_DIR", "KIE_API_KEY"]


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_names_are_written_and_values_are_not(host: Host) -> None:
    entry = entry_for(host, "fermata-mcp", our_variables(SET))
    text = snippet(host, entry)
    assert "s3cret-value" not in text
    assert ("KIE_API_KEY" in text) == (host.variables is not None)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("cursor", {"env": {"KIE_API_KEY": "${env:KIE_API_KEY}"}}),
        ("gemini-cli", {"env": {"KIE_API_KEY": "$KIE_API_KEY"}}),
        ("copilot-cli", {"env": {"KIE_API_KEY": "${KIE_API_KEY}"}, "tools": ["*"], "type": "local"}),
        ("opencode", {"command": ["fermata-mcp"], "enabled": True}),
        ("codex", {"required": True, "env_vars": named_anyway()}),
        ("claude-desktop", {"command": "fermata-mcp", "args": []}),
    ],
)
def test_in_each_hosts_own_words(name: str, written: dict[str, object]) -> None:
    assert written.items() <= entry_for(host_named(name), "fermata-mcp", ["KIE_API_KEY"]).items()


def test_where_nothing_is_set_nothing_is_referred_to() -> None:
    """A reference that nobody fills in would be taken for a key."""
    for host in HOSTS:
        assert "KIE" not in json.dumps(entry_for(host, "fermata-mcp")) or (host.variables and host.variables.always)


def test_what_is_named_anyway_is_ours() -> None:
    assert our_variables(dict.fromkeys(named_anyway(), "x")) == sorted(named_anyway())
