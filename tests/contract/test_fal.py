"""fal, from a call to a file in its place: the end of a track is uploaded, extended and joined, and paid in dollars."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

from emulators.fal import Fal
from emulators.faults import Fault, Front
from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from support.asked import begin, chain, extend
from support.engines import House, eventually, finished, is_step

pytestmark = pytest.mark.anyio
HZ, SECONDS = 44_100, 80.0


@asynccontextmanager
async def queue(house: House, **settings: Any) -> AsyncGenerator[tuple[Service, Fal]]:
    """A service with a key, and a track longer than what is sent of one."""
    emulator = Fal()
    time = np.arange(round(SECONDS * HZ)) / HZ
    melody = 220 * 2 ** (np.floor(time * 2) % 7 / 12)
    soundfile.write(house.track, 0.3 * np.sin(2 * np.pi * melody * time), HZ, subtype="PCM_16")
    async with Front(emulator) as url:
        led = {"fal_key": emulator.key, "fal_base_url": url, "fal_upload_url": url}
        trusted = (f"localhost:{urlsplit(url).port}",)
        async with house.engine(**led, trusted_hosts=trusted, **settings) as service:
            yield service, emulator
    assert emulator.violations == []
    assert emulator.ledger.double_charges() == []


async def start(service: Service, house: House, **fields: Any) -> Task:
    asked = {"source": str(house.track), "provider": "fal", "add_seconds": 12.0, "style": "warm piano"} | fields
    return (await begin(service, extend(**asked))).task


async def test_the_last_minute_is_sent_and_only_new_music_is_taken(house: House) -> None:
    async with queue(house) as (service, far):
        task = await finished(service, await start(service, house, max_usd=0.02))
    assert (task.status, task.error) == ("succeeded", None)
    assert task.audio is not None
    assert task.audio.whole_track
    result, _ = soundfile.read(task.audio.file or "")
    source, _ = soundfile.read(house.track)
    assert len(result) / HZ == pytest.approx(SECONDS + 12, abs=0.6)
    kept = round((SECONDS - 5) * HZ)
    assert np.array_equal(result[:kept], source[:kept])
    (body,) = [submit["body"] for submit in far.ledger.submits]
    assert body["extend_after_duration"] == 12
    # A minute of source and 12 s more: what is held is what the queue takes, where it counts all of it.
    assert (task.quote.high, task.charged, task.quote.unit) == (14_400, 14_400, "usd")
    assert far.ledger.submits[0]["amount"] == pytest.approx(0.0144)


async def test_a_cap_in_credits_and_one_that_is_too_low_send_nothing(house: House) -> None:
    async with queue(house) as (service, far):
        with pytest.raises(InvalidRequest, match="paid in dollars"):
            await start(service, house, max_credits=50)
        assert far.seen == []


async def test_a_lost_answer_is_never_sent_again(house: House) -> None:
    async with queue(house) as (service, far):
        far.script("submit", Fault(status=502, body="bad gateway", charged=True))
        task = await start(service, house)
        await eventually(lambda: is_step(service, task, "needs_user"))
        task = await service.get(task.id)
    assert (task.status, task.held, len(far.ledger.submits)) == ("unknown", 14_400, 1)


async def test_a_run_that_failed_at_the_server_is_booked_as_not_billed(house: House) -> None:
    async with queue(house) as (service, far):
        far.outcome = "failed"
        task = await finished(service, await start(service, house))
    assert (task.status, task.held, task.charged - task.refunded, task.disputed) == ("failed", 0, 0, 0)


async def test_a_chain_goes_on_from_its_own_result(house: House) -> None:
    async with queue(house) as (service, far):
        asked = chain(
            source=str(house.track), provider="fal", target_seconds=SECONDS + 260, style="folk", max_usd=1, max_steps=3
        )
        task = await finished(service, (await begin(service, asked)).task)
    assert (task.status, task.error, len(far.ledger.submits)) == ("succeeded", None, 2)
    assert task.audio is not None
    assert task.audio.duration_seconds == pytest.approx(SECONDS + 260, abs=2)
    assert task.charged == sum(round(1_000_000 * one["amount"]) for one in far.ledger.submits)
