"""`fermata-mcp completion SHELL`: what the Tab key offers, written from the words of the command line."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from fermata_mcp.cli.hosts.known import HOSTS
from fermata_mcp.providers.registry import BUILT_IN

from .parameters import LOCAL_VALUES

PROGRAM = "fermata-mcp"
IDS = f"{PROGRAM} completion ids 2>/dev/null"
_IDS, _FILES = "id", "files"
_FILE_NAMES = frozenset({"source", "output", "plot"})


@dataclass(frozen=True)
class Value:
    """What may follow: given words, ids of tasks, files, or anything (no kind and no words)."""

    kind: str | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Option:
    """One option: its long name, what it is for, and its value, if it takes one."""

    name: str
    help: str
    value: Value | None


@dataclass(frozen=True)
class Command:
    """One command, with its options and the values of its own words in order."""

    name: str
    help: str
    options: tuple[Option, ...]
    values: tuple[Value, ...]
    goes_on: bool  # as many of the last as one likes


def completion(shell: str, parser: argparse.ArgumentParser) -> str:
    """A script for `shell`: bash, zsh or fish."""
    writers: dict[str, Callable[[list[Command]], Iterator[str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    return "\n".join(writers[shell](commands_of(parser))) + "\n"


def commands_of(parser: argparse.ArgumentParser) -> list[Command]:
    """What the parser understands; argparse has no public door to it."""
    subparsers = next(action for action in cast(Any, parser)._actions if action.nargs == argparse.PARSER)
    helps = {choice.dest: choice.help for choice in subparsers._choices_actions}
    return [_command(name, helps.get(name) or "", sub) for name, sub in subparsers.choices.items()]


def _command(name: str, about: str, parser: Any) -> Command:
    options = [action for action in parser._actions if action.option_strings and action.dest != "help"]
    words = [action for action in parser._actions if not action.option_strings]
    goes_on = bool(words) and words[-1].nargs == "+"
    return Command(name, about, tuple(map(_option, options)), tuple(map(_value, words)), goes_on)


def _option(action: Any) -> Option:
    return Option(action.option_strings[-1], action.help or "", None if action.nargs == 0 else _value(action))


def _value(action: Any) -> Value:
    settings = tuple(f"{name}={value}" for name, values in LOCAL_VALUES.items() for value in values)
    known = {"host": tuple(host.name for host in HOSTS), "provider": tuple(BUILT_IN), "options": settings}
    if action.choices:
        return Value(words=tuple(choice for choice in action.choices if choice != "ids"))  # that one is for scripts
    # `serve` has a --host of its own, which is an address.
    if action.dest in known and action.metavar:
        return Value(words=known[action.dest])
    if action.dest == "id":
        return Value(_IDS)
    return Value(_FILES if action.dest in _FILE_NAMES else None)


def _with_values(commands: list[Command]) -> Iterator[tuple[str, Value]]:
    for command in commands:
        for option in command.options:
            if option.value:
                yield f"{command.name} {option.name}", option.value


def _bash(commands: list[Command]) -> Iterator[str]:
    """Where it offers nothing bash itself offers files.

    Readline breaks words at `=`: they are put together again, and what stands before the last break is not offered.
    """
    yield "_fermata_mcp() {"
    yield '  local -a words=(); local part offers="" broken='
    yield '  for part in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do'
    yield '    if [[ $part == "=" || $broken ]] && ((${#words[@]})); then words[${#words[@]}-1]+=$part'
    yield '    else words+=("$part"); fi'
    yield '    [[ $part == "=" ]] && broken=1 || broken='
    yield "  done"
    yield "  local at=$((${#words[@]} - 1)) command=${words[1]-}"
    yield "  local word=${words[at]} before=${words[at-1]}"
    yield '  case "$at/$command $before" in'
    yield f"    1/*) offers={shlex.quote(' '.join(command.name for command in commands))} ;;"
    for call, value in _with_values(commands):
        yield f"    */{shlex.quote(call)}) {_bash_offers(value)} ;;"
    for command in commands:
        yield f"    */{command.name}\\ *) case $at/$word in"
        yield f"      */-*) offers={shlex.quote(' '.join(option.name for option in command.options))} ;;"
        for number, value in enumerate(command.values, 2):
            last = command.goes_on and number == len(command.values) + 1
            yield f"      {'*' if last else number}/*) {_bash_offers(value)} ;;"
        yield "      esac ;;"
    yield "  esac"
    yield '  COMPREPLY=($(compgen -W "$offers" -- "$word"))'
    yield '  [[ $word == *=* && $COMP_WORDBREAKS == *=* ]] && COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*=}"}"}")'
    yield "  return 0"
    yield "}"
    yield f"complete -o bashdefault -o default -F _fermata_mcp {PROGRAM}"


def _bash_offers(value: Value) -> str:
    if value.kind == _IDS:
        return f'offers="$({IDS})"'
    return f"offers={shlex.quote(' '.join(value.words))}"


def _zsh(commands: list[Command]) -> Iterator[str]:
    yield f"#compdef {PROGRAM}"
    yield "_fermata_mcp() {"
    yield "  local -a offers"
    yield "  if (( CURRENT == 2 )); then"
    yield f"    offers=({' '.join(_described(command.name, command.help) for command in commands)})"
    yield "    _describe command offers; return"
    yield "  fi"
    yield '  case "$words[2] $words[CURRENT-1]" in'
    for call, value in _with_values(commands):
        yield f"    {shlex.quote(call)}) {_zsh_offers(value)}; return ;;"
    yield "  esac"
    yield '  case "$words[2]/$words[CURRENT]" in'
    for command in commands:
        described = " ".join(_described(option.name, option.help) for option in command.options)
        yield f"    {command.name}/-*) offers=({described}); _describe option offers ;;"
    yield "    *) case $words[2]/$CURRENT in"
    for command in commands:
        for number, value in enumerate(command.values, 3):
            last = command.goes_on and number == len(command.values) + 2
            yield f"      {command.name}/{'*' if last else number}) {_zsh_offers(value)} ;;"
    yield "    esac ;;"
    yield "  esac"
    yield "}"
    yield f'if [ "$funcstack[1]" = _fermata_mcp ]; then _fermata_mcp; else compdef _fermata_mcp {PROGRAM}; fi'


def _described(name: str, about: str) -> str:
    return shlex.quote(f"{name}:{about}")


def _zsh_offers(value: Value) -> str:
    if value.kind == _IDS:
        return f"compadd -- $({IDS})"
    if value.kind == _FILES:
        return "_files"
    return f"compadd -- {' '.join(value.words)}" if value.words else "true"


def _fish(commands: list[Command]) -> Iterator[str]:
    yield f"complete -c {PROGRAM} -f"
    for command in commands:
        yield f"complete -c {PROGRAM} -n __fish_use_subcommand -a {command.name} -d {_fish_quoted(command.help)}"
        seen = f"complete -c {PROGRAM} -n '__fish_seen_subcommand_from {command.name}'"
        for option in command.options:
            takes = "" if option.value is None else _fish_offers(option.value)
            yield f"{seen} -l {option.name[2:]} {takes} -d {_fish_quoted(option.help)}".replace("  ", " ")
        for value in command.values:
            if value.kind or value.words:
                yield f"{seen} {'-F' if value.kind == _FILES else _fish_words(value)}"


def _fish_offers(value: Value) -> str:
    if value.kind == _FILES:
        return "-r -F"
    return f"-x {_fish_words(value)}" if value.kind or value.words else "-x"


def _fish_words(value: Value) -> str:
    return f"-a {_fish_quoted(f'({IDS})' if value.kind == _IDS else ' '.join(value.words))}"


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
