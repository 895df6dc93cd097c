"""What may be written on the command line."""

from __future__ import annotations

import argparse
import json
from typing import Any

from fermata_mcp import __version__

from .words.times import age, seconds

DESCRIPTION = "Make music tracks longer: as an MCP server for assistants, or right here."
EPILOG = "With no command it serves MCP on standard input and output, which is what an MCP host starts."
STATUSES = ("queued", "running", "succeeded", "partial", "failed", "cancelled", "unknown")
EXAMPLES = {
    "extend": """\
examples:
  fermata-mcp extend song.mp3 --by 30                 half a minute more
  fermata-mcp extend song.mp3 --to 4:10               exactly this long
  fermata-mcp extend song.mp3 --from 1:35 --by 60     new music from a point on
  fermata-mcp extend beat.wav --option ending=loop    plays end to start for ever
  fermata-mcp extend song.mp3 --to 5:00 --output longer.flac
  fermata-mcp extend *.mp3 album/ --recursive --to 3:00 --output ~/Music
  fermata-mcp extend song.mp3 --provider sunoapi --prompt "a big finale" --dry-run

--option NAME=VALUE of the provider local, which is free and offline:
  ending=keep|fade|loop       the track's own ending, a fade-out, or a seamless loop;
                              intro_loop plays the beginning once, and then loops
  part=intro|middle|outro     which third is made longer
  fade_seconds=8              how long a fade-out lasts
  repeat=0:40-1:00 times=3    hear a passage so often (each with an --option of its own)
  avoid=[62.4]                seconds of joins of an earlier result that are not wanted
  Whatever else it takes: fermata-mcp providers local. Other providers take the fields
  of their own API under their own names.

T is a time: 90, 1:30 or 1:02:03.5. Exit codes: 0 done, 1 the work failed, 2 a wrong call,
3 money may have been spent, 130 stopped by Ctrl-C. With --json one SOURCE gives one object;
several, a pattern or a folder give one array of objects, each with what was `given`.""",
    "tasks": """\
examples:
  fermata-mcp tasks --status failed
  fermata-mcp tasks --search "summer" --all""",
    "purge": """\
examples:
  fermata-mcp purge --older-than 30d --dry-run     what it would remove, and how much that is
  fermata-mcp purge --older-than 30d               the list and working files; your audio stays
  fermata-mcp purge --older-than 90d --files       the finished audio of those tasks as well
  fermata-mcp purge --caches                       analyses, previews, interrupted downloads

Never removed: tasks that are not over or whose outcome is unknown, money that is disputed or
counts this month, sources, and files that you had saved outside Fermata's own folders.""",
    "backup": """\
examples:
  fermata-mcp backup ~/fermata-2026-11-28.db       while servers go on
Audio is not in it: copy the folder for finished audio as you copy your other files.""",
    "restore": """\
examples:
  fermata-mcp restore                              which copies there are
  fermata-mcp restore ~/fermata-2026-11-28.db      once every Fermata process has ended

What was asked for after the copy was made is not in it. Paid steps that it shows as not yet
sent may have been sent since: they become `unknown`, and are sent only on your word.""",
    "migrate": """\
examples:
  createdb fermata
  FERMATA_STORE_URL=postgresql://localhost/fermata fermata-mcp migrate

All of the file goes into an empty database, or nothing; the file stays as it is.""",
    "completion": """\
examples:
  source <(fermata-mcp completion bash)
  fermata-mcp completion man > ~/.local/share/man/man1/fermata-mcp.1""",
}


def parse(argv: list[str]) -> argparse.Namespace:
    """The command and its arguments; a wrong call ends the process with code 2."""
    parser = make_parser()
    args, rest = parser.parse_known_args(argv)
    if rest:
        _take_up(args, rest, parser)
    return make_parser().parse_args(["serve"]) if args.command is None else args


def _take_up(args: argparse.Namespace, rest: list[str], parser: argparse.ArgumentParser) -> None:
    """Sources and ids may also stand behind options, where argparse expects no more of them."""
    several: dict[str, str] = {"extend": "source", "cancel": "id"}
    more = [word for word in rest if word != "--"]
    if args.command not in several or any(word.startswith("-") for word in more):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    getattr(args, several[args.command]).extend(more)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("fermata-mcp", description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"fermata-mcp {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, about: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=about, description=f"{about[:1].upper()}{about[1:]}.", epilog=EXAMPLES.get(name),
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
        )  # fmt: skip

    _serve(command("serve", "serve MCP (what a host starts)"))
    _work(command("work", "carry out what servers on the same store are asked for"))
    _extend(command("extend", "make tracks longer"))
    _tasks(command("tasks", "what was asked for, newest first"))
    _task(command("task", "one task: how it stands, waiting for it if it still runs"))
    _cancel(command("cancel", "stop tasks; what a provider has taken on may still be charged"))
    _resolve(command("resolve", "decide about a task whose paid request got no answer (`unknown`)"))
    _play(command("play", "hear a finished task in the system's player"))
    _doctor(command("doctor", "check the set-up, or tell how to use it from an MCP host"))
    _completion(command("completion", "what the Tab key offers, as a script for a shell; or the manual page"))
    _json(command("credits", "balances and what was spent today"))
    _providers(command("providers", "what each provider can do, needs and costs"))
    _token(command("token", "who may call this server over http: give tokens out, list and revoke them"))
    _purge(command("purge", "remove old tasks and caches; tells what that frees, and asks"))
    _backup(command("backup", "copy the task database to a file, also while it is used"))
    _restore(command("restore", "put such a copy in the place of the task database, which is kept"))
    _migrate(command("migrate", "copy the task database from its file to the server of FERMATA_STORE_URL"))
    return parser


