"""Posts of fal, which are signed by keys that it publishes: what is not signed so is no look."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emulators.fal import Fal
from emulators.faults import Fault
from emulators.paid import Paid
from emulators.posts import post_of
from fermata_mcp.domain.hooks import SIGNED_WITHIN_SECONDS
from support.engines import House, finished
from support.hooked import Hooked, hooked

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def queue(house: House) -> AsyncGenerator[tuple[Hooked, Fal]]:
    """A task of which fal is to tell, while nobody looks."""
    soundfile.write(house.track, 0.1 * np.sin(np.arange(20 * 44_100) / 40), 44_100)
    emulator = Fal("key")
    fal = Paid(
        "fal", Fal, {"source": str(house.track), "style": "warm piano", "add_seconds": 8.0}, {}, (), (0, 0), "", False
    )
    hosts = ("127.0.0.1", "localhost")
    async with hooked(house, fal, emulator=emulator, uploads=True, fal_key="key", trusted_hosts=hosts) as shop:
        yield shop, emulator
    assert emulator.violations == []


def asked_for_keys(emulator: Fal) -> int:
    return sum(seen.path.endswith("jwks.json") for seen in emulator.seen)


async def test_what_is_signed_is_heard_and_the_keys_are_asked_for_once(house: House) -> None:
    async with queue(house) as (shop, emulator):
        emulator.ready_after_polls = 3
        task = await shop.waiting()
        await shop.post("error")
        await shop.looked(1)
        emulator.ready_after_polls = 0
        await shop.post()
        assert (await finished(shop.service, task, 30)).status == "succeeded"
        assert (shop.fates()["heard"], asked_for_keys(emulator)) == (2, 1)


@pytest.mark.parametrize("wrong", ["key", "old", "early", "altered", "another request", "unsigned", "no number"])
async def test_a_wrong_signature_changes_nothing(house: House, wrong: str) -> None:
    beyond = SIGNED_WITHIN_SECONDS + 5
    async with queue(house) as (shop, emulator):
        await shop.waiting()
        right = post_of(emulator, shop.job)
        emulator.signs_with.append(Ed25519PrivateKey.generate())
        strangers = post_of(emulator, shop.job)
        emulator.signs_with.pop()
        await shop.send(
            {
                "key": strangers,
                "old": post_of(emulator, shop.job, at=time.time() - beyond),
                "early": post_of(emulator, shop.job, at=time.time() + beyond),
                "altered": right.altered(status="ERROR"),
                "another request": replace(right, headers={**right.headers, "x-fal-webhook-request-id": "other"}),
                "unsigned": replace(right, headers={}),
                "no number": replace(right, headers={**right.headers, "x-fal-webhook-signature": "zz"}),
            }[wrong]
        )
        assert (shop.fates(), shop.looks()) == ({"forged": 1}, 0)


async def test_new_keys_are_asked_for_and_strangers_do_not_make_us_ask(house: House) -> None:
    async with queue(house) as (shop, emulator):
        await shop.waiting()
        stranger = replace(post_of(emulator, shop.job), headers={"x-fal-webhook-timestamp": str(int(time.time()))})
        for _ in range(5):
            await shop.send(stranger)
        assert asked_for_keys(emulator) == 1
        emulator.signs_with = [Ed25519PrivateKey.generate()]
        house.time.skip(SIGNED_WITHIN_SECONDS + 10)
        await shop.send(post_of(emulator, shop.job, at=time.time() + SIGNED_WITHIN_SECONDS + 10))
        assert (shop.fates()["heard"], asked_for_keys(emulator)) == (1, 2)


async def test_without_its_keys_nothing_is_believed(house: House) -> None:
    async with queue(house) as (shop, emulator):
        await shop.waiting()
        emulator.script("greeting", Fault(status=503, body="busy"))
        assert await post_of(emulator, shop.job).send() == 200
        await shop.post()  # the next finds them
        assert shop.fates() == {"heard": 1}
