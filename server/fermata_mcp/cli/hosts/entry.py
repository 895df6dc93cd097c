"""What goes into a host's configuration: the command, and names of variables, never their values."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fermata_mcp.config import Settings, variable_name
from fermata_mcp.providers.registry import declared_accounts

from .known import NAME, Host

COMMAND = "fermata-mcp"
SET_LATER = (
    "output_dir", "default_provider", "max_credits_per_call", "max_credits_per_day", "confirm_above_credits",
    "max_usd_per_call", "max_usd_per_day", "confirm_above_usd",
)  # fmt: skip
Entry = dict[str, Any]


def whole_command() -> str:
    """How a host finds us: with the whole path, because hosts have a PATH of their own."""
    return shutil.which(COMMAND) or str(Path(sys.executable).with_name(COMMAND))


def entry_for(host: Host, command: str, set_variables: Iterable[str] = ()) -> Entry:
    """What `host` keeps about us.

    Args:
        command: Starts the server.
        set_variables: Names of our variables that are set.
    """
    started: Entry = {"command": [command]} if host.command_is_list else {"command": command, "args": []}
    kind = {name: value for name, value in host.fields.items() if name == "type"}
    more = {name: value for name, value in host.fields.items() if name != "type"}
    return {**kind, **started, **more, **_variables(host, list(set_variables))}


def _variables(host: Host, names: list[str]) -> Entry:
    how = host.variables
    if how is None:
        return {}
    if how.reference is None:
        return {how.field: list(dict.fromkeys([*(named_anyway() if how.always else ()), *names]))}
    reference = how.reference
    return {how.field: {name: reference.replace("NAME", name) for name in names}} if names else {}


def key_variables() -> list[str]:
    """The names of the variables that set providers up, and of those that hold their keys."""
    named = (one for account in declared_accounts() for one in (account.set_by, account.key) if one)
    return list(dict.fromkeys(one.name for one in named))


def named_anyway() -> list[str]:
    """What a host that takes names alone is told at once: a cap that is set later must not be without effect."""
    return [*key_variables(), *map(variable_name, SET_LATER)]


def our_variables(environ: Mapping[str, str]) -> list[str]:
    """The names of our variables that are set in `environ`."""
    ours = {variable_name(field) for field in Settings.model_fields}
    ours |= {variable.name for account in declared_accounts() for variable in account.variables()}
    return sorted(name for name, value in environ.items() if name in ours and value)


def snippet(host: Host, entry: Entry) -> str:
    """The entry as a configuration that holds nothing else."""
    if host.form == "toml":
        return toml_table(host, entry)
    return json.dumps({host.servers: {NAME: entry}}, ensure_ascii=False, indent=2) + "\n"


def toml_table(host: Host, entry: Entry) -> str:
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in entry.items()]
    return "\n".join([f"[{host.servers}.{NAME}]", *lines]) + "\n"
