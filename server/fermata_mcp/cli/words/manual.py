"""The manual page, written from the words of the command line. Format: man(7), as `man` and `mandoc` read it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, cast

PROGRAM = "fermata-mcp"
_ESCAPES = {"\\": r"\e", "-": r"\-"}
_FOLDERS = (
    ("FERMATA_OUTPUT_DIR", "where finished audio is saved; else Fermata in the user's music folder"),
    ("FERMATA_DATA_DIR", "the list of tasks and working files; else the user's state folder"),
)


def manual(parser: argparse.ArgumentParser) -> str:
    """The page in section 1."""
    return "\n".join(_page(parser)) + "\n"


def _page(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f'.TH {PROGRAM.upper()} 1 "" "Fermata" "User Commands"'
    yield from (".SH NAME", rf"{PROGRAM} \- {_escaped('make music tracks longer')}")
    yield from (".SH SYNOPSIS", f".B {_escaped(PROGRAM)}", r"\fICOMMAND\fR [\fIOPTION\fR]...")
    yield from (".SH DESCRIPTION", _escaped(parser.description or ""), ".PP", _escaped(parser.epilog or ""))
    subparsers = next(action for action in _actions(parser) if action.nargs == argparse.PARSER)
    yield ".SH COMMANDS"
    for name, command in subparsers.choices.items():
        yield from _command(name, command)
    yield ".SH ENVIRONMENT"
    for name, meaning in _FOLDERS:
        yield from (".TP", rf"\fB{_escaped(name)}\fR", _escaped(meaning))
    yield from (".PP", "Keys of providers, caps and all other settings: docs/settings.md.")
    yield from (".SH EXIT STATUS", *_statuses())


def _command(name: str, command: argparse.ArgumentParser) -> Iterator[str]:
    usage = " ".join(command.format_usage().removeprefix("usage: ").split())
    yield from (f".SS {_escaped(name)}", rf"\fB{_escaped(usage)}\fR", ".PP", _escaped(command.description or ""))
    for action in _actions(command):
        if action.dest != "help" and action.help is not argparse.SUPPRESS:
            yield from (".TP", _term(action), _escaped(action.help or _choices(action)))
    if command.epilog:
        yield from (".PP", ".nf", *map(_escaped, command.epilog.splitlines()), ".fi")


def _term(action: Any) -> str:
    names = ", ".join(action.option_strings) or action.metavar or action.dest.upper()
    value = action.metavar or "|".join(map(str, action.choices or (action.dest.upper(),)))
    takes = rf" \fI{_escaped(value)}\fR" if action.option_strings and action.nargs != 0 else ""
    return rf"\fB{_escaped(names)}\fR{takes}"


def _choices(action: Any) -> str:
    return ", ".join(map(str, action.choices or ())) or f"default: {action.default}"


def _statuses() -> Iterator[str]:
    told = {
        "0": "done", "1": "the work failed", "2": "the call was wrong",
        "3": "money may have been spent, and the outcome is unknown",
        "130": "stopped by Ctrl-C; the task is kept",
    }  # fmt: skip
    for code, meaning in told.items():
        yield from (".TP", rf"\fB{code}\fR", meaning)


def _escaped(text: str) -> str:
    escaped = "".join(_ESCAPES.get(letter) or _letter(letter) for letter in text)
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _letter(letter: str) -> str:
    return letter if letter.isascii() else rf"\[u{ord(letter):04X}]"


def _actions(parser: argparse.ArgumentParser) -> list[Any]:
    return cast(Any, parser)._actions
