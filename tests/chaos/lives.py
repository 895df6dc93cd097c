"""The child of `forks.py`: lives a scenario until it is killed, or finishes what a killed one has left."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import anyio

from fermata_mcp.domain.change import Change
from fermata_mcp.domain.task import Step
from fermata_mcp.engine.service import Service
from fermata_mcp.store.sqlite.store import SqliteStore
from support.music import silence

from .scenarios import SCENARIOS, SOURCE_SECONDS, Scenario, load_scenarios
from .stage import Stage, hurry, settled

FETCHES = 8
load_scenarios()


def live(order: dict[str, Any]) -> None:
    logging.basicConfig(level=logging.WARNING)
    folder = Path(order["folder"])
    if not order["finish"]:
        silence(folder / "song.wav", SOURCE_SECONDS)
    hurry(at_once=order["finish"])
    if order["bug"]:
        send_unknown_again()
    chosen = SCENARIOS[order["scenario"]]
    stage = Stage(folder, order["url"], chosen.provider, chosen.family, chosen.settings, chosen.shares_audio)
    if order["finish"]:
        anyio.run(_finish, chosen, stage)
    else:
        anyio.run(chosen.act, stage)


async def _finish(chosen: Scenario, stage: Stage) -> None:
    async with stage.engine() as service:
        await settled(stage, service)
        await fetched(service)
        if chosen.again is not None:
            await stage.run(service, **chosen.again)


async def fetched(service: Service) -> None:
    """What a person does who misses audio that could not be saved: ask for the task until it is there."""
    for task in (await service.tasks(None, None, 100, None)).tasks:
        for _ in range(FETCHES):
            await service.fetch_missing(task.id)


def send_unknown_again() -> None:
    """The planted bug of the control: a paid request that was cut off is sent again."""
    claim = SqliteStore.claim

    async def claim_and_forget(store: SqliteStore, *, home: str, now: int, limit: int, **more: Any) -> list[Step]:
        steps = await claim(store, home=home, now=now, limit=limit, **more)
        for step in [one for one in steps if one.state == "unknown"]:
            change = Change(step.id, frozenset({"unknown"}), None, {"state": "queued", "due_at": now},
                            attempt={"state": "void"})  # fmt: skip
            await store.apply(change, now=now)
        return [one for one in steps if one.state != "unknown"]

    setattr(SqliteStore, "claim", claim_and_forget)  # noqa: B010  (its `self` is called otherwise, which types forbid)