def _serve(serve: argparse.ArgumentParser) -> None:
    serve.add_argument("--transport", choices=["stdio", "http", "sse"], default="stdio")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    serve.add_argument("--port", type=_port, default=8321)


def _work(work: argparse.ArgumentParser) -> None:
    work.add_argument(
        "--renders", type=_from_zero, metavar="N",
        help="tracks that `local` works on at once (default: FERMATA_RENDERS_AT_ONCE, else one a core)",
    )  # fmt: skip


def _extend(extend: argparse.ArgumentParser) -> None:
    add = extend.add_argument
    add("source", metavar="SOURCE", nargs="+", help="files, https:// links, tsk_…, clip:<id>; patterns, folders")
    add("--recursive", action="store_true", help="take all audio in folders, and in those within")
    length = extend.add_mutually_exclusive_group()
    length.add_argument("--by", type=seconds, metavar="T", help="how much to add")
    length.add_argument("--to", type=seconds, metavar="T", help="how long the whole track should be")
    add("--from", dest="start", type=seconds, metavar="T", help="where new music starts (default: the end)")
    add("--provider", metavar="P", help="see `fermata-mcp providers`")
    add("--prompt", metavar="T", help="how it should go on")
    add("--style", metavar="T", help="genre, mood, instruments")
    add("--lyrics", metavar="T", help="words to sing")
    add("--title", metavar="T", help="title of the result")
    add("--model", metavar="M", help="the provider's model")
    add("--take", type=_whole, metavar="N", help="2 asks for another take of the same")
    add("--option", dest="options", action="append", type=_option, metavar="NAME=VALUE",
        help="one of the provider's own settings, e.g. ending=loop; may be given again")  # fmt: skip
    _money(extend)
    add("--output", metavar="FILE|FOLDER", help="where to save; the ending of a file chooses its format")
    add("--force", action="store_true", help="let --output and --plot replace a file")
    _plot(extend)
    add("--quiet", action="store_true", help="print nothing but paths of results, and errors")
    _json(extend)
    _more(extend.add_argument_group("what only some providers take"))


def _money(extend: argparse.ArgumentParser) -> None:
    money = extend.add_argument_group("what it may cost")
    money.add_argument(
        "--max-credits", type=_credits, metavar="N", help="do nothing that could cost more, all together"
    )
    money.add_argument("--max-usd", type=_dollars, metavar="N", help="the same for what is paid in dollars")
    money.add_argument("--dry-run", action="store_true", help="check, and tell the price; send nothing")
    money.add_argument("--yes", action="store_true", help="pay without being asked")


def _more(group: Any) -> None:
    add = group.add_argument
    add("--exclude-style", metavar="T", help="styles to avoid")
    add("--instrumental", action="store_true", help="no vocals")
    add("--vocal-gender", choices=["m", "f"], help="preferred voice")
    add("--style-weight", type=_share, metavar="0-1", help="how close to the style")
    add("--weirdness", type=_share, metavar="0-1", help="how far from the usual")
    add("--audio-weight", type=_share, metavar="0-1", help="how close to the source")
    add("--persona-id", metavar="ID", help="the provider's persona or voice")
    add("--max-steps", type=_whole, metavar="N", help="most extensions to reach --to (default: 12)")
    add("--step-prompt", dest="prompts", action="append", metavar="T", help="a prompt for each of these, in order")
    add("--variation", type=_from_zero, metavar="N", help="which clip of each step to carry on, from 0")
    add("--stitch", choices=["auto", "never"], help="never: leave a new part apart from its source")
    add("--key", metavar="KEY", help="the same key when trying the same extension again")


def _tasks(tasks: argparse.ArgumentParser) -> None:
    tasks.add_argument("--status", choices=STATUSES, metavar="S", help=f"only these: {', '.join(STATUSES)}")
    tasks.add_argument("--provider", metavar="P", help="only those of this provider")
    tasks.add_argument("--search", metavar="TEXT", help="in titles, names of sources and files, and ids")
    tasks.add_argument("--limit", type=_whole, default=20, metavar="N", help="most to show (default: 20)")
    tasks.add_argument("--all", action="store_true", help="show every one")
    _json(tasks)


