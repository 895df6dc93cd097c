"""A host's configuration with our entry in it, as text to text: nothing else in it is changed, or it is refused."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from fermata_mcp.domain.errors import InvalidRequest

from .entry import COMMAND, Entry, toml_table
from .known import NAME, Host

Tree = dict[str, Any]


class CannotMerge(InvalidRequest):
    default_hint = (
        "put the entry in by hand, as `fermata-mcp doctor --host NAME` prints it; the file was left as it is."
    )


def merged(host: Host, text: str, entry: Entry) -> str:
    """`text` with our entry in it; `text` itself where it already says so.

    An entry of ours that says something else is brought up to date; what a person added to it stays.

    Raises:
        CannotMerge: It is no text of that form, or another server has our name.
    """
    if not text.strip():
        text = ""
    return _merged_toml(host, text, entry) if host.form == "toml" else _merged_json(host, text, entry)


def _merged_json(host: Host, text: str, entry: Entry) -> str:
    tree = _read_json(text)
    servers = _servers(tree, host)
    wanted = _brought_up_to_date(servers.get(NAME), entry)
    if servers.get(NAME) == wanted:
        return text
    servers[NAME] = wanted
    tree[host.servers] = servers
    try:
        return json.dumps(tree, ensure_ascii=False, indent=_indentation(text), allow_nan=False) + "\n"
    except ValueError:
        raise CannotMerge("it holds a number that JSON has no place for.") from None


def _read_json(text: str) -> Tree:
    try:
        tree: Any = json.loads(text or "{}", object_pairs_hook=_without_twins)
    except ValueError as error:
        if _has_comments(text):
            raise CannotMerge("it holds comments, which would be lost.") from None
        raise CannotMerge(f"it is no JSON ({error}).") from None
    if not isinstance(tree, dict):
        raise CannotMerge("it is no JSON object.")
    return cast(Tree, tree)


def _without_twins(pairs: list[tuple[str, Any]]) -> Tree:
    tree = dict(pairs)
    if len(tree) < len(pairs):
        raise ValueError("one name stands in it twice")
    return tree


def _has_comments(text: str) -> bool:
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    return "//" in outside or "/*" in outside


def _indentation(text: str) -> int | str:
    first = re.search(r"^([ \t]+)\S", text, re.MULTILINE)
    return first[1] if first else 2


def _servers(tree: Tree, host: Host) -> Tree:
    servers = tree.get(host.servers, {})
    if not isinstance(servers, dict):
        raise CannotMerge(f"`{host.servers}` in it is no list of servers by name.")
    return dict(cast(Tree, servers))


def _brought_up_to_date(present: Any, entry: Entry) -> Entry:
    """What a person set stays; only a command that is another one by now is replaced."""
    if present is None:
        return entry
    if not isinstance(present, dict) or not _is_ours(cast(Entry, present)):
        raise CannotMerge(f"another server in it is called {NAME}.", "give that one another name first.")
    kept = cast(Entry, present)
    moved = _words(kept.get("command"))[:1] != _words(entry["command"])[:1]
    started = {name: entry[name] for name in ("command", "args") if moved and name in entry}
    both = {name: _together(kept[name], entry[name]) for name in ("env", "env_vars") if name in kept and name in entry}
    return entry | kept | both | started


def _together(kept: Any, ours: Any) -> object:
    """Names of variables are added to those there are."""
    if isinstance(kept, dict) and isinstance(ours, dict):
        return cast(Tree, ours) | cast(Tree, kept)
    if isinstance(kept, list) and isinstance(ours, list):
        return list(dict.fromkeys([*cast(list[str], kept), *cast(list[str], ours)]))
    return cast(object, kept)


def _is_ours(present: Entry) -> bool:
    command: Any = present.get("command")
    arguments: Any = present.get("args")
    words = [*_words(command), *_words(arguments)]
    return any(Path(word.replace("\\", "/")).name.removesuffix(".exe") == COMMAND for word in words)


def _words(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(word) for word in cast(Iterable[Any], value or ())]


def _merged_toml(host: Host, text: str, entry: Entry) -> str:
    tree = _read_toml(text)
    servers = _servers(tree, host)
    wanted = _brought_up_to_date(servers.get(NAME), entry)
    if servers.get(NAME) == wanted:
        return text
    table = toml_table(host, wanted)
    changed = _with_table(text, host, table) if NAME in servers else f"{_ended(text)}{table}"
    if _or_none(changed) != tree | {host.servers: servers | {NAME: wanted}}:
        raise CannotMerge(f"its `{host.servers}` are not written as tables of their own.")
    return changed


def _read_toml(text: str) -> Tree:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CannotMerge(f"it is no TOML ({error}).") from None


def _or_none(text: str) -> Tree | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _ended(text: str) -> str:
    return f"{text.rstrip()}\n\n" if text else ""


def _with_table(text: str, host: Host, table: str) -> str:
    """`text` with its table of ours, up to the next one, replaced. Whether that was right the caller checks."""
    head = re.escape(f"[{host.servers}.{NAME}]")
    ours = re.search(rf"^{head}[^\n]*\n?(?:(?!\[)[^\n]*\n?)*", text, re.MULTILINE)
    if ours is None:
        return text
    after = text[ours.end() :]
    return f"{text[: ours.start()]}{table}{after and chr(10)}{after}"
