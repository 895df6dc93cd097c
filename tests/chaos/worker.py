"""One process of a chaos run: a whole Fermata that starts tasks and works, until it is killed.

It is started by `chaos.py`, with the settings of its Fermata in the environment. Only here, not in the server, are the
leases made short, so that work of the dead is taken over within seconds instead of minutes.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import anyio
from mcp.client import Client

from fermata_mcp.app import read_settings, running_app
from fermata_mcp.domain.change import Change
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Step, Task
from fermata_mcp.engine.steps import moves
from fermata_mcp.providers.suno import kie_classic, sunoapi
from fermata_mcp.store.sqlite.store import SqliteStore

# A submit's deadline stays a third of its lease, as in the server.
TIMES = {"SUBMIT_LEASE_MS": 4500, "POLL_LEASE_MS": 3000, "GRACE_MS": 500}
SUBMIT_TIMEOUT_SECONDS = 1.5
ENOUGH, ACKNOWLEDGED, DEATHS = "enough", "acknowledged", "deaths"


def shorten_leases() -> None:
    ours = [module for name, module in sys.modules.items() if name.startswith("fermata_mcp.")]
    for module in ours:
        for name, value in TIMES.items():
            if hasattr(module, name):
                setattr(module, name, value)


def lift_rates() -> None:
    """The real limit of twenty requests in ten seconds would make a run last for hours."""
    sunoapi.SunoapiAdapter.spec = replace(sunoapi.SPEC, rate=None)
    kie_classic.KieClassicAdapter.spec = replace(kie_classic.SPEC, rate=None)


def retry_unknown() -> None:
    """The planted bug of the control: paid work whose outcome is unknown is sent again."""

    def again(step: Step, task: Task, spec: ProviderSpec, now: int, _: str | None) -> Change:
        return moves.put_back(step, now, now, task.held)

    moves.unknown_resolved = again


def note(file: Path, line: str) -> None:
    """One line, whole whoever else writes, and kept when this process dies right after."""
    out = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(out, f"{line}\n".encode())
    os.close(out)


class Reaper:
    """Kills this process around the writes that matter, now and then."""

    def __init__(self, folder: Path, chance: float, only_at: str = "") -> None:
        self._folder = folder
        self._chance = chance
        self._only_at = only_at

    def haunt(self) -> None:
        carry_out = SqliteStore.apply

        async def apply(store: SqliteStore, change: Change, *, now: int) -> bool:
            what = _name(change)
            self._visit(f"before {what}")
            done = await carry_out(store, change, now=now)
            self._visit(f"after {what}")
            return done

        setattr(SqliteStore, "apply", apply)  # noqa: B010  (its `self` is called otherwise, which types forbid)

    def _visit(self, moment: str) -> None:
        if moment.endswith("other") or self._only_at not in ("", moment):
            return
        if random.random() >= self._chance or (self._folder / ENOUGH).exists():
            return
        note(self._folder / DEATHS, moment)
        os.kill(os.getpid(), signal.SIGKILL)


def _name(change: Change) -> str:
    if change.new_attempt:
        return "the intent"
    if change.attempt and change.attempt.get("state") == "accepted":
        return "the answer is kept"
    return "the end of a step" if change.step.get("state") == "succeeded" else "other"


async def live(folder: Path, provider: str, every: float) -> None:
    """Start a task now and then, and let the engine work."""
    async with running_app(read_settings(), callers_are_local=True) as app, Client(app.server) as client:
        while True:
            if not (folder / ENOUGH).exists():
                await start_task(client, folder, provider)
            await anyio.sleep(random.uniform(0.2, 1.8) * every)


async def start_task(client: Client, folder: Path, provider: str) -> None:
    """One extension, or a chain of two or three; noted once its id was told."""
    asked = {"source": f"clip:seed-{secrets.token_hex(8)}", "provider": provider, "wait_seconds": 0}
    links = random.choice((1, 1, 2, 3))
    # A seed is 4 s long, and every extension adds 6 s.
    more = {} if links == 1 else {"target_seconds": 4 + 6 * links, "max_steps": links}
    told = await client.call_tool("extend_track" if links == 1 else "chain_extend", asked | more)
    task_id = cast("dict[str, Any]", told.structured_content or {}).get("task_id")
    if task_id:
        note(folder / ACKNOWLEDGED, task_id)
    else:
        print("refused:", told.content, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--provider", default="sunoapi")
    parser.add_argument("--every", type=float, default=1.0)
    parser.add_argument("--dying", type=float, default=0.0)
    parser.add_argument("--only-at", default="", help="the one moment at which it kills itself")
    parser.add_argument("--retry-unknown", action="store_true")
    chosen = parser.parse_args()
    shorten_leases()
    lift_rates()
    if chosen.retry_unknown:
        retry_unknown()
    Reaper(chosen.folder, chosen.dying, chosen.only_at).haunt()
    anyio.run(live, chosen.folder, chosen.provider, chosen.every)


if __name__ == "__main__":
    main()
