"""Each command as calls on an in-process MCP client."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import anyio
from mcp.client import Client
from mcp.types import CallToolResult, TextContent

from fermata_mcp.app import all_is_loaded, running_app
from fermata_mcp.config import Settings, load_settings
from fermata_mcp.domain.errors import InvalidRequest

from . import DONE, FAILED, UNKNOWN_OUTCOME, WRONG_CALL
from .show import Screen, credits_table, providers_table, task_lines, tasks_table

# A refusal with one of these codes says that the work, not the call, went wrong.
WORK_WENT_WRONG = frozenset({
    "authentication_failed", "insufficient_credits", "rate_limited", "content_rejected", "provider_unavailable",
    "generation_failed", "unexpected_response", "store_unavailable", "cancelled", "internal",
})  # fmt: skip
WAIT_SECONDS = 30

ENDS = {"failed": FAILED, "cancelled": FAILED, "unknown": UNKNOWN_OUTCOME}
Args = dict[str, Any]
Command = Callable[[Client, Args, Screen], Awaitable[int]]


def run(args: Args) -> int:
    """Carry out one command for a person; its exit code."""
    if args["command"] == "doctor":
        from .doctor import examine

        return anyio.run(examine, args)
    return anyio.run(_with_client, load_settings(), args)


async def _with_client(settings: Settings, args: Args) -> int:
    if args["command"] == "extend":
        _check_output(args, settings)
    async with running_app(settings, callers_are_local=True) as app, Client(app.server) as client:
        all_is_loaded()
        with Screen(as_json=args["json"]) as screen:
            return await COMMANDS[args["command"]](client, args, screen)


def _check_output(args: Args, settings: Settings) -> None:
    """Refuse an impossible `--output` before any work is done."""
    if args["output"] is None:
        return
    output, source = Path(args["output"]).expanduser(), Path(args["source"]).expanduser()
    if output.is_dir() or not output.parent.is_dir():
        raise InvalidRequest(f"--output {output} is not a file in an existing folder.", "name a file to write.")
    if output.exists() and source.exists() and output.samefile(source):
        raise InvalidRequest("--output is the source itself.", "name another file: the source is never overwritten.")
    provider = args["provider"] or settings.default_provider or "local"
    if provider == "local" and source.suffix and output.suffix.lower() != source.suffix.lower():
        raise InvalidRequest(
            f"the result is a {source.suffix} file like its source; --output ends in {output.suffix or 'nothing'}.",
            f"name a {source.suffix} file.",
        )


async def _extend(client: Client, args: Args, screen: Screen) -> int:
    options: Args = dict(args["options"] or ())
    asked = {
        "source": args["source"], "continue_at": args["start"], "provider": args["provider"],
        "prompt": args["prompt"], "style": args["style"], "options": options or None,
    }  # fmt: skip
    tool = "extend_track" if args["to"] is None else "chain_extend"
    asked |= {"add_seconds": args["by"]} if args["to"] is None else {"target_seconds": args["to"]}
    given = {name: value for name, value in asked.items() if value is not None}
    result = await _call(client, tool, given | {"wait_seconds": WAIT_SECONDS}, screen)
    result = await _until_over(client, result, screen)
    saved = _save_as(result, args["output"])
    return _tell(result, screen, saved)


async def _call(client: Client, tool: str, arguments: Args, screen: Screen) -> CallToolResult:
    async def show(progress: float, total: float | None, message: str | None) -> None:
        screen.progress(progress / (total or 100), message or "")

    return await client.call_tool(tool, arguments, progress_callback=show)


async def _until_over(client: Client, result: CallToolResult, screen: Screen) -> CallToolResult:
    while _status(result) in ("queued", "running"):
        follow = {"task_id": _view(result)["task_id"], "wait_seconds": WAIT_SECONDS}
        screen.note(f"{follow['task_id']} (Ctrl-C only stops waiting)")
        result = await _call(client, "get_task", follow, screen)
    return result


def _save_as(result: CallToolResult, output: str | None) -> str | None:
    audio = _view(result).get("audio")
    if output is None or not audio or not audio["file"]:
        return None
    target = Path(output).expanduser()
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".fermata-", delete=False) as part:
        shutil.copyfile(audio["file"], part.name)
    Path(part.name).chmod(0o644)
    Path(part.name).replace(target)
    return str(target)


async def _task(client: Client, args: Args, screen: Screen) -> int:
    result = await _call(client, "get_task", {"task_id": args["id"]}, screen)
    return _tell(await _until_over(client, result, screen), screen, None)


async def _cancel(client: Client, args: Args, screen: Screen) -> int:
    result = await _call(client, "cancel_task", {"task_id": args["id"]}, screen)
    code = _tell(result, screen, None)
    return DONE if _status(result) == "cancelled" else code


async def _resolve(client: Client, args: Args, screen: Screen) -> int:
    result = await _call(client, "resolve_task", {"task_id": args["id"], "action": args["action"]}, screen)
    code = _tell(await _until_over(client, result, screen), screen, None)
    return DONE if args["action"] == "give_up" and code == FAILED else code


async def _tasks(client: Client, args: Args, screen: Screen) -> int:
    result = await client.call_tool("list_tasks", {"limit": 50})
    return _table(result, screen, tasks_table)


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
    "cancel": _cancel,
    "resolve": _resolve,
    "tasks": _tasks,
    "credits": _credits,
    "providers": _providers,
}
