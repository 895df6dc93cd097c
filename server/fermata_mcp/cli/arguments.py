"""The words of the command line."""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

from fermata_mcp import __version__

DESCRIPTION = "Make music tracks longer: as an MCP server for assistants, or right here."
EPILOG = "With no command it serves MCP on standard input and output, which is what an MCP host starts."


def parse(argv: list[str]) -> argparse.Namespace:
    """The command and its arguments; a wrong call ends the process with code 2."""
    args = make_parser().parse_args(argv)
    if args.command is None:
        return make_parser().parse_args(["serve"])
    return args


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("fermata-mcp", description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"fermata-mcp {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _serve(commands.add_parser("serve", help="serve MCP (what a host starts)"))
    _extend(commands.add_parser("extend", help="make a track longer"))
    tasks = commands.add_parser("tasks", help="what was asked for, newest first")
    task = commands.add_parser("task", help="one task: how it stands, waiting for it if it still runs")
    cancel = commands.add_parser("cancel", help="stop a task; what a provider has taken on may still be charged")
    resolve = commands.add_parser("resolve", help="decide about a task whose paid request got no answer (`unknown`)")
    play = commands.add_parser("play", help="hear a finished task in the system's player")
    for command in (task, play, cancel, resolve):
        command.add_argument("id", metavar="ID", help="tsk_…, or its first characters")
    _plot(task)
    task.add_argument("--force", action="store_true", help="let --plot replace a file")
    play.add_argument("--joins", action="store_true", help="only the seconds around each join")
    resolve.add_argument(
        "action", choices=["check", "resubmit", "give_up"],
        help="check: look for evidence; resubmit: send again, which may cost twice; give_up: end it",
    )  # fmt: skip
    doctor = commands.add_parser("doctor", help="check the set-up, or tell how to use it from an MCP host")
    doctor.add_argument("--host", metavar="NAME", help="what this host needs, and where: codex, cursor, zed and others")
    doctor.add_argument("--write", action="store_true", help="put what the host needs into its configuration")
    completion = commands.add_parser("completion", help="what the Tab key offers, as a script for a shell")
    completion.add_argument("shell", metavar="SHELL", choices=["bash", "zsh", "fish", "ids"], help="bash, zsh or fish")
    for command in (
        tasks,
        task,
        cancel,
        resolve,
        commands.add_parser("credits", help="balances and what was spent today"),
        commands.add_parser("providers", help="what each provider can do, needs and costs"),
        doctor,
    ):
        _json(command)
    return parser


def _serve(serve: argparse.ArgumentParser) -> None:
    serve.add_argument("--transport", choices=["stdio", "http", "sse"], default="stdio")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    serve.add_argument("--port", type=_port, default=8321)


def _extend(extend: argparse.ArgumentParser) -> None:
    extend.add_argument("source", metavar="SOURCE", help="file, https:// link, tsk_… or clip:<id>")
    length = extend.add_mutually_exclusive_group()
    length.add_argument("--by", type=_seconds, metavar="S", help="seconds to add")
    length.add_argument("--to", type=_seconds, metavar="S", help="seconds the whole track should reach")
    extend.add_argument("--from", dest="start", type=_seconds, metavar="S", help="second where new music starts")
    extend.add_argument("--provider", metavar="P", help="see `fermata-mcp providers`")
    extend.add_argument("--prompt", metavar="T", help="how it should go on")
    extend.add_argument("--style", metavar="T", help="genre, mood, instruments")
    extend.add_argument(
        "--option", dest="options", action="append", type=_option, metavar="NAME=VALUE",
        help="one of the provider's own settings, e.g. ending=loop; may be given again",
    )  # fmt: skip
    extend.add_argument("--output", metavar="FILE|FOLDER", help="also save the result as this file, or in this folder")
    extend.add_argument("--force", action="store_true", help="let --output and --plot replace a file")
    _plot(extend)
    _json(extend)


def _plot(command: argparse.ArgumentParser) -> None:
    command.add_argument("--plot", metavar="PNG", help="draw it: waveform, chroma, joins, and what is repeated where")


def _json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON, as tools return it")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a length of time")
    return value


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)
