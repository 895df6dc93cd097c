"""Our entry in somebody's configuration: what else is there stays, and what cannot stay is not touched."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from fermata_mcp.cli.hosts.entry import entry_for, snippet
from fermata_mcp.cli.hosts.known import HOSTS, NAME, Host, host_named
from fermata_mcp.cli.hosts.merging import CannotMerge, merged

COMMAND = "/opt/tools/bin/fermata-mcp"
OTHER = {"command": "npx", "args": ["-y", "other"], "env": {"TOKEN": "s3cret"}}
JSON_HOSTS = [host for host in HOSTS if host.form == "json"]
every_host = pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
json_hosts = pytest.mark.parametrize("host", JSON_HOSTS, ids=lambda host: host.name)


def read(host: Host, text: str) -> dict[str, Any]:
    return tomllib.loads(text) if host.form == "toml" else json.loads(text)


def with_other(host: Host, **more: Any) -> str:
    """A configuration with settings of the person's and another server."""
    if host.form == "json":
        return json.dumps({"theme": "dark: ä", host.servers: {"other": OTHER, **more}, "last": 1}, indent="\t")
    return (
        '# mine\nmodel = "m"\n\n[mcp_servers.other]\ncommand = "npx"\nargs = [\n"-y",\n"other"] # why\n\n'
        '[mcp_servers.other.env]\nTOKEN = "s3cret"\n\n[tui]\nnotifications = true\n'
    )


@every_host
@pytest.mark.parametrize("text", ["", "  \n", "{}", None])
def test_into_nothing(host: Host, text: str | None) -> None:
    entry = entry_for(host, COMMAND)
    given = "" if text is None or (host.form == "toml" and text == "{}") else text
    assert read(host, merged(host, given, entry)) == {host.servers: {NAME: entry}}
    assert read(host, snippet(host, entry)) == {host.servers: {NAME: entry}}


@every_host
def test_beside_others(host: Host) -> None:
    before, entry = with_other(host), entry_for(host, COMMAND)
    after = merged(host, before, entry)
    told = read(host, after)
    assert told[host.servers].pop(NAME) == entry
    assert told == read(host, before)
    assert list(told) == list(read(host, before)), "in its order"
    if host.form == "toml":
        assert after.startswith(before.rstrip()), "with its comments"
    else:
        assert '\n\t"theme": "dark: ä"' in after, "in its manner"


@every_host
def test_twice_is_once(host: Host) -> None:
    once = merged(host, with_other(host), entry_for(host, COMMAND))
    assert merged(host, once, entry_for(host, COMMAND)) == once


@every_host
def test_a_command_that_moved_is_brought_up_to_date(host: Host) -> None:
    once = merged(host, with_other(host), entry_for(host, "/old/place/fermata-mcp"))
    assert merged(host, once, entry_for(host, COMMAND)) == merged(host, with_other(host), entry_for(host, COMMAND))


@json_hosts
def test_what_a_person_added_to_ours_stays(host: Host) -> None:
    mine = entry_for(host, COMMAND) | {"env": {"KIE_API_KEY": "k"}, "timeout": 9}
    once = with_other(host, **{NAME: mine})
    assert merged(host, once, entry_for(host, COMMAND)) == once
    told = read(host, merged(host, once, entry_for(host, COMMAND, ["KIE_API_KEY", "FERMATA_DATA_DIR"])))
    assert told[host.servers][NAME]["env"]["KIE_API_KEY"] == "k"
    assert told[host.servers][NAME]["timeout"] == 9


def test_what_a_person_added_to_ours_stays_in_toml_too() -> None:
    codex = host_named("codex")
    mine = (
        '[mcp_servers.fermata]\ncommand = "/old/fermata-mcp"\nrequired = false\nenv_vars = ["X"]\n\n[tui]\na = [\n]\n'
    )
    told = tomllib.loads(merged(codex, mine, entry_for(codex, COMMAND)))
    assert told["tui"] == {"a": []}
    ours = told["mcp_servers"]["fermata"]
    assert (ours["command"], ours["required"]) == (COMMAND, False)
    assert ours["env_vars"] == ["X", *entry_for(codex, COMMAND)["env_vars"]], "what a new provider needs is added"


@every_host
def test_another_server_of_our_name_is_left_alone(host: Host) -> None:
    if host.form == "json":
        before = with_other(host, **{NAME: {"command": "physics", "args": ["--fermata"]}})
    else:
        before = '[mcp_servers.fermata]\ncommand = "physics"\n'
    with pytest.raises(CannotMerge, match=r"another server .* give that one another name"):
        merged(host, before, entry_for(host, COMMAND))


def comments(host: Host) -> str:
    return '// mine\n{"a": "http://x", /* b */ "c": 1}'


def twins(host: Host) -> str:
    return f'{{"{host.servers}": {{}}, "{host.servers}": {{"other": {{}}}}}}'


def a_list(host: Host) -> str:
    return "[1]"


def servers_as_a_list(host: Host) -> str:
    return f'{{"{host.servers}": []}}'


def half(host: Host) -> str:
    return with_other(host)[:-9]


def too_large(host: Host) -> str:
    return '{"a": 1e999}'


@json_hosts
@pytest.mark.parametrize("broken", [comments, twins, a_list, servers_as_a_list, half, too_large])
def test_what_cannot_be_kept_is_refused(host: Host, broken: Callable[[Host], str]) -> None:
    with pytest.raises(CannotMerge, match="Next: put the entry in by hand"):
        merged(host, broken(host), entry_for(host, COMMAND))


def test_comments_are_named_and_addresses_are_none() -> None:
    host = host_named("cursor")
    with pytest.raises(CannotMerge, match="comments"):
        merged(host, comments(host), entry_for(host, COMMAND))
    with pytest.raises(CannotMerge, match="no JSON"):
        merged(host, '{"a": "http://x" "b"}', entry_for(host, COMMAND))


@pytest.mark.parametrize(
    "broken", ["a = ", "mcp_servers = 1", "mcp_servers = {}", "[mcp_servers]\nfermata = {command = 'fermata-mcp'}\n"]
)
def test_toml_that_cannot_be_kept_is_refused(broken: str) -> None:
    codex = host_named("codex")
    with pytest.raises(CannotMerge, match="Next: put the entry in by hand"):
        merged(codex, broken, entry_for(codex, COMMAND))
