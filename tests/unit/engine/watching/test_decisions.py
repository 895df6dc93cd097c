"""Whoever reads the log can follow every credit: a line for each decision, without a secret, and none without one."""

from __future__ import annotations

import logging

import pytest

from fermata_mcp.domain.errors import ContentRejected, RateLimited
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from fermata_mcp.providers.base import NotSent, Refused, Unclear
from fermata_mcp.store.base import GRACE_MS, POLL_LEASE_MS
from support.asked import begin
from support.engines import House, eventually, finished, is_step
from support.remote import Remote

pytestmark = pytest.mark.anyio
SECRET = "sk-very-secret"


@pytest.fixture(autouse=True)
def _everything_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "fermata_mcp")


def lines(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> str:
    return "\n".join(one.getMessage() for one in caplog.records if one.levelno >= level)


async def started(service: Service, house: House, state: str) -> Task:
    task = (await begin(service, house.request(title=SECRET))).task
    await eventually(lambda: is_step(service, task, state))
    return await service.get(task.id)


async def test_what_is_bought_and_delivered(house: House, remote: Remote, caplog: pytest.LogCaptureFixture) -> None:
    async with house.engine() as service:
        task = await started(service, house, "succeeded")
    told = lines(caplog)
    assert f"task {task.id}, step {task.steps[0].id}: submit begun as {task.steps[0].attempt_id}" in told
    assert "10 credits: hold" in told
    assert "submit accepted" in told
    assert "10 credits: charge" in told
    assert SECRET not in told
    assert lines(caplog, logging.WARNING) == ""


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (Refused(ContentRejected(f"no {SECRET}.")), "failed", "given up (content_rejected); 10 credits: release"),
        (Refused(RateLimited(f"no {SECRET}."), 0.0), "succeeded", "it is sent anew; 10 credits: release"),
        (NotSent(ContentRejected(f"no {SECRET}.")), "failed", "given up (content_rejected)"),
        (Unclear(f"lost {SECRET}"), "needs_user", "outcome of the submit unknown"),
    ],
    ids=["refused", "put back", "not sent", "unknown"],
)  # fmt: skip
async def test_what_becomes_of_a_submit(
    answer: Refused | NotSent | Unclear, state: str, words: str,
    house: House, remote: Remote, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    remote.answers.append(answer)
    async with house.engine() as service:
        await started(service, house, state)
    assert words in lines(caplog)
    assert ("submit refused" in lines(caplog)) == (state == "failed")
    assert SECRET not in lines(caplog)
    assert ("unknown" in lines(caplog, logging.WARNING)) == isinstance(answer, Unclear)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("give_up", "given up on a person's word (outcome_unknown); 10 credits: release; 10 credits: disputed"),
        ("resubmit", "10 credits: disputed"),
    ],
)
async def test_a_persons_word(
    action: str, words: str, house: House, remote: Remote, caplog: pytest.LogCaptureFixture
) -> None:
    remote.answers.append(Unclear("lost"))
    async with house.engine() as service:
        task = await started(service, house, "needs_user")
        await service.resolve(task.id, "give_up" if action == "give_up" else "resubmit")
    assert words in lines(caplog, logging.WARNING)


async def test_a_cancel(house: House, remote: Remote, caplog: pytest.LogCaptureFixture) -> None:
    remote.finishes = False
    async with house.engine() as service:
        await service.cancel((await started(service, house, "waiting")).id)
    assert "its task is cancelled" in lines(caplog)


async def test_work_of_a_dead_process(house: House, remote: Remote, caplog: pytest.LogCaptureFixture) -> None:
    remote.finishes = False
    store = house.store()
    async with house.engine(store) as one:
        task = await started(one, house, "waiting")
        store.dead = True
    assert "taken over" not in lines(caplog)
    remote.finishes = True
    house.time.skip((POLL_LEASE_MS + GRACE_MS) / 1000 + 1)
    async with house.engine() as other:
        assert (await finished(other, task)).status == "succeeded"
    assert f"task {task.id}: a step is taken over" in lines(caplog)


async def test_a_clean_hand_over_is_none(house: House, remote: Remote, caplog: pytest.LogCaptureFixture) -> None:
    remote.finishes = False
    async with house.engine() as one:
        task = await started(one, house, "waiting")
    remote.finishes = True
    async with house.engine() as other:
        assert (await finished(other, task)).status == "succeeded"
    assert "taken over" not in lines(caplog)
