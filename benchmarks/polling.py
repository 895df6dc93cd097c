"""How late we learn that work is done, and how often we ask: the engine's own pace in virtual time.

    .venv/bin/python benchmarks/polling.py [tasks]

Tasks take a lognormal time (5 % quantile 60 s, median 104 s, 95 % quantile 180 s). The real `Paces` decides each look,
from a history that grows with every task that was found done, as the store would tell it. Costs no real waiting.
"""

from __future__ import annotations

import asyncio
import math
import random
import statistics
import sys
from collections import deque
from dataclasses import dataclass, replace
from typing import cast

from fermata_mcp.domain.task import Step, Work
from fermata_mcp.engine.pace import Paces
from fermata_mcp.providers.suno.sunoapi import SPEC
from fermata_mcp.store.base import Store

TASKS = 20_000
MEDIAN, SIGMA = 104.0, math.log(180 / 60) / (2 * 1.645)
STEP = Step(
    id="stp", task_id="tsk", provider=SPEC.name, account_id="a", seq=0, state="waiting", work=Work(save_as="x"),
    home=None, fence=1, due_at=0, remote_id="r", attempt_id="a", submitted_at=0, made_at=None, polls=0,
    error_streak=0, clips=(), error=None, created_at=0, updated_at=0,
)  # fmt: skip


class History:
    """What `Paces` asks of a store: durations as they were observed, the last 64. Keeps the virtual time too."""

    def __init__(self) -> None:
        self.taken: deque[float] = deque(maxlen=64)
        self.now = 1_800_000_000_000

    async def durations(self, provider: str, model: str | None) -> list[float]:
        return list(reversed(self.taken))


@dataclass
class Found:
    delay: float
    polls: int


class Learned:
    """The engine's pace. Tasks of one user follow each other."""

    def __init__(self) -> None:
        self._history = History()
        self._pace = Paces(cast(Store, self._history))

    async def follow(self, done_after: float) -> Found:
        history = self._history
        began, step = history.now, replace(STEP, submitted_at=history.now)
        history.now += round(1000 * await self._pace.first(step, SPEC, began))
        polls = 1
        while history.now < began + done_after * 1000:
            history.now += round(1000 * await self._pace.again(step, SPEC, history.now))
            polls += 1
        taken = (history.now - began) / 1000
        history.taken.append(taken)
        return Found(taken - done_after, polls)


def fixed(seconds: float, done_after: float) -> Found:
    polls = math.ceil(done_after / seconds)
    return Found(polls * seconds - done_after, polls)


def row(name: str, found: list[Found]) -> str:
    delays = sorted(one.delay for one in found)
    late = delays[int(len(delays) * 0.95)]
    polls = statistics.fmean(one.polls for one in found)
    return f"| {name} | {statistics.fmean(delays):.1f} | {late:.1f} | {polls:.2f} | {len(found)} |"


def times(tasks: int, factor: float = 1.0) -> list[float]:
    """The same draws for every policy. `factor` makes every task that much longer or shorter than the model."""
    rng = random.Random(7)
    return [factor * MEDIAN * math.exp(rng.gauss(0, SIGMA)) for _ in range(tasks)]


async def learned(taken: list[float], tasks_a_user: int) -> list[Found]:
    """Every user has a history of their own."""
    found: list[Found] = []
    for start in range(0, len(taken), tasks_a_user):
        user = Learned()
        found += [await user.follow(seconds) for seconds in taken[start : start + tasks_a_user]]
    return found


async def run(tasks: int) -> None:
    model = times(tasks)
    print("| policy | mean delay s | p95 s | polls a task | tasks |\n|---|---|---|---|---|")
    print(row("fixed 20 s", [fixed(20, seconds) for seconds in model]))
    print(row("learned pace, one long history", await learned(model, tasks)))
    print(row("learned pace, each user's first 100 tasks", await learned(model, 100)))
    print(row("learned pace, each user's first 10 tasks", await learned(model, 10)))
    print(row("learned pace, each user's very first task", await learned(model, 1)))
    print(row("learned pace, provider 2 x slower", await learned(times(tasks, 2.0), tasks)))
    print(row("learned pace, provider 2 x faster", await learned(times(tasks, 0.5), tasks)))
    print("\nGoal: mean delay <= 8 s with <= 5 polls a task.")


def main() -> None:
    asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else TASKS))


if __name__ == "__main__":
    main()
