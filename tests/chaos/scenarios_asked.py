"""Scenarios that come by the tools, as clients of both protocol eras use them; a person confirms what costs money."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitResult, PromptReference, ResourceTemplateReference

from emulators.base import Emulator
from fermata_mcp.app import running_app

from .scenarios import scenario
from .scenarios_far import TWO_LINKS, lost
from .stage import PATIENCE, TOLD, Stage, note

HISTORY = "fermata://tasks"
ASKING = {"confirm_above_credits": 10}
View = dict[str, Any]


async def agree(context: Any, params: Any) -> ElicitResult:
    return ElicitResult(action="accept", content={"go_ahead": True})


@asynccontextmanager
async def connected(stage: Stage, era: str) -> AsyncGenerator[Client]:
    async with (
        running_app(stage.all_settings(), callers_are_local=True) as app,
        Client(app.server, mode=era, elicitation_callback=agree) as client,
    ):
        yield client


async def call(client: Client, stage: Stage, tool: str, **arguments: Any) -> View:
    """The view that a tool answers with; the id in it was told."""
    told = await client.call_tool(tool, arguments, progress_callback=_heard)
    view = cast(View, told.structured_content or {})
    if "task_id" in view:
        note(stage.folder / TOLD, view["task_id"])
    return view


async def _heard(progress: float, total: float | None, message: str | None) -> None:
    return


async def extended(client: Client, stage: Stage, **more: Any) -> View:
    return await call(client, stage, "extend_track", source="clip:seed", provider=stage.provider, **more)


@scenario(settings=ASKING)
async def confirmed_by_asking(stage: Stage) -> None:
    """The older way: the server asks while the call goes on. Who subscribes hears of the changes."""
    async with connected(stage, "legacy") as client:
        await client.session.subscribe_resource(HISTORY)  # pyright: ignore[reportDeprecated]
        view = await extended(client, stage)
        await client.session.unsubscribe_resource(HISTORY)  # pyright: ignore[reportDeprecated]
        assert view["status"] == "succeeded"


@scenario(settings=ASKING, tasks=2)
async def confirmed_by_calling_again(stage: Stage) -> None:
    """The newer way: the call is answered with a question, and repeated with its answer. Who listens hears of it."""
    async with connected(stage, "auto") as client, client.listen(resource_subscriptions=[HISTORY]) as news:
        view = await extended(client, stage, wait_seconds=0)
        await anext(aiter(news))
        view = await call(client, stage, "get_task", task_id=view["task_id"], wait_seconds=PATIENCE)
        await call(client, stage, "play_track", task_id=view["task_id"])
        await client.call_tool("get_credits", {})
        await client.call_tool("list_tasks", {})
        for place in ("", f"/{view['task_id']}", f"/{view['task_id']}/audio/0"):
            await client.read_resource(HISTORY + place)
        with suppress(MCPError):
            await client.read_resource(f"{HISTORY}/{view['task_id']}/audio/first")
        template = ResourceTemplateReference(type="ref/resource", uri=HISTORY + "/{task_id}")
        await client.complete(template, {"name": "task_id", "value": "tsk_"})
        await client.get_prompt("make_longer", {"source": "clip:seed"})
        chained = {"source": "clip:other", "provider": stage.provider, "max_credits": 100, "stitch": "never"}
        await call(client, stage, "chain_extend", **chained, **TWO_LINKS)


@scenario(ends=frozenset({"failed"}), prepare=lost, loses=True)
async def resolved_by_a_tool(stage: Stage) -> None:
    async with connected(stage, "auto") as client:
        view = await extended(client, stage)
        for action in ("check", "give_up"):
            await call(client, stage, "resolve_task", task_id=view["task_id"], action=action)


@scenario(ends=frozenset({"succeeded", "cancelled"}))
async def cancelled_by_a_tool(stage: Stage) -> None:
    async with connected(stage, "auto") as client:
        view = await extended(client, stage, wait_seconds=0)
        await call(client, stage, "cancel_task", task_id=view["task_id"])


@scenario()
async def told_to_the_end(stage: Stage) -> None:
    """The server leaves while a client listens: it is told what is due, and that this was the end."""
    async with (
        running_app(stage.all_settings(), callers_are_local=True) as app,
        Client(app.server, mode="auto") as client,
        client.listen(resource_subscriptions=[HISTORY]) as news,
    ):
        await extended(client, stage, wait_seconds=PATIENCE)
        app.service.changes.drain()
        assert [event async for event in news]


def poor(far: Emulator) -> None:
    far.ledger.balance = 0.0


@scenario(ends=frozenset({"failed"}), prepare=poor, tasks=2)
async def credits_are_out(stage: Stage) -> None:
    """The person is led to where credits are sold, in either way of asking; nothing is sent again for it."""
    for era, source in (("legacy", "clip:seed"), ("auto", "clip:other")):
        async with connected(stage, era) as client:
            view = await call(
                client, stage, "extend_track", source=source, provider=stage.provider, wait_seconds=PATIENCE
            )
            assert view["error"]["code"] == "insufficient_credits"


@scenario()
async def completed_by_what_was_made(stage: Stage) -> None:
    """Arguments of prompts are completed, and an audio that is no number is looked for."""
    async with connected(stage, "auto") as client:
        await extended(client, stage, wait_seconds=PATIENCE)
        await client.complete(PromptReference(type="ref/prompt", name="make_longer"), {"name": "source", "value": ""})
