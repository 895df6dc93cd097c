"""An answer belongs to the request it answers.

One process sends a request and then sleeps past its lease; a person has it sent again by another process; then the
first one wakes and reports what came of *its* request. That must not be taken for the answer to the second.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fermata_mcp.domain.change import Change
from fermata_mcp.domain.errors import ContentRejected
from fermata_mcp.domain.task import Step, Task
from fermata_mcp.engine.steps import moves
from fermata_mcp.store.base import GRACE_MS, SUBMIT_LEASE_MS, Store
from support.rows import NOON, PAID, PRICE, claimed, created, only_step
from support.stores import PLACES, connections

pytestmark = pytest.mark.anyio
LATER = NOON + SUBMIT_LEASE_MS + GRACE_MS
LATE: dict[str, Callable[[Step], Change]] = {
    "accepted": lambda step: moves.accepted(step, "remote of the first", LATER, LATER),
    "not sent": lambda step: moves.put_back(step, LATER, LATER, PRICE),
    "refused": lambda step: moves.refused(step, ContentRejected("no."), LATER, PRICE),
    "unclear": lambda step: moves.unclear(step, "cut off", LATER),
}


@pytest.fixture(params=PLACES)
async def store(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncGenerator[Store]:
    async with connections(PLACES[request.param](tmp_path), 1) as (one,):
        yield one


async def sent_again(store: Store) -> tuple[Task, Step]:
    """A task whose second request is on its way, and the step as the sender of the first one knows it."""
    task = await created(store)
    first = await claimed(store)
    assert await store.apply(moves.begin(first, "att_1", PAID, PRICE, (), NOON), now=NOON)
    unknown = await claimed(store, home="b", now=LATER)
    assert await store.apply(moves.resubmit(unknown, LATER, PRICE), now=LATER)
    second = await claimed(store, home="b", now=LATER)
    assert await store.apply(moves.begin(second, "att_2", PAID, PRICE, (), LATER), now=LATER)
    return task, replace(first, attempt_id="att_1")


@pytest.mark.parametrize("answer", LATE)
async def test_while_the_second_is_on_its_way(store: Store, answer: str) -> None:
    task, first = await sent_again(store)
    await store.apply(LATE[answer](first), now=LATER)
    step = await only_step(store, task)
    second = (await store.attempts(step.id))[1]
    assert (step.state, step.remote_id) == ("submitting", None)
    assert (second.state, second.remote_id) == ("intent", None)


@pytest.mark.parametrize("answer", LATE)
async def test_after_the_second_was_accepted(store: Store, answer: str) -> None:
    """Above all: `not sent` must not put the accepted second request back, to be paid a third time."""
    task, first = await sent_again(store)
    taken = await only_step(store, task)
    assert await store.apply(moves.accepted(taken, "remote of the second", LATER, LATER), now=LATER)
    await store.apply(LATE[answer](first), now=LATER)
    step = await only_step(store, task)
    second = (await store.attempts(step.id))[1]
    assert (step.state, step.remote_id) == ("waiting", "remote of the second")
    assert (second.state, second.remote_id) == ("accepted", "remote of the second")
