"""An answer to a paid request that is the audio itself: sent once, recorded whole, and placed whoever dies when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fermata_mcp.domain.change import Change
from fermata_mcp.domain.lease import SUBMIT_LEASE_MS, submit_lease_ms
from fermata_mcp.domain.task import Clip, Task
from fermata_mcp.engine.service import Service
from fermata_mcp.providers.base import Made, Submitted, Unclear
from fermata_mcp.store.base import GRACE_MS
from support.asked import begin
from support.engines import House, MortalStore, eventually, finished
from support.hosts import audio
from support.remote import Remote
from support.rows import PRICE

pytestmark = pytest.mark.anyio
OVER = (SUBMIT_LEASE_MS + GRACE_MS) / 1000 + 1
MOST_CHANGES = 4


def arrived(house: House) -> Path:
    return house.folder / "data" / "arrived" / "att.flac"


def with_audio(house: House) -> Callable[[], Awaitable[Submitted]]:
    """The answer of a provider that sends what it made along, as the provider room leaves it."""

    async def answered() -> Submitted:
        came = arrived(house)
        came.parent.mkdir(parents=True, exist_ok=True)
        came.write_bytes(audio("FLAC", 9.0))
        return Made("song-1", (Clip(provider_clip_id="song-1", arrived=str(came)),))

    return answered


def is_whole(task: Task) -> bool:
    return task.audio is not None and task.audio.file is not None and Path(task.audio.file).stat().st_size > 0


async def test_it_is_saved_and_charged_without_another_question(house: House, remote: Remote) -> None:
    remote.answers.append(with_audio(house))
    async with house.engine() as service:
        task = await finished(service, (await begin(service, house.request())).task)
    assert (task.status, task.charged, task.held, task.error) == ("succeeded", PRICE, 0, None)
    assert is_whole(task)
    assert (remote.sent, dict(remote.looks)) == (1, {})
    assert (task.clips[0].arrived, arrived(house).exists()) == (None, False)


async def test_what_came_is_recorded_with_the_outcome_in_one_change(house: House, remote: Remote) -> None:
    remote.answers.append(with_audio(house))
    store = house.store()
    seen: list[Change] = []

    async def note(change: Change) -> None:
        seen.append(change)
        store.before_apply = note

    store.before_apply = note
    async with house.engine(store) as service:
        await finished(service, (await begin(service, house.request())).task)
    (learned,) = [change for change in seen if (change.attempt or {}).get("state") == "accepted"]
    assert [clip.arrived for clip in learned.step.get("clips", ())] == [str(arrived(house))]


@pytest.mark.parametrize("killed_at", range(MOST_CHANGES))
async def test_a_kill_at_any_write_sends_nothing_again_and_loses_nothing(
    killed_at: int, house: House, remote: Remote
) -> None:
    """The process dies as soon as so many changes are written; then another one finds what is there."""
    remote.answers.append(with_audio(house))
    store, recorded = house.store(), list[str]()

    async def count(change: Change) -> None:
        recorded.append((change.attempt or {}).get("state") or change.step.get("state", ""))
        store.dead = len(recorded) > killed_at
        store.before_apply = count

    store.before_apply = count
    async with house.engine(store) as service:
        task = (await begin(service, house.request())).task
        await eventually(lambda: _is_dead_or_done(service, store, task))
    house.time.skip(OVER)
    async with house.engine() as service:
        await eventually(lambda: _is_settled(service, task))
        task = await service.get(task.id)
    assert remote.sent <= 1 or task.status == "succeeded"
    if "accepted" in recorded:
        assert (task.status, remote.sent, is_whole(task)) == ("succeeded", 1, True)
    elif "submitting" in recorded:
        assert (task.status, remote.sent) == ("unknown", 1)
        assert arrived(house).exists()


async def _is_dead_or_done(service: Service, store: MortalStore, task: Task) -> bool:
    return store.dead or (await service.get(task.id)).finished


async def _is_settled(service: Service, task: Task) -> bool:
    task = await service.get(task.id)
    return task.finished or task.needs_person


async def test_half_an_answer_is_never_asked_for_again_and_its_place_is_told(house: House, remote: Remote) -> None:
    remote.answers.append(Unclear("the answer broke off; the 900 bytes of it that came are kept in /kept/att.part"))
    async with house.engine() as service:
        task = (await begin(service, house.request())).task
        await eventually(lambda: _is_settled(service, task))
        task = await service.get(task.id)
    assert task.error is not None
    assert "kept in /kept/att.part" in task.error.message
    assert remote.sent == 1


async def test_audio_that_is_gone_from_here_is_said_and_not_asked_for_again(house: House, remote: Remote) -> None:
    answered = with_audio(house)

    async def and_lost() -> Submitted:
        made = await answered()
        arrived(house).unlink()
        return made

    remote.answers.append(and_lost)
    remote.finishes = False
    async with house.engine() as service:
        task = await finished(service, (await begin(service, house.request())).task)
    assert (task.status, remote.sent) == ("succeeded", 1)
    assert "not on this machine" in "; ".join(task.warnings)


@pytest.mark.parametrize(("seconds", "lease"), [(None, SUBMIT_LEASE_MS), (10, SUBMIT_LEASE_MS), (300, 450_000)])
def test_a_request_that_is_answered_late_holds_its_step_as_long(seconds: float | None, lease: int) -> None:
    assert submit_lease_ms(seconds) == lease


async def test_what_a_killed_process_had_heard_of_an_answer_is_told(house: House, remote: Remote) -> None:
    store = house.store()

    async def killed() -> Submitted:
        store.dead = True
        (attempt,) = remote.posts
        (kept := arrived(house).with_name(f"{attempt}.part")).parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(b"x" * 900)
        return Unclear("killed")

    remote.answers.append(killed)
    async with house.engine(store) as service:
        task = (await begin(service, house.request())).task
        await eventually(lambda: _is_dead_or_done(service, store, task))
    house.time.skip(OVER)
    async with house.engine() as service:
        await eventually(lambda: _is_settled(service, task))
        error = (await service.get(task.id)).error
    assert error is not None
    assert f"900 bytes of the answer are kept in {arrived(house).parent}" in error.message
