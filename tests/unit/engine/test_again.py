"""Steps that fall due again while they are still being handled."""

from __future__ import annotations

import anyio
import pytest

from fermata_mcp.domain.errors import RateLimited
from fermata_mcp.providers.base import Refused
from fermata_mcp.store.base import SUBMIT_LEASE_MS
from support.asked import begin
from support.engines import House, finished
from support.remote import Remote

pytestmark = pytest.mark.anyio


async def test_work_put_back_at_once_is_taken_up_though_its_handling_is_not_over(house: House, remote: Remote) -> None:
    """A slow listener keeps the handler busy after the step is due again; that must not cost a whole lease."""
    remote.answers.append(Refused(RateLimited("later."), 0.0))

    async def slow(_: str) -> None:
        await anyio.sleep(0.15)

    async with house.engine() as service:
        service.changes.listen(slow)
        task = (await begin(service, house.request())).task
        task = await finished(service, task, SUBMIT_LEASE_MS / 2000)
    assert (task.status, remote.sent) == ("succeeded", 2)
