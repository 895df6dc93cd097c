"""Tasks and steps as the service would make them, for tests that talk to a store or a view directly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fermata_mcp.domain.account import AccountSpec, Variable, host
from fermata_mcp.domain.change import Cap, NewStep
from fermata_mcp.domain.credits import Price, Quote
from fermata_mcp.domain.spec import FieldSpec, Lengths, Pace, ProviderSpec
from fermata_mcp.domain.task import SourceFacts, Step, Task, Work, new_id
from fermata_mcp.store.base import Store

DAY_MS = 86_400_000
NOON = 20_000 * DAY_MS + DAY_MS // 2
ME = "me"
PRICE = 10_000  # milli-credits; what one extension by `paid` costs

PAID = ProviderSpec(
    name="paid",
    title="Paid",
    summary="Sends one request that costs money.",
    sources=frozenset({"file", "url", "task", "clip"}),
    fields={name: FieldSpec(name) for name in ("continue_at", "prompt", "title")},
    pace=Pace(first=20, interval=15, give_up=10**9, slow_after=60),
    submit="at_most_once",
    verified="in these tests",
    account=AccountSpec(Variable("PAID_API_KEY", "a key"), host("PAID_BASE_URL", "https://paid.invalid")),
    price=Price(10, 10, "these tests"),
    options={"seed": ("1", "2")},
    has_balance=True,
    site="https://paid.invalid/credits",
)
DOLLARS = replace(
    PAID, name="paid-usd", price=Price(0.0002, 0.0002, "these tests", "usd", per=1),
    lengths=Lengths(longest_source=240, longest_add=240),
)  # fmt: skip
"""Paid by each second of the whole track, as much as a fiftieth of a cent."""
FREE_WORK = replace(PAID, name="again", submit="repeatable", price=Price(0, 0, "free"), has_balance=False)

_TASK = Task(
    id="",
    principal=ME,
    kind="extend",
    provider="paid",
    account_id="account",
    request={"source": "/music/a.wav", "take": 1},
    request_hash="",
    idempotency_key=None,
    source=SourceFacts(ref="/music/a.wav", duration_seconds=4.0, file="/music/a.wav", identity="a"),
    status="queued",
    fraction=None,
    message="waiting to start",
    audio=None,
    error=None,
    warnings=(),
    quote=Quote(PRICE, PRICE),
    held=0,
    charged=0,
    refunded=0,
    disputed=0,
    cancel_at=None,
    created_at=NOON,
    updated_at=NOON,
    finished_at=None,
)


def per_day(most: int) -> tuple[Cap, ...]:
    """Milli-credits that all principals together may spend in a day, as a change carries it."""
    return (Cap("day", most),)


def a_task(**fields: Any) -> Task:
    """A new task; without a `request_hash` it is like no other."""
    task_id = new_id("tsk")
    return replace(_TASK, **({"id": task_id, "request_hash": task_id} | fields))


def a_step(seq: int = 0, **work: Any) -> NewStep:
    return NewStep(new_id("stp"), seq, Work.model_validate({"save_as": "/music/out.wav"} | work))


def running_step(**work: Any) -> Step:
    """The first step of a task, which its provider has taken on."""
    told = {"save_as": "/out/a.wav", "before_seconds": 4.0} | work
    return Step(
        id="stp", task_id="tsk", provider="paid", account_id="account", seq=0, state="waiting",
        work=Work.model_validate(told), home=None, fence=1, due_at=None, remote_id="r", attempt_id="att",
        submitted_at=NOON, made_at=None, polls=1, error_streak=0, clips=(), error=None,
        created_at=NOON, updated_at=NOON,
    )  # fmt: skip


def a_render(**work: Any) -> NewStep:
    return replace(a_step(**work), render=True)


async def created(
    store: Store, *, home: str = "a", now: int = NOON, step: NewStep | None = None, claimed: bool = False, **fields: Any
) -> Task:
    """A task that was really stored, with `step` or any as its first."""
    task = a_task(created_at=now, **fields)
    return (await store.create(task, step or a_step(), home=home, now=now, claimed=claimed)).task


async def stored(store: Store, task: Task) -> Task:
    """`task` as the store has it now."""
    found = await store.get(task.id)
    assert found is not None
    return found


async def only_step(store: Store, task: Task) -> Step:
    return (await stored(store, task)).steps[-1]


async def claimed(store: Store, *, home: str = "a", now: int = NOON, of: Task | None = None) -> Step:
    """The one step that is due, or the one of a task among those that are."""
    steps = await store.claim(home=home, now=now, limit=10)
    (step,) = [step for step in steps if of is None or step.task_id == of.id]
    return step
