"""Send a real server what no honest client sends, over one of its doors, and compare answers with questions.

    cd tests && python -m chaos.fuzz [--door stdio|http] [--messages 100000] [--seed N]

The messages (`messages.py`, `wild.py`) are honest questions, tools with arguments of which some are plausible and some
are not, all methods with any parameters, wrong frames, notifications, cancellations of others' requests, answers that
nobody asked for, damaged bytes, rubbish, and between them some real work: on this machine, and paid for at an emulated
provider that keeps books. Over http there are wrong heads, halves of requests, other methods and both protocol eras.

What must hold: every message that has an id that can be read is answered once (`answers.py` judges which those are,
apart from the product); the process lives; no answer and no line of the log is a mistake of ours; all work ends, and
nothing is paid for twice; memory stays below 300 MiB; the server leaves with code 0. Pings in between are measured.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from emulators.base import Emulator
from emulators.paid import named
from support.paid import market
from support.processes import Home, open_server

from .books import read
from .messages import furnish
from .over_http import over_http
from .over_stdio import over_stdio
from .report import MEMORY_MIB, PING_SECONDS, Report

SUNOAPI = named("sunoapi")
DOORS = {"stdio": over_stdio, "http": over_http}
# Little audio: the provider shares processors with everybody else here.
BALANCE, SOURCE_SECONDS, ADDS_SECONDS = 1e6, 4.0, 2.0


def known_tools(folder: Path) -> dict[str, Any]:
    """The input schema of every tool."""
    folder.mkdir()
    with open_server(Home(folder)) as server:
        return {one["name"]: one["inputSchema"] for one in server.ask("tools/list")["result"]["tools"]}


def run(door: str, count: int, seed: int, folder: Path) -> Report:
    """One run in an empty folder."""
    tools = known_tools(folder / "asked")
    furnish(folder / "place")
    with market(folder, SUNOAPI) as place:
        emulator = place.of(SUNOAPI)
        emulator.ledger.balance = BALANCE
        emulator.source_seconds, emulator.adds_seconds, emulator.audio_format = SOURCE_SECONDS, ADDS_SECONDS, "wav"
        report = asyncio.run(DOORS[door](place, count, seed, tools))
        twice = paid_twice(place.home.root, emulator)
        report.counts |= {"paid for / twice": f"{len(emulator.ledger.submits)} / {len(twice)}"}
        report.expect(not twice, f"paid twice: {twice[:3]}")
    report.expect(report.memory >> 20 <= MEMORY_MIB, f"{report.memory >> 20} MiB")
    return report


def paid_twice(folder: Path, emulator: Emulator) -> list[str]:
    """Charges that no task of ours explains, or that a task explains which was not over when the next was paid for."""
    owners = dict(read(folder, "SELECT attempt.remote_id, task_id FROM attempt JOIN step ON step.id = step_id"))
    over = {task for (task,) in read(folder, "SELECT id FROM task WHERE status IN ('cancelled', 'failed')")}
    bodies: dict[str, list[str | None]] = {}
    for one in emulator.ledger.submits:
        source = one["body"].get("audioId") or one["body"]["uploadUrl"]
        bodies.setdefault(source, []).append(owners.get(one["task"]))
    lost = read(folder, "SELECT 1 FROM attempt WHERE state = 'unknown'")
    strange = [clip for clip, tasks in bodies.items() for task in tasks if task is None]
    found = [f"{clip}: nobody knows of it" for clip in strange[len(lost) :]]
    found += [
        f"{clip}: {tasks}"
        for clip, tasks in bodies.items()
        if len({*tasks} - {None}) < len([one for one in tasks if one])
    ]
    paid = {clip: tasks for clip, tasks in bodies.items() if clip.startswith("paid-")}
    return found + [f"{clip}: {tasks}" for clip, tasks in paid.items() if len({*tasks} - over - {None}) > 1]


def main() -> int:
    parser = argparse.ArgumentParser(description="send a server what no honest client sends")
    parser.add_argument("--door", choices=DOORS, default="stdio")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        report = run(chosen.door, chosen.messages, chosen.seed, Path(folder))
    print(report.table(), flush=True)
    slow = sorted(report.pings)[len(report.pings) * 99 // 100] > PING_SECONDS
    print(f"ping p99 above {1000 * PING_SECONDS:.0f} ms" * slow, end="\n" * slow)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
