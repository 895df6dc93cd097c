"""Audio that is not there at once: it is fetched until it is, by the engine itself, and the task says how it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulators.faults import Fault
from emulators.paid import Paid, named
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from fermata_mcp.engine.steps import collector as collecting
from support.engines import House, eventually, finished
from support.paid import ALL
from support.processes import seconds_of
from support.shop import Shop, quick, trading

SONIC = named("musicapi-sonic")
SUNOAPI = named("sunoapi")
pytestmark = pytest.mark.anyio
EACH = pytest.mark.parametrize("paid", ALL, ids=lambda one: one.name)
OFTEN = 10_000
NOT_THERE = {
    "404": Fault.answer(404, "gone"),
    "441": Fault.answer(441, "expired"),
    "page": Fault.answer(200, "<html>Sorry</html>"),
    "empty": Fault.answer(200, "", content_type="audio/mpeg"),
    "half an answer": Fault.wire("half_body"),
}


def is_saved(task: Task) -> bool:
    return task.audio is not None and task.audio.file is not None and Path(task.audio.file).is_file()


async def has_audio(service: Service, task: Task) -> bool:
    return is_saved(await service.get(task.id))


@pytest.mark.parametrize("bad", NOT_THERE)
@EACH
async def test_a_file_that_is_not_there_at_first_is_asked_for_again(paid: Paid, bad: str, house: House) -> None:
    emulator = quick(paid)
    emulator.script("audio", NOT_THERE[bad], 5)
    async with trading(house, paid.family, emulator, uploads=paid.uploads) as (service, _):
        task = await finished(service, await Shop(paid, house, service, emulator).start())
    assert (task.status, task.error) == ("succeeded", None)
    assert is_saved(task)
    assert not any("could not be saved" in said for said in task.warnings)


@EACH
async def test_a_link_that_comes_after_the_end_is_waited_for(paid: Paid, house: House) -> None:
    emulator = quick(paid)
    emulator.late_links = 4
    async with trading(house, paid.family, emulator, uploads=paid.uploads) as (service, _):
        task = await finished(service, await Shop(paid, house, service, emulator).start())
    assert is_saved(task), (task.warnings, task.error)


@EACH
async def test_what_was_finished_once_stays_finished(paid: Paid, house: House) -> None:
    """The provider takes its word back while its audio is being fetched."""
    emulator = quick(paid)
    emulator.done_looks = 1
    emulator.script("audio", Fault.answer(404, "gone"), 4)
    async with trading(house, paid.family, emulator, uploads=paid.uploads) as (service, _):
        task = await finished(service, await Shop(paid, house, service, emulator).start())
    assert (task.status, task.error) == ("succeeded", None)
    assert is_saved(task)


@pytest.mark.parametrize("paid", [SUNOAPI], ids=lambda one: one.name)
async def test_half_a_file_is_not_delivered_while_a_whole_one_may_come(
    paid: Paid, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "WAIT_FOR_AUDIO_SECONDS", 10**9)
    emulator = quick(paid)
    emulator.cut_audio = True
    async with trading(house, paid.family, emulator, uploads=paid.uploads) as (service, _):
        task = await Shop(paid, house, service, emulator).start()
        await eventually(lambda: fetches(service, task))
        emulator.cut_audio = False
        task = await finished(service, task)
    assert task.clips[0].duration_seconds == pytest.approx(22, abs=0.1)
    assert not any("incomplete" in said for said in task.warnings)


async def fetches(service: Service, task: Task) -> bool:
    found = await service.get(task.id)
    assert found.status in ("queued", "running"), "half a file is not there"
    return found.message == "finished; fetching its audio"


@EACH
async def test_it_goes_on_after_a_restart(paid: Paid, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "WAIT_FOR_AUDIO_SECONDS", 10**9)
    emulator = quick(paid)
    emulator.script("audio", Fault.answer(404, "gone"), OFTEN)
    async with trading(house, paid.family, emulator, uploads=paid.uploads) as (service, _):
        task = await Shop(paid, house, service, emulator).start()
        await eventually(lambda: fetches(service, task))
    emulator.faults.clear()
    async with trading(house, paid.family, emulator, uploads=paid.uploads) as (service, url):
        for known in emulator.jobs.values():
            known.data["base"] = url
        task = await finished(service, task)
    assert is_saved(task)
    assert len([one for one in emulator.ledger.submits if one["amount"] > paid.joining]) == 1


@EACH
async def test_after_its_time_the_task_is_over_and_the_search_goes_on_behind_it(
    paid: Paid, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "LATE_BACKOFF_SECONDS", 20.0)
    emulator = quick(paid)
    emulator.script("audio", Fault.answer(410, "gone"), OFTEN)
    async with trading(house, paid.family, emulator, uploads=paid.uploads) as (service, _):
        task = await finished(service, await Shop(paid, house, service, emulator).start())
        assert task.status == "succeeded"
        assert not is_saved(task)
        assert any("could not be saved" in said for said in task.warnings)
        emulator.faults.clear()
        await eventually(lambda: has_audio(service, task))
        task = await service.get(task.id)
    assert not any("could not be saved" in said for said in task.warnings)
    assert task.clips[0].duration_seconds == pytest.approx(seconds_of(Path(task.clips[0].file or "")), abs=0.05)


async def test_after_a_day_only_a_caller_has_it_fetched(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "LATE_BACKOFF_SECONDS", 1.0)
    monkeypatch.setattr(collecting, "LOOK_FOR_AUDIO_SECONDS", 700.0)
    emulator = quick(SONIC)
    emulator.script("audio", Fault.answer(404, "gone"), OFTEN)
    async with trading(house, SONIC.family, emulator) as (service, _):
        task = await finished(service, await Shop(SONIC, house, service, emulator).start())

        async def rests() -> bool:
            return (await service.get(task.id)).steps[-1].due_at is None

        await eventually(rests)
        emulator.faults.clear()
        assert not await has_audio(service, task)
        await service.fetch_missing(task.id)
        assert await has_audio(service, task)