def _task(task: argparse.ArgumentParser) -> None:
    _id(task)
    _plot(task)
    task.add_argument("--force", action="store_true", help="let --plot replace a file")
    _json(task)


def _cancel(cancel: argparse.ArgumentParser) -> None:
    cancel.add_argument(
        "id", metavar="ID", nargs="+", help="tsk_…, or its first characters; or all, queued, running: all of these"
    )
    _json(cancel)


def _resolve(resolve: argparse.ArgumentParser) -> None:
    _id(resolve)
    resolve.add_argument(
        "action", choices=["check", "resubmit", "give_up"],
        help="check: look for evidence; resubmit: send again, which may cost twice; give_up: end it",
    )  # fmt: skip
    _json(resolve)


def _play(play: argparse.ArgumentParser) -> None:
    _id(play)
    play.add_argument("--joins", action="store_true", help="only the seconds around each join")


def _doctor(doctor: argparse.ArgumentParser) -> None:
    doctor.add_argument("--host", metavar="NAME", help="what this host needs, and where: codex, cursor, zed and others")
    doctor.add_argument("--write", action="store_true", help="put what the host needs into its configuration")
    _json(doctor)


def _completion(completion: argparse.ArgumentParser) -> None:
    completion.add_argument(
        "shell", metavar="SHELL", choices=["bash", "zsh", "fish", "man", "ids"], help="bash, zsh, fish or man"
    )  # fmt: skip


def _providers(providers: argparse.ArgumentParser) -> None:
    providers.add_argument("provider", metavar="NAME", nargs="?", help="everything about this one")
    _json(providers)


def _token(token: argparse.ArgumentParser) -> None:
    actions = token.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="give one out; it is printed once", allow_abbrev=False)
    _named(add)
    add.add_argument(
        "--scopes", default="read,extend,spend", metavar="LIST",
        help="of read (look), extend (free work), spend (credits), admin (the server); default: read,extend,spend",
    )  # fmt: skip
    for period in ("day", "month"):
        add.add_argument(
            f"--max-credits-per-{period}", type=_credits, metavar="N", help=f"what it may spend in a {period} (UTC)"
        )
        add.add_argument(f"--max-usd-per-{period}", type=_dollars, metavar="N", help="the same in dollars")
    _json(add)
    _json(actions.add_parser("list", help="who has one, and what they may do", allow_abbrev=False))
    revoke = actions.add_parser("revoke", help="let nobody in by it any more", allow_abbrev=False)
    _named(revoke)
    _json(revoke)


def _named(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", help="who calls with it")


def _purge(purge: argparse.ArgumentParser) -> None:
    add = purge.add_argument
    add("--older-than", type=age, metavar="T", help="tasks that were over before this long ago: 30d, 12h, 2w")
    add("--files", action="store_true", help="with --older-than: their finished audio in Fermata's own folders too")
    add(
        "--caches", action="store_true", help="analyses, previews, interrupted downloads; all are made anew when needed"
    )
    add("--principal", metavar="NAME", help="those of this principal of a server (default: your own)")
    add("--dry-run", action="store_true", help="only tell what would be removed")
    add("--yes", action="store_true", help="remove without being asked")
    _json(purge)


def _backup(backup: argparse.ArgumentParser) -> None:
    backup.add_argument("file", metavar="FILE", help="where to")
    backup.add_argument("--force", action="store_true", help="replace FILE")
    _json(backup)


def _restore(restore: argparse.ArgumentParser) -> None:
    what = restore.add_mutually_exclusive_group()
    what.add_argument("file", metavar="FILE", nargs="?", help="a copy; left out: tell which a server made")
    what.add_argument("--without", action="store_true", help="after damage: go on with the new file, without a copy")
    restore.add_argument("--yes", action="store_true", help="do it without being asked")
    _json(restore)


def _migrate(migrate: argparse.ArgumentParser) -> None:
    migrate.add_argument("--from", metavar="FILE", help="the file (default: fermata.db in the data folder)")
    _json(migrate)


def _id(command: argparse.ArgumentParser, **more: Any) -> None:
    command.add_argument("id", metavar="ID", help="tsk_…, or its first characters", **more)


def _plot(command: argparse.ArgumentParser) -> None:
    command.add_argument("--plot", metavar="PNG", help="draw it: waveform, chroma, joins, and what is repeated where")


def _json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON, as tools return it")


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def _from_zero(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0")
    return int(text)


def _credits(text: str) -> float:
    return _number(text, 1e12, "a number of credits")


def _dollars(text: str) -> float:
    return _number(text.removeprefix("$"), 1e9, "a number of dollars")


def _share(text: str) -> float:
    return _number(text, 1.0, "a number from 0 to 1")


def _number(text: str, most: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)
