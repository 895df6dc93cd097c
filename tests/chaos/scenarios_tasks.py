"""Scenarios that come by the protocol's tasks, and by what hosts show and ask beside them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitResult

from fermata_mcp.app import running_app
from support.task_client import OVER, KnowsTasks, ask, created, until

from .scenarios import scenario
from .scenarios_asked import ASKING, agree
from .scenarios_far import lost
from .stage import TOLD, Stage, note

SKILL = "skill://lengthen-music/SKILL.md"


@asynccontextmanager
async def knowing_tasks(stage: Stage) -> AsyncGenerator[Client]:
    async with (
        running_app(stage.all_settings(), callers_are_local=True) as app,
        Client(app.server, mode="auto", elicitation_callback=agree, extensions=[KnowsTasks()]) as client,
    ):
        yield client


async def begun(client: Client, stage: Stage, tool: str = "extend_track", **more: Any) -> str:
    task = await created(client, tool, {"source": "clip:seed", "provider": stage.provider, **more})
    note(stage.folder / TOLD, task["taskId"])
    return task["taskId"]


@scenario(settings=ASKING)
async def a_task_of_the_protocol(stage: Stage) -> None:
    async with knowing_tasks(stage) as client:
        task_id = await begun(client, stage)
        done = await until(client, task_id, *OVER)
        assert done["status"] == "completed"
        for method, more in (("skills/list", {}), ("skills/get", {"uri": SKILL})):
            with suppress(MCPError):
                await ask(client, method, task_id, **more)
        await client.read_resource(SKILL)


@scenario(ends=frozenset({"succeeded", "cancelled"}))
async def a_task_of_the_protocol_cancelled(stage: Stage) -> None:
    async with knowing_tasks(stage) as client:
        await ask(client, "tasks/cancel", await begun(client, stage))


@scenario(ends=frozenset({"failed"}), prepare=lost, loses=True)
async def a_task_of_the_protocol_given_up(stage: Stage) -> None:
    async with knowing_tasks(stage) as client:
        task_id = await begun(client, stage)
        asked = await until(client, task_id, "input_required")
        answer = ElicitResult(action="accept", content={"action": "give_up"}).model_dump(mode="json", exclude_none=True)
        await ask(client, "tasks/update", task_id, inputResponses=dict.fromkeys(asked["inputRequests"], answer))
