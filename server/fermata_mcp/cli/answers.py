"""What tools answer to a command, and what that means for its exit code."""

from __future__ import annotations

from typing import Any, cast

from mcp.client import Client
from mcp.types import CallToolResult, TextContent

from fermata_mcp.domain.errors import FermataError

from .exit_codes import DONE, FAILED, UNKNOWN_OUTCOME, WRONG_CALL
from .lookup import whole_view
from .show import Screen, task_lines

# A refusal with one of these codes says that the work, not the call, went wrong.
WORK_WENT_WRONG = frozenset({
    "authentication_failed", "insufficient_credits", "rate_limited", "content_rejected", "provider_unavailable",
    "generation_failed", "unexpected_response", "store_unavailable", "cancelled", "internal",
})  # fmt: skip
WAIT_SECONDS = 30
ENDS = {"failed": FAILED, "cancelled": FAILED, "unknown": UNKNOWN_OUTCOME}
_WORST_LAST = (DONE, FAILED, WRONG_CALL, UNKNOWN_OUTCOME)
View = dict[str, Any]


async def call(client: Client, tool: str, arguments: View, screen: Screen) -> CallToolResult:
    """What the tool answers; meanwhile its progress is shown."""

    async def show(progress: float, total: float | None, message: str | None) -> None:
        screen.progress(progress / (total or 100), message or "")

    return await client.call_tool(tool, arguments, progress_callback=show)


async def until_over(client: Client, result: CallToolResult, screen: Screen) -> CallToolResult:
    """The last answer about a task, once nothing more happens to it."""
    while status(result) in ("queued", "running"):
        follow = {"task_id": view(result)["task_id"], "wait_seconds": WAIT_SECONDS}
        screen.remark(f"{follow['task_id']} (Ctrl-C stops; the task is kept)")
        result = await call(client, "get_task", follow, screen)
    return result


def tell(result: CallToolResult, screen: Screen, saved: str | None = None) -> int:
    """Show an answer about a task; the exit code that it means."""
    if not view(result):
        return refuse(text(result), screen)
    screen.result(view(result), lambda told: task_lines(told, text(result), saved), saved)
    return code_of(result)


async def drawn(client: Client, result: CallToolResult, args: dict[str, Any], screen: Screen) -> int:
    """The picture that `--plot` asks for, of what has an audio; without it the result is told all the same."""
    if "picture" not in args or not view(result):
        return DONE
    from .presenting.plot import draw_task

    screen.bar.busy("drawing")
    try:
        await draw_task(await whole_view(client, view(result)), args["picture"])
    except FermataError as error:
        screen.trouble(str(error))
        return FAILED
    screen.note(f"Picture: {args['picture'].path}")
    return DONE


def refuse(words: str, screen: Screen) -> int:
    screen.refused(words)
    return code_of_refusal(words)


def code_of(result: CallToolResult) -> int:
    return ENDS.get(status(result), DONE) if view(result) else code_of_refusal(text(result))


def code_of_refusal(words: str) -> int:
    return FAILED if words.partition(":")[0] in WORK_WENT_WRONG else WRONG_CALL


def worst(codes: list[int]) -> int:
    """Of several pieces of work: that money may be gone counts most, then a wrong call, then work that failed."""
    return max(codes, key=_WORST_LAST.index, default=DONE)


def view(result: CallToolResult) -> View:
    return cast(View, result.structured_content or {})


def status(result: CallToolResult) -> str:
    return view(result).get("status", "")


def text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))
