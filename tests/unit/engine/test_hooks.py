"""What providers post, from emulators over HTTP: it makes a look due, once, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest

from emulators.faults import Fault
from emulators.paid import Paid, named
from emulators.posts import Post, Stage, address_of, post_of
from fermata_mcp.domain.hooks import SIGNED_WITHIN_SECONDS
from fermata_mcp.domain.task import Task
from fermata_mcp.store.news import MOST_NEWS
from support.engines import House, eventually, finished
from support.hooked import NEVER, Hooked, hooked
from support.paid import ALL

pytestmark = pytest.mark.anyio
EACH = pytest.mark.parametrize("paid", ALL, ids=lambda one: one.name)
SUNOAPI, KIE, SONIC = named("sunoapi"), named("kie"), named("musicapi-sonic")
KEY = "key-of-the-account"


async def quiet(shop: Hooked, looks: int) -> None:
    """Nobody looks again: the pump has had its turn since."""
    await shop.send(Post(address_of(shop.job)[:-1] + "!", b"{}"))  # goes through the same door, and is a stranger's
    await anyio.sleep(0.1)
    assert shop.looks() == looks


@EACH
async def test_the_end_is_seen_when_it_is_told(house: House, paid: Paid) -> None:
    async with hooked(house, paid) as shop:
        task = await shop.waiting()
        assert shop.looks() == 0
        await shop.post()
        assert (await finished(shop.service, task, 30)).status == "succeeded"
        assert shop.emulator.violations == []
        assert shop.fates()["heard"] == 1


@EACH
async def test_what_is_told_too_early_is_one_look_and_changes_nothing(house: House, paid: Paid) -> None:
    async with hooked(house, paid) as shop:
        shop.emulator.ready_after_polls = 3
        task = await shop.waiting()
        await shop.post("complete")
        await shop.looked(1)
        assert (await shop.service.get(task.id)).status == "running"
        if paid is not KIE:  # whose only post is that of the end
            await shop.send(post_of(shop.emulator, shop.job, "error"))
            await shop.looked(2)
        assert (await shop.service.get(task.id)).status == "running", "an error is only believed of a look"


async def test_an_error_that_is_told_while_the_work_succeeds(house: House) -> None:
    async with hooked(house, SUNOAPI) as shop:
        task = await shop.waiting()
        await shop.post("error")
        assert (await finished(shop.service, task, 30)).status == "succeeded"


@pytest.mark.parametrize(
    "order", [("text", "first", "complete"), ("complete", "first", "text")], ids=["in order", "not"]
)
@pytest.mark.parametrize("doubled", [1, 2])
async def test_each_stage_is_one_look_at_most(house: House, order: tuple[Stage, ...], doubled: int) -> None:
    async with hooked(house, SUNOAPI) as shop:
        shop.emulator.ready_after_polls = 9
        await shop.waiting()
        for number, stage in enumerate(order, 1):
            for _ in range(doubled):
                await shop.post(stage)
            await shop.looked(number)
        await quiet(shop, len(order))
        assert shop.fates() == {"heard": 3, "stranger": 1} | ({"repeated": 3} if doubled == 2 else {})


async def test_a_replay_by_number_is_no_look(house: House) -> None:
    async with hooked(house, SONIC) as shop:
        shop.emulator.ready_after_polls = 9
        await shop.waiting()
        post = post_of(shop.emulator, shop.job, "first")
        for _ in range(3):
            await shop.send(post)
        await shop.looked(1)
        await quiet(shop, 1)


async def test_posts_of_an_attempt_are_heard_up_to_a_limit(house: House) -> None:
    async with hooked(house, SONIC) as shop:
        shop.emulator.ready_after_polls = 99
        await shop.waiting()
        for _ in range(MOST_NEWS + 3):
            await shop.send(post_of(shop.emulator, shop.job, "first"))
        assert shop.fates() == {"heard": MOST_NEWS, "repeated": 3}


async def test_late_ones_change_nothing(house: House) -> None:
    async with hooked(house, SUNOAPI) as shop:
        task = await shop.waiting()
        await shop.post()
        ended = await finished(shop.service, task, 30)
        looks = shop.looks()
        await shop.send(post_of(shop.emulator, shop.job, "error"))
        await quiet(shop, looks)
        assert await shop.service.get(task.id) == ended
        assert shop.fates()["idle"] == 1


def at_another_address(shop: Hooked) -> Post:
    return replace(post_of(shop.emulator, shop.job), address=address_of(shop.job)[:-4] + "0000")


def at_no_address(shop: Hooked) -> Post:
    return replace(post_of(shop.emulator, shop.job), address=address_of(shop.job).rpartition("/")[0] + "/x")


def about_another_work(shop: Hooked) -> Post:
    return post_of(shop.emulator, shop.job).about("somebody-elses", shop.job.id)


@pytest.mark.parametrize("forge", [at_another_address, at_no_address, about_another_work])
@pytest.mark.parametrize("paid", [SUNOAPI, SONIC], ids=lambda one: one.name)
async def test_forgeries_are_answered_alike_and_are_no_look(
    house: House, paid: Paid, forge: Callable[[Hooked], Post]
) -> None:
    async with hooked(house, paid) as shop:
        await shop.waiting()
        await shop.send(forge(shop))
        await quiet(shop, 0)
        assert "heard" not in shop.fates()


@pytest.mark.parametrize("wrong", ["secret", "old", "early", "altered", "unsigned"])
async def test_a_wrong_signature_over_the_body_changes_nothing(house: House, wrong: str) -> None:
    beyond = SIGNED_WITHIN_SECONDS + 5
    async with hooked(house, SONIC) as shop:
        await shop.waiting()
        post = {
            "secret": lambda: post_of(shop.emulator, shop.job, secret="another"),
            "old": lambda: post_of(shop.emulator, shop.job, at=time.time() - beyond),
            "early": lambda: post_of(shop.emulator, shop.job, at=time.time() + beyond),
            "altered": lambda: post_of(shop.emulator, shop.job).altered(code=500),
            "unsigned": lambda: replace(post_of(shop.emulator, shop.job), headers={}),
        }[wrong]()
        await shop.send(post)
        await quiet(shop, 0)
        assert shop.fates()["forged"] == 1


async def test_a_secret_of_the_callers_own_signs(house: House) -> None:
    async with hooked(house, SONIC) as shop:
        asked = {**SONIC.call, "options": {"webhook_secret": "mine"}}
        shop.paid = replace(SONIC, call=asked)
        task = await shop.waiting()
        assert shop.job.body["webhook_secret"] == "mine"
        await shop.post()
        assert (await finished(shop.service, task, 30)).status == "succeeded"


@pytest.mark.parametrize("wrong", ["key", "old", "unsigned", "another id"])
async def test_a_wrong_signature_over_the_id_changes_nothing(house: House, wrong: str) -> None:
    async with hooked(house, KIE, kie_webhook_key=KEY) as shop:
        await shop.waiting()
        post = {
            "key": lambda: post_of(shop.emulator, shop.job, key="another"),
            "old": lambda: post_of(shop.emulator, shop.job, key=KEY, at=time.time() - SIGNED_WITHIN_SECONDS - 5),
            "unsigned": lambda: post_of(shop.emulator, shop.job),
            "another id": lambda: post_of(shop.emulator, shop.job, key=KEY).about("other", shop.job.id),
        }[wrong]()
        await shop.send(post)
        await quiet(shop, 0)


async def test_a_body_altered_under_a_valid_signature_ends_nothing(house: House) -> None:
    async with hooked(house, KIE, kie_webhook_key=KEY) as shop:
        task = await shop.waiting()
        failed = {"taskId": shop.job.id, "state": "fail", "failCode": "400", "failMsg": "refused"}
        await shop.send(post_of(shop.emulator, shop.job, key=KEY).altered(code=501, data=failed))
        assert (await finished(shop.service, task, 30)).status == "succeeded"


@pytest.mark.parametrize("settings", [{"callback_url": "https://mine.test/hook"}, {}], ids=["operator", "caller"])
async def test_who_wants_news_elsewhere_gets_them_there(house: House, settings: dict[str, Any]) -> None:
    async with hooked(house, SONIC, **settings) as shop:
        if not settings:
            shop.paid = replace(SONIC, call={**SONIC.call, "options": {"webhook_url": "https://mine.test/hook"}})
        await shop.waiting()
        assert shop.job.body["webhook_url"] == "https://mine.test/hook"
        assert "webhook_secret" not in shop.job.body


# --- where the answer was lost ----------------------------------------------------------------------------------------


@EACH
async def test_a_lost_answer_is_learned_from_a_post(house: House, paid: Paid) -> None:
    async with hooked(house, paid) as shop:
        shop.emulator.script("submit", Fault.wire("close"))
        task = await shop.start()
        await shop.until(task, "needs_user")
        assert (await shop.service.get(task.id)).status == "unknown"
        await shop.post()
        await shop.until(task, "succeeded")
        ended = await shop.service.get(task.id)
        assert (ended.status, ended.error, ended.disputed) == ("succeeded", None, 0)
        assert ended.charged > 0
        assert len(shop.emulator.ledger.submits) == 1
        assert shop.emulator.ledger.double_charges() == []


async def test_a_post_that_comes_before_the_answer_is_lost(house: House) -> None:
    """It is remembered, and looked at once nobody can expect the answer any more."""
    store = house.store()
    async with hooked(house, SUNOAPI, store=store) as shop:
        shop.emulator.script("submit", Fault.wire("hang"))
        task = await shop.start()

        async def was_charged() -> bool:
            return bool(shop.emulator.jobs)

        await eventually(was_charged, 30)
        await shop.post()
        assert await step_state(shop, task.id) == "submitting"
        store.dead = True
    async with hooked(house, SUNOAPI, emulator=shop.emulator) as again:
        house.time.skip(200)
        ended = await finished(again.service, task, 30)
        assert (ended.status, ended.error) == ("succeeded", None)
        assert len(again.emulator.ledger.submits) == 1


async def step_state(shop: Hooked, task_id: str) -> str:
    return (await shop.service.get(task_id)).steps[-1].state


async def test_an_id_that_the_provider_does_not_know_proves_nothing(house: House) -> None:
    async with hooked(house, SUNOAPI) as shop:
        shop.emulator.script("submit", Fault.wire("close"))
        task = await shop.start()
        await shop.until(task, "needs_user")
        await shop.send(post_of(shop.emulator, shop.job).about("nobodys", shop.job.id))
        await shop.looked(1)
        await quiet(shop, 1)
        assert (await shop.service.get(task.id)).status == "unknown"


async def test_the_work_of_another_task_is_not_taken_for_its_own(house: House) -> None:
    async with hooked(house, SUNOAPI) as shop:
        other = await shop.waiting()
        known = (await shop.service.get(other.id)).steps[-1].remote_id
        shop.emulator.script("submit", Fault.wire("close"))
        shop.paid = replace(SUNOAPI, call={**SUNOAPI.call, "take": 2})
        task = await shop.start()
        await shop.until(task, "needs_user")
        await shop.send(post_of(shop.emulator, shop.job).about(str(known), shop.job.id))
        await shop.looked(1)
        await quiet(shop, 1)
        assert (await shop.service.get(task.id)).status == "unknown"


async def test_what_a_person_gave_up_stays_so(house: House) -> None:
    async with hooked(house, SUNOAPI) as shop:
        shop.emulator.script("submit", Fault.wire("close"))
        task = await shop.start()
        await shop.until(task, "needs_user")
        ended = await shop.service.resolve(task.id, "give_up")
        await shop.post()
        await quiet(shop, 0)
        assert await shop.service.get(task.id) == ended


async def test_an_old_request_that_was_sent_again_is_left_as_it_is(house: House) -> None:
    async with hooked(house, SUNOAPI) as shop:
        shop.emulator.script("submit", Fault.wire("close"))
        task = await shop.start()
        await shop.until(task, "needs_user")
        first = shop.job
        await shop.service.resolve(task.id, "resubmit")
        await shop.until(task, "waiting")
        second = (await shop.service.get(task.id)).steps[-1].remote_id
        await shop.send(post_of(shop.emulator, first))
        assert (await shop.service.get(task.id)).steps[-1].remote_id == second == shop.job.id


# --- how often anybody looks ------------------------------------------------------------------------------------------


async def test_looks_are_fewer_once_posts_come_and_as_many_as_before_once_one_does_not(house: House) -> None:
    usual, beside_posts = 45 * NEVER, 120 * NEVER
    async with hooked(house, SUNOAPI) as shop:
        task, wait = await begun(shop)
        assert wait == pytest.approx(usual, abs=60)
        await shop.post()
        await shop.until(task, "succeeded")
        task, wait = await begun(shop, take=2)
        assert wait == pytest.approx(beside_posts, abs=60)
        house.time.skip(beside_posts + 10)
        await shop.until(task, "succeeded")
        task, wait = await begun(shop, take=3)
        assert wait < beside_posts / 2


async def begun(shop: Hooked, take: int = 1) -> tuple[Task, float]:
    """New work, and how many seconds it is until the first look at it."""
    shop.paid = replace(SUNOAPI, call={**SUNOAPI.call, "take": take})
    task = await shop.waiting()
    step = (await shop.service.get(task.id)).steps[-1]
    assert step.due_at is not None
    return task, (step.due_at - step.updated_at) / 1000
