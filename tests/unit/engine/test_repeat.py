"""The same call made again, the caps on money, and the sums that explain it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from fermata_mcp.domain.errors import GenerationFailed, InvalidRequest, OverBudget, ProviderUnavailable, UnknownTrack
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from fermata_mcp.providers.base import Refused, Snapshot, Unclear
from support.asked import begin
from support.engines import House, finished
from support.music import silence
from support.remote import SECONDS, Remote
from support.rows import PRICE

pytestmark = pytest.mark.anyio


async def done(service: Service, house: House, **request: Any) -> Task:
    return await finished(service, (await begin(service, house.request(**request))).task)


class TestRepeating:
    async def test_an_identical_call_returns_the_same_task(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            first = await done(service, house)
            again = await begin(service, house.request(wait_seconds=5, max_credits=50))
        assert (again.task.id, again.replayed, remote.sent) == (first.id, "request", 1)

    async def test_another_take_is_another_task(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            first = await done(service, house)
            second = await done(service, house, take=2)
        assert second.id != first.id
        assert first.audio is not None
        assert second.audio is not None
        assert first.audio.file != second.audio.file
        assert [work.take for work in remote.works] == [1, 2]

    async def test_a_file_that_changed_is_another_track(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            await done(service, house)
            silence(house.track, 5)
            again = await begin(service, house.request())
            assert again.replayed is None

    async def test_a_result_that_was_deleted_is_made_anew(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            first = await done(service, house)
            delete(first)
            again = await done(service, house)
        assert again.id != first.id
        assert remote.sent == 2

    async def test_after_a_certain_failure_the_same_call_starts_anew(self, house: House, remote: Remote) -> None:
        remote.answers.append(Refused(GenerationFailed("no.")))
        async with house.engine() as service:
            assert (await done(service, house, idempotency_key="k")).status == "failed"
            assert (await done(service, house, idempotency_key="k")).status == "succeeded"
        assert remote.sent == 2

    async def test_ten_minutes_after_success_the_same_call_starts_anew(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            first = await done(service, house)
            house.time.skip(601)
            assert (await begin(service, house.request())).task.id != first.id

    async def test_a_key_keeps_its_meaning_far_longer(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            first = await done(service, house, idempotency_key="k")
            house.time.skip(86_400)
            again = await begin(service, house.request(idempotency_key="k"))
        assert (again.task.id, again.replayed) == (first.id, "key")

    async def test_a_key_for_another_request_is_a_wrong_request(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            await done(service, house, idempotency_key="k")
            with pytest.raises(InvalidRequest, match="idempotency_key"):
                await begin(service, house.request(idempotency_key="k", prompt="other"))

    async def test_a_dry_run_starts_nothing_and_is_no_earlier_call(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            quoted = await service.prepare(house.request())
            assert quoted.task.quote.high == PRICE
            assert (await service.tasks(None, None, 9, None)).tasks == ()
            assert (await begin(service, house.request())).replayed is None

    async def test_twenty_calls_at_once_are_one_task(self, house: House, remote: Remote) -> None:
        ids: set[str] = set()

        async def call() -> None:
            ids.add((await begin(service, house.request())).task.id)

        async with house.engine() as service:
            async with anyio.create_task_group() as group:
                for _ in range(20):
                    group.start_soon(call)
            await finished(service, await service.get(next(iter(ids))))
        assert len(ids) == 1
        assert remote.sent == 1

    async def test_a_result_is_lengthened_again_by_the_id_that_its_provider_gave_it(
        self, house: House, remote: Remote
    ) -> None:
        async with house.engine() as service:
            first = await done(service, house)
            second = await done(service, house, source=first.id)
        assert second.source.duration_seconds == SECONDS
        assert remote.works[1].source_clip == "c1"

    async def test_another_provider_gets_its_saved_file(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            first = await done(service, house)
            silence(saved(first), 9)
            second = await done(service, house, source=f"{first.id}/0", provider="again")
        assert second.source.duration_seconds == 9
        assert remote.works[1].source_file == str(saved(first))
        assert remote.works[1].source_clip is None

    async def test_a_clip_that_is_not_there_is_an_unknown_track(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            first = await done(service, house)
            with pytest.raises(UnknownTrack, match="has 1 clip"):
                await begin(service, house.request(source=f"{first.id}/1"))


def saved(task: Task) -> Path:
    assert task.audio is not None
    assert task.audio.file is not None
    return Path(task.audio.file)


def delete(task: Task) -> None:
    saved(task).unlink()


class TestMoney:
    async def test_a_call_over_its_cap_is_refused_before_anything_is_recorded(
        self, house: House, remote: Remote
    ) -> None:
        async with house.engine(max_credits_per_call=9) as service:
            with pytest.raises(OverBudget, match="FERMATA_MAX_CREDITS_PER_CALL"):
                await begin(service, house.request())
            with pytest.raises(OverBudget, match="max_credits 5"):
                await begin(service, house.request(max_credits=5))
            assert (await service.tasks(None, None, 9, None)).tasks == ()
        assert remote.sent == 0

    async def test_the_cap_of_a_day_stops_work_before_it_is_sent(self, house: House, remote: Remote) -> None:
        async with house.engine(max_credits_per_day=25) as service:
            ends = [(await done(service, house, take=take)) for take in (1, 2, 3)]
            credits = (await service.credits("paid")).spent["credits"]
        assert [task.status for task in ends] == ["succeeded", "succeeded", "failed"]
        assert ends[2].error is not None
        assert ends[2].error.code == "over_budget"
        assert (credits.spent_today, credits.cap_today, remote.sent) == (20, 25, 2)

    async def test_free_work_goes_on_under_a_cap_that_is_used_up(self, house: House, remote: Remote) -> None:
        async with house.engine() as service:
            await done(service, house)
        async with house.engine(max_credits_per_day=5) as service:
            assert (await done(service, house, provider="again")).status == "succeeded"

    async def test_every_credit_is_explained(self, house: House, remote: Remote) -> None:
        """Success, refusal, failure and doubt, and a request that had to be sent twice.

        Whether a failure of accepted work is charged is not documented for this provider, so it counts as spent.
        """
        remote.answers.append(Refused(ProviderUnavailable("later."), 0.0))
        async with house.engine() as service:
            ends = [await done(service, house)]
            remote.answers.append(Refused(GenerationFailed("no.")))
            ends.append(await done(service, house, take=2))
            remote.readings.append(Snapshot("failed"))
            ends.append(await done(service, house, take=3))
            remote.answers.append(Unclear("the connection broke"))
            ends.append(await done(service, house, take=4))
            spent = (await service.credits("paid")).spent["credits"].spent_today
        assert [task.status for task in ends] == ["succeeded", "failed", "failed", "unknown"]
        assert [(task.held, task.charged) for task in ends] == [(0, PRICE), (0, 0), (0, 0), (PRICE, 0)]
        # This provider does not say whether it charges for work that it took on and failed: that money is disputed.
        disputed = PRICE
        assert spent * 1000 == sum(task.held + task.charged - task.refunded for task in ends) + disputed

    async def test_balances_are_told_or_the_trouble_with_them(self, house: House, remote: Remote) -> None:
        remote.money = 95
        async with house.engine() as service:
            (told,) = (await service.credits("paid")).providers
            assert (told.balance, told.price_per_extend, told.extends_left) == (95, 10, 9)
            remote.money = ProviderUnavailable("away.")
            (told,) = (await service.credits("paid")).providers
            assert (told.balance, told.error is not None) == (None, True)
            names = {one.provider for one in (await service.credits(None)).providers}
        assert {"local", "paid"} <= names
