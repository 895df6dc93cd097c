"""Each command as calls on an in-process MCP client."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
from mcp.client import Client

from fermata_mcp.app import App, all_is_loaded, read_settings, running_app
from fermata_mcp.cli.operators.purging import purge
from fermata_mcp.config import Settings
from fermata_mcp.domain.access.principal import ONE_PERSON, Principal
from fermata_mcp.domain.errors import FermataError, InvalidRequest
from fermata_mcp.surface.tools import GROUPS

from .answers import call, code_of_refusal, drawn, refuse, status, tell, text, until_over, view, worst
from .exit_codes import DONE, FAILED, INTERRUPTED
from .extending.saving import place_of
from .extending.sources import tracks_of
from .extending.tracks import Course, Extending
from .interrupt import CtrlC
from .lookup import all_tasks, provider_of, provider_table, whole_id, whole_view
from .presenting.task_list import matching, short_ids, tasks_table
from .show import Screen, credits_table, provider_lines, providers_table

ABOUT_A_TASK = frozenset({"extend", "task", "cancel", "resolve"})
Args = dict[str, Any]
Command = Callable[[Client, Args, Screen], Awaitable[int]]


def run(args: Args, ctrl_c: CtrlC) -> int:
    """Carry out one command for a person; its exit code."""
    if args["command"] == "doctor":
        from .doctor import examine, tell_about_a_host

        if args["host"] or args["write"]:
            return tell_about_a_host(args)
        return anyio.run(_until_stopped, partial(examine, args), ctrl_c, partial(_say, "Stopped."))
    if args["command"] == "token":
        from fermata_mcp.cli.operators.tokens import tokens

        return anyio.run(_until_stopped, partial(tokens, args), ctrl_c, partial(_say, "Stopped."))
    if args["command"] == "completion" and args["shell"] != "ids":
        return _completion(args["shell"])
    if args["command"] in ("backup", "restore"):
        from fermata_mcp.cli.operators import copies

        return anyio.run(
            _until_stopped, partial(getattr(copies, args["command"]), args), ctrl_c, partial(_say, "Stopped.")
        )
    if args["command"] == "migrate":
        from fermata_mcp.cli.operators.moving import migrate

        return anyio.run(_until_stopped, partial(migrate, args), ctrl_c, partial(_say, "Stopped."))
    settings, course = read_settings(), Course()
    _make_ready(args, settings, course)
    command = partial(_with_client, settings, args, course)
    return anyio.run(_until_stopped, command, ctrl_c, partial(_say_how_it_stands, settings, args, course))


def _make_ready(args: Args, settings: Settings, course: Course) -> None:
    """What a command needs besides the server; what cannot be done with it is refused before any work."""
    match args["command"]:
        case "extend":
            _make_ready_to_extend(args, settings, course)
        case "tasks":
            args["stopped"] = partial(_stopped_among, settings)
        case "task" if args["force"] and not args["plot"]:
            raise InvalidRequest("--force does nothing without --plot.", "name the picture to replace with --plot.")
        case "purge" if args["older_than"] is None and not args["caches"]:
            raise InvalidRequest("say what to remove.", "add --older-than 30d, or --caches; --dry-run only tells.")
        case "purge" if args["files"] and args["older_than"] is None:
            raise InvalidRequest("--files does nothing without --older-than.", "say how old their tasks should be.")
        case _:
            pass
    if args.get("plot"):
        from .presenting.plot import target_of

        args["picture"] = target_of(args["plot"], force=args["force"])


def _make_ready_to_extend(args: Args, settings: Settings, course: Course) -> None:
    tracks = tracks_of(args["source"], recursive=args["recursive"])
    if tracks.several and args["plot"]:
        raise InvalidRequest(
            "--plot draws one track.", "extend one track, or draw each with `fermata-mcp task ID --plot`."
        )
    if not tracks.several and tracks.tracks[0].problem is not None:
        raise tracks.tracks[0].problem
    args["place"] = place_of(args, settings, several=tracks.several)
    args["tracks"], args["several"], args["course"] = tracks, tracks.several, course
    keyed = any(settings.account(declared).key for declared in settings.declared)
    args["may_cost"] = keyed if args["provider"] is None else args["provider"] != "local"


async def _until_stopped(
    command: Callable[[], Awaitable[int]], ctrl_c: CtrlC, stopped: Callable[[], Awaitable[None]]
) -> int:
    loop = asyncio.get_running_loop()
    try:
        with anyio.CancelScope() as scope, ctrl_c.stops(lambda: loop.call_soon_threadsafe(scope.cancel)):
            return await command()
    except Exception:
        if not ctrl_c.pressed:
            raise
    await stopped()
    return INTERRUPTED


async def _say(words: str) -> None:
    print(words, file=sys.stderr)


async def _say_how_it_stands(settings: Settings, args: Args, course: Course) -> None:
    from .stopped import how_it_stands

    begins = args["command"] in ABOUT_A_TASK
    told = await how_it_stands(settings, course.about) if begins else "Stopped."
    await _say("\n".join(filter(None, (told, course.stopped()))))


async def _with_client(settings: Settings, args: Args, course: Course) -> int:
    """`course` tells afterwards which tasks the command was about: no other is carried out beside it."""
    own = args["source"] if args["command"] == "extend" else ()
    several = args.get("several", isinstance(args.get("id"), list) and len(args["id"]) > 1)
    async with running_app(settings, callers_are_local=True, only=course.about) as app, Client(app.server) as client:
        all_is_loaded()
        with Screen(
            as_json=args.get("json", False), several=several, quiet=args.get("quiet", False), own=own
        ) as screen:
            if args["command"] == "purge":
                return await _purge(app, args, screen)
            return await COMMANDS[args["command"]](client, args, screen)


async def _purge(app: App, args: Args, screen: Screen) -> int:
    return await purge(app.service.of(_owner(args)).purging, args, screen)


def _owner(args: Args) -> Principal:
    return ONE_PERSON if args["principal"] is None else Principal(args["principal"])


async def _extend(client: Client, args: Args, screen: Screen) -> int:
    extending = Extending(client, args, screen, args["place"], args["course"])
    return await extending.run(args["tracks"], may_cost=args["may_cost"])


async def _task(client: Client, args: Args, screen: Screen) -> int:
    result = await call(client, "get_task", {"task_id": await whole_id(client, args["id"])}, screen)
    result = await until_over(client, result, screen)
    picture = await drawn(client, result, args, screen)
    return tell(result, screen) or picture


async def _play(client: Client, args: Args, screen: Screen) -> int:
    from .presenting.playing import clip_of, play

    beginning, _, index = args["id"].partition("/")
    result = await call(client, "get_task", {"task_id": await whole_id(client, beginning)}, screen)
    if not view(result):
        return refuse(text(result), screen)
    if index and not index.isdecimal():
        raise InvalidRequest(f"{index!r:.20} is no number of a clip.", "count them from 0: tsk_…/1 is the second.")
    whole = await whole_view(client, view(result))
    await play(clip_of(whole, int(index) if index else None), screen.bar, joins=args["joins"])
    return DONE


def _completion(shell: str) -> int:
    from .arguments import make_parser
    from .words.completion import completion
    from .words.manual import manual

    print(manual(make_parser()) if shell == "man" else completion(shell, make_parser()), end="")
    return DONE


async def _ids(client: Client, args: Args, screen: Screen) -> int:
    """For the Tab key: the newest, as short as they can be told apart."""
    newest = view(await client.call_tool("list_tasks", {"limit": 100}))
    screen.bar.stop()
    print("\n".join(short_ids([task["task_id"] for task in newest.get("tasks", ())]).values()))
    return DONE


async def _cancel(client: Client, args: Args, screen: Screen) -> int:
    if args["id"][0] in GROUPS and len(args["id"]) == 1:
        result = await call(client, "cancel_task", {"task_id": args["id"][0]}, screen)
        screen.result(view(result), lambda _: text(result))
        return DONE
    return worst([await _cancel_one(client, one, args, screen) for one in args["id"]])


async def _cancel_one(client: Client, task_id: str, args: Args, screen: Screen) -> int:
    several = len(args["id"]) > 1
    try:
        result = await call(client, "cancel_task", {"task_id": await whole_id(client, task_id)}, screen)
    except FermataError as error:
        if not several:
            raise
        screen.refused(str(error), task_id)
        return code_of_refusal(str(error))
    if not view(result) and several:
        screen.refused(text(result), task_id)
        return code_of_refusal(text(result))
    code = tell(result, screen)
    return DONE if status(result) == "cancelled" else code


async def _resolve(client: Client, args: Args, screen: Screen) -> int:
    asked = {"task_id": await whole_id(client, args["id"]), "action": args["action"]}
    result = await call(client, "resolve_task", asked, screen)
    code = tell(await until_over(client, result, screen), screen)
    return DONE if args["action"] == "give_up" and code == FAILED else code


async def _tasks(client: Client, args: Args, screen: Screen) -> int:
    most = None if args["all"] else args["limit"]
    listed = await all_tasks(client, args["status"], args["provider"], partial(matching, args["search"]), most)
    if not view(listed):
        return refuse(text(listed), screen)
    told = view(listed)
    stopped: list[str] = await args["stopped"]([task["task_id"] for task in told["tasks"] if _goes_on(task)])
    filters = {name: args[name] for name in ("status", "provider", "search") if args[name]}
    told |= {"stopped": stopped} if stopped else {}
    screen.result(told, lambda told: tasks_table(told, filters))
    return DONE


def _goes_on(task: dict[str, Any]) -> bool:
    return task["status"] in ("queued", "running")


async def _stopped_among(settings: Settings, task_ids: list[str]) -> list[str]:
    from .stopped import stopped_among

    return await stopped_among(settings, task_ids) if task_ids else []


async def _credits(client: Client, args: Args, screen: Screen) -> int:
    result = await call(client, "get_credits", {}, screen)
    if not view(result):
        return refuse(text(result), screen)
    screen.result(view(result), credits_table)
    return DONE


async def _providers(client: Client, args: Args, screen: Screen) -> int:
    facts = await provider_table(client)
    if args["provider"] is None:
        screen.result(facts, providers_table)
        return DONE
    one = provider_of(facts, args["provider"])
    screen.result(one, provider_lines)
    return DONE


COMMANDS: dict[str, Command] = {
    "extend": _extend,
    "task": _task,
    "play": _play,
    "completion": _ids,
    "cancel": _cancel,
    "resolve": _resolve,
    "tasks": _tasks,
    "credits": _credits,
    "providers": _providers,
}
