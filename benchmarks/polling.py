"""How late we learn that work is done, and how often we ask: the engine's own pace in virtual time.

    python benchmarks/polling.py [tasks]

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
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from fermata_mcp.domain.task import Step, Work
from fermata_mcp.engine.pace import Paces
from fermata_mcp.providers.sunoapi import SPEC
from fermata_mcp.store.base import Store

TASKS = 20_000
MEDIAN, SIGMA = 104.0, math.log(180 / 60) / (2 * 1.645)
STEP = Step(
    id="stp", task_id="tsk", provider=SPEC.name, account_id="a", seq=0, state="waiting", work=Work(save_as="x"),
    home=None, fence=1, due_at=0, remote_id="r", attempt_id="a", submitted_at=0, polls=0, error_streak=0, clips=(),
    error=None, created_at=0, updated_at=0,
)  # fmt: skip


class History:
    """What `Paces` asks of a store: durations as they were observed, the last 64."""

    def __init__(self) -> None:
        self.taken: deque[float] = deque(maxlen=64)

    async def durations(self, provider: str, model: str | None) -> list[float]:
        return list(reversed(self.taken))


@dataclass
class Found:
    delay: float
    polls: int


Policy = tuple[Callable[[], Awaitable[float]], Callable[[float], Awaitable[float]]]


def learned(history: History) -> Policy:
    pace = Paces(cast(Store, history))
    return (lambda: pace.first(STEP, SPEC)), (lambda elapsed: pace.again(STEP, SPEC, round(elapsed * 1000)))


def fixed(seconds: float) -> Policy:
    async def same(_: float = 0.0) -> float:
        return seconds

    return same, same


async def follow(done_at: float, policy: Policy) -> Found:
    first, again = policy
    at, polls = await first(), 1
    while at < done_at:
        at += await again(at)
        polls += 1
    return Found(at - done_at, polls)


def row(name: str, found: list[Found]) -> str:
    delays = sorted(one.delay for one in found)
    late = delays[int(len(delays) * 0.95)]
    polls = statistics.fmean(one.polls for one in found)
    return f"| {name} | {statistics.fmean(delays):.1f} | {late:.1f} | {polls:.2f} | {len(found)} |"


async def simulate(tasks: int, factor: float = 1.0) -> list[Found]:
    """`factor` makes every task that much longer or shorter than the model."""
    rng, history, found = random.Random(7), History(), list[Found]()
    policy = learned(history)
    for _ in range(tasks):
        done_at = factor * MEDIAN * math.exp(rng.gauss(0, SIGMA))
        found.append(await follow(done_at, policy))
        history.taken.append(done_at + found[-1].delay)
    return found


async def fresh_users(tasks: int, each: int = 10) -> list[Found]:
    """Many users' first few tasks."""
    found: list[Found] = []
    rng = random.Random(8)
    for _ in range(tasks // each):
        history = History()
        for _ in range(each):
            done_at = MEDIAN * math.exp(rng.gauss(0, SIGMA))
            found.append(await follow(done_at, learned(history)))
            history.taken.append(done_at + found[-1].delay)
    return found


async def run(tasks: int) -> None:
    rng = random.Random(7)
    steady = [await follow(MEDIAN * math.exp(rng.gauss(0, SIGMA)), fixed(20)) for _ in range(tasks)]
    print("| policy | mean delay s | p95 s | polls a task | tasks |\n|---|---|---|---|---|")
    print(row("fixed 20 s", steady))
    print(row("learned pace", await simulate(tasks)))
    print(row("learned pace, only each user's first 10 tasks", await fresh_users(tasks)))
    print(row("learned pace, provider 2 x slower", await simulate(tasks, 2.0)))
    print(row("learned pace, provider 2 x faster", await simulate(tasks, 0.5)))
    print("\nGoal: mean delay <= 8 s with <= 5 polls a task.")


def main() -> None:
    asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else TASKS))


if __name__ == "__main__":
    main()
