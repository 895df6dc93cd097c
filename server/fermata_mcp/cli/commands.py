"""Each command as calls on an in-process MCP client."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import anyio
from mcp.client import Client
from mcp.types import CallToolResult, TextContent

from fermata_mcp.app import all_is_loaded, read_settings, running_app
from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError, InvalidRequest, StoreUnavailable
from fermata_mcp.domain.foreign.paths import written

from .exit_codes import DONE, FAILED, INTERRUPTED, UNKNOWN_OUTCOME, WRONG_CALL
from .interrupt import CtrlC
from .lookup import whole_id, whole_view
from .presenting.task_list import short_ids, tasks_table
from .saving import Place, place_of
from .show import Screen, credits_table, providers_table, task_lines

# A refusal with one of these codes says that the work, not the call, went wrong.
WORK_WENT_WRONG = frozenset({
    "authentication_failed", "insufficient_credits", "rate_limited", "content_rejected", "provider_unavailable",
    "generation_failed", "unexpected_response", "store_unavailable", "cancelled", "internal",
})  # fmt: skip
WAIT_SECONDS = 30

ABOUT_A_TASK = frozenset({"extend", "task", "cancel", "resolve"})
ENDS = {"failed": FAILED, "cancelled": FAILED, "unknown": UNKNOWN_OUTCOME}
Args = dict[str, Any]
Command = Callable[[Client, Args, Screen], Awaitable[int]]


def run(args: Args, ctrl_c: CtrlC) -> int:
    """Carry out one command for a person; its exit code."""
    if args["command"] == "doctor":
        from .doctor import examine, tell_about_a_host

        if args["host"] or args["write"]:
            return tell_about_a_host(args)
        return anyio.run(_until_stopped, partial(examine, args), ctrl_c, partial(_say, "Stopped."))
    if args["command"] == "completion" and args["shell"] != "ids":
        return _completion(args["shell"])
    settings, about = read_settings(), set[str]()
    _make_ready(args, settings)
    command = partial(_with_client, settings, args, about)
    return anyio.run(_until_stopped, command, ctrl_c, partial(_say_how_it_stands, settings, args, about))


def _make_ready(args: Args, settings: Settings) -> None:
    """What a command needs besides the server; what cannot be done with it is refused before any work."""
    match args["command"]:
        case "extend":
            args["place"] = place_of(args, settings)
        case "tasks":
            args["stopped"] = partial(_stopped_among, settings)
        case "task" if args["force"] and not args["plot"]:
            raise InvalidRequest("--force does nothing without --plot.", "name the picture to replace with --plot.")
        case _:
            pass
    if args.get("plot"):
        from .presenting.plot import target_of

        args["picture"] = target_of(args["plot"], force=args["force"])


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


async def _say_how_it_stands(settings: Settings, args: Args, about: set[str]) -> None:
    from .stopped import how_it_stands

    begins = args["command"] in ABOUT_A_TASK
    await _say(await how_it_stands(settings, about) if begins else "Stopped.")


async def _with_client(settings: Settings, args: Args, about: set[str]) -> int:
    """`about` tells afterwards which tasks the command was about: no other is carried out beside it."""
    async with running_app(settings, callers_are_local=True, only=about) as app, Client(app.server) as client:
        all_is_loaded()
        with Screen(as_json=args.get("json", False)) as screen:
            return await COMMANDS[args["command"]](client, args, screen)


async def _extend(client: Client, args: Args, screen: Screen) -> int:
    options: Args = dict(args["options"] or ())
    asked = {
        "source": _as_text(args["source"]), "continue_at": args["start"], "provider": args["provider"],
        "prompt": args["prompt"], "style": args["style"], "options": options or None,
    }  # fmt: skip
    tool = "extend_track" if args["to"] is None else "chain_extend"
    asked |= {"add_seconds": args["by"]} if args["to"] is None else {"target_seconds": args["to"]}
    given = {name: value for name, value in asked.items() if value is not None}
    result = await _call(client, tool, given | {"wait_seconds": WAIT_SECONDS}, screen)
    result = await _until_over(client, result, screen)
    drawn = await _drawn(client, result, args, screen)
    return _save_and_tell(result, args["place"], screen) or drawn


def _as_text(source: str) -> str:
    """JSON has no place for a path whose bytes are no letters: its address says the same."""
    return source if written(source) == source else written(str(Path(source).expanduser().absolute()))


def _save_and_tell(result: CallToolResult, place: Place | None, screen: Screen) -> int:
    audio = _view(result).get("audio")
    made = audio["file"] if audio else None
    if place is None or made is None:
        code = _tell(result, screen, None)
        if place is not None and audio:
            screen.note(f"Nothing was saved as {place.path}: the audio itself is not saved yet.")
        return code
    try:
        saved = place.keep(Path(made))
    except StoreUnavailable as error:
        code = _tell(result, screen, None)
        screen.note(str(error))
        return code or FAILED
    return _tell(result, screen, str(saved))


async def _call(client: Client, tool: str, arguments: Args, screen: Screen) -> CallToolResult:
    async def show(progress: float, total: float | None, message: str | None) -> None:
        screen.progress(progress / (total or 100), message or "")

    return await client.call_tool(tool, arguments, progress_callback=show)


async def _until_over(client: Client, result: CallToolResult, screen: Screen) -> CallToolResult:
    while _status(result) in ("queued", "running"):
        follow = {"task_id": _view(result)["task_id"], "wait_seconds": WAIT_SECONDS}
        screen.note(f"{follow['task_id']} (Ctrl-C stops; the task is kept)")
        result = await _call(client, "get_task", follow, screen)
    return result


async def _task(client: Client, args: Args, screen: Screen) -> int:
    result = await _call(client, "get_task", {"task_id": await whole_id(client, args["id"])}, screen)
    result = await _until_over(client, result, screen)
    drawn = await _drawn(client, result, args, screen)
    return _tell(result, screen, None) or drawn


async def _drawn(client: Client, result: CallToolResult, args: Args, screen: Screen) -> int:
    """The picture that was asked for, of what has an audio; without it the result is told all the same."""
    if "picture" not in args or not _view(result):
        return DONE
    from .presenting.plot import draw_task

    screen.bar.busy("drawing")
    try:
        await draw_task(await whole_view(client, _view(result)), args["picture"])
    except FermataError as error:
        screen.note(str(error))
        return FAILED
    screen.note(f"Picture: {args['picture'].path}")
    return DONE


async def _play(client: Client, args: Args, screen: Screen) -> int:
    from .presenting.playing import clip_of, play

    beginning, _, index = args["id"].partition("/")
    result = await _call(client, "get_task", {"task_id": await whole_id(client, beginning)}, screen)
    if not _view(result):
        return _refused(result, screen)
    if index and not index.isdecimal():
        raise InvalidRequest(f"{index!r:.20} is no number of a clip.", "count them from 0: tsk_…/1 is the second.")
    view = await whole_view(client, _view(result))
    await play(clip_of(view, int(index) if index else None), screen.bar, joins=args["joins"])
    return DONE


def _completion(shell: str) -> int:
    from .arguments import make_parser
    from .completion import completion

    print(completion(shell, make_parser()), end="")
    return DONE


async def _ids(client: Client, args: Args, screen: Screen) -> int:
    """For the Tab key: the newest, as short as they can be told apart."""
    view = _view(await client.call_tool("list_tasks", {"limit": 100}))
    screen.bar.stop()
    print("\n".join(short_ids([task["task_id"] for task in view.get("tasks", ())]).values()))
    return DONE


async def _cancel(client: Client, args: Args, screen: Screen) -> int:
    result = await _call(client, "cancel_task", {"task_id": await whole_id(client, args["id"])}, screen)
    code = _tell(result, screen, None)
    return DONE if _status(result) == "cancelled" else code


async def _resolve(client: Client, args: Args, screen: Screen) -> int:
    asked = {"task_id": await whole_id(client, args["id"]), "action": args["action"]}
    result = await _call(client, "resolve_task", asked, screen)
    code = _tell(await _until_over(client, result, screen), screen, None)
    return DONE if args["action"] == "give_up" and code == FAILED else code


async def _tasks(client: Client, args: Args, screen: Screen) -> int:
    result = await client.call_tool("list_tasks", {"limit": 50})
    view = _view(result)
    going_on = [task["task_id"] for task in view.get("tasks", ()) if task["status"] in ("queued", "running")]
    stopped: list[str] = await args["stopped"](going_on) if going_on else []
    view |= {"stopped": stopped} if stopped else {}
    return _table(result, screen, tasks_table)


async def _stopped_among(settings: Settings, task_ids: list[str]) -> list[str]:
    from .stopped import stopped_among

    return await stopped_among(settings, task_ids)


async def _credits(client: Client, args: Args, screen: Screen) -> int:
    return _table(await client.call_tool("get_credits", {}), screen, credits_table)


async def _providers(client: Client, args: Args, screen: Screen) -> int:
    contents = (await client.read_resource("fermata://providers")).contents[0]
    facts = json.loads(cast(Any, contents).text)
    screen.result(facts, lambda: providers_table(facts))
    return DONE


def _table(result: CallToolResult, screen: Screen, table: Callable[[Args], Any]) -> int:
    if result.is_error:
        return _refused(result, screen)
    view = _view(result)
    screen.result(view, lambda: table(view))
    return DONE


def _tell(result: CallToolResult, screen: Screen, saved: str | None) -> int:
    if not _view(result):
        return _refused(result, screen)
    screen.result(_view(result), lambda: task_lines(_view(result), _text(result), saved))
    return ENDS.get(_status(result), DONE)


def _refused(result: CallToolResult, screen: Screen) -> int:
    text = _text(result)
    screen.refused(text)
    return FAILED if text.partition(":")[0] in WORK_WENT_WRONG else WRONG_CALL


def _view(result: CallToolResult) -> Args:
    return cast(Args, result.structured_content or {})


def _status(result: CallToolResult) -> str:
    return _view(result).get("status", "")


def _text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


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
