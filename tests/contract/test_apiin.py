"""What only apiin does: tasks named by id and index, feeds of several shapes, extensions that may not be extended."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import pytest

from emulators.apiin import Apiin
from emulators.faults import Fault
from fermata_mcp.domain.errors import InvalidRequest, ProviderError, UnknownTrack
from fermata_mcp.domain.task import Work
from fermata_mcp.providers import apiin
from fermata_mcp.providers.base import Accepted, NotSent, Refused, Snapshot, Submitted, Unclear
from fermata_mcp.providers.http.client import HttpProvider
from support.accounts import context_of

pytestmark = pytest.mark.anyio
KEY = "aio_canary"
HERE = "http://emulator"


@dataclass
class Rig:
    provider: HttpProvider
    far: Apiin

    async def submit(self, clip: str | None = "genearlier/0", **given: Any) -> Submitted:
        return await self.provider.submit("att", Work(source_clip=clip, save_as="/nowhere/a.mp3", **given))

    async def accepted(self, clip: str = "genearlier/0", **given: Any) -> str:
        outcome = await self.submit(clip, **given)
        assert isinstance(outcome, Accepted), outcome
        return outcome.remote_id

    async def poll(self, remote_id: str) -> Snapshot:
        return await self.provider.poll(remote_id, Work(save_as="/nowhere/a.mp3"))

    async def made(self, clip: str = "genearlier/0", **given: Any) -> Snapshot:
        return await self.poll(await self.accepted(clip, **given))


@asynccontextmanager
async def rigged(**knobs: Any) -> AsyncGenerator[Rig]:
    far = Apiin(KEY, **knobs)
    host = context_of(apiin.SPEC, apiin_api_key=KEY, apiin_base_url=HERE)
    made = HttpProvider(apiin.ApiinAdapter(), host, httpx.ASGITransport(far.app))
    try:
        yield Rig(made, far)
    finally:
        await made.aclose()


async def test_the_factory_makes_a_provider() -> None:
    made = apiin.make(context_of(apiin.SPEC, apiin_api_key=KEY))
    assert made.spec is apiin.SPEC
    assert made.configured
    assert await made.balance() is None
    await made.aclose()


@pytest.mark.parametrize("reply", ["A", "B", "C"])
@pytest.mark.parametrize("status", [200, 201, 202])
async def test_every_shape_of_an_acceptance(reply: str, status: int) -> None:
    async with rigged(reply=reply, submit_status=status) as rig:
        assert (await rig.made()).state == "succeeded"
        assert len(rig.far.ledger.submits) == 1


@pytest.mark.parametrize("early", ["null", "no_items", "empty", "object", "missing"])
@pytest.mark.parametrize("errors_as_200", [False, True])
async def test_a_feed_without_clips_is_running(early: str, errors_as_200: bool) -> None:
    async with rigged(early=early, errors_as_200=errors_as_200, ready_after_polls=3) as rig:
        remote_id = await rig.accepted()
        seen = [await rig.poll(remote_id) for _ in range(4)]
        assert [snapshot.state for snapshot in seen] == ["running"] * 3 + ["succeeded"]
        assert seen[1].message == "words are ready"
        assert seen[2].message == "first audio is ready"
        assert [clip.provider_clip_id for clip in seen[2].clips] == [f"{remote_id}/0"]


@pytest.mark.parametrize(("written", "seconds"), [("number", [30, 31]), ("string", [30, 31]), ("null", [None, None])])
async def test_numbers_however_they_are_written(written: str, seconds: list[float | None]) -> None:
    async with rigged(written=written) as rig:
        assert [clip.duration_seconds for clip in (await rig.made()).clips] == seconds


async def test_a_clip_is_extended_by_task_and_index() -> None:
    async with rigged() as rig:
        first = await rig.made()
        second = await rig.made(first.clips[1].provider_clip_id)  # type: ignore[arg-type]
        assert [clip.duration_seconds for clip in second.clips] == [41, 42]
        sent = rig.far.seen[-2].json()
        assert sent == {
            "origin_task_id": rig.far.ledger.submits[0]["task"], "extend_audio_index": 1, "custom_mode": False,
        }  # fmt: skip
        assert {clip.model for clip in second.clips} == {"chirp-v4-5"}
        assert rig.far.violations == []


async def test_a_chain_that_is_not_allowed_is_refused_and_costs_nothing() -> None:
    async with rigged(extends_extensions=False) as rig:
        first = await rig.made()
        outcome = await rig.submit(first.clips[0].provider_clip_id)
        assert isinstance(outcome, Refused)
        assert outcome.error.code == "invalid_request"
        assert outcome.retry_after is None
        assert len(rig.far.ledger.submits) == 1


async def test_unfinished_unknown_and_failed_origins_are_refused() -> None:
    async with rigged(outcome="one_failed") as rig:
        half = await rig.accepted()
        assert isinstance(await rig.submit(f"{half}/1"), Refused)
        assert isinstance(await rig.submit(f"{half}/0"), Accepted)
        rig.far.ready_after_polls = 3
        assert isinstance(await rig.submit(f"{half}/0"), Refused)
        assert isinstance(await rig.submit("missing1/0"), Refused)


async def test_a_point_beyond_the_end_is_refused() -> None:
    async with rigged() as rig:
        own = await rig.made()
        outcome = await rig.submit(own.clips[0].provider_clip_id, continue_at=99, fields={"prompt": "on"})
        assert isinstance(outcome, Refused)
        assert "extensionStartTime" in outcome.error.message


async def test_new_music_starts_at_the_point() -> None:
    async with rigged() as rig:
        found = await rig.made(continue_at=12.5, fields={"prompt": "on"})
        assert [clip.duration_seconds for clip in found.clips] == [22.5, 23.5]


async def test_only_the_new_part_where_the_provider_returns_that() -> None:
    async with rigged(extend_returns="segment") as rig:
        assert [clip.duration_seconds for clip in (await rig.made()).clips] == [10, 11]


@pytest.mark.parametrize("model", ["chirp-v3-5", "chirp-v4-0", "suno-v4-5", "chirp-v5", "suno-v5-0"])
async def test_the_price_follows_the_model_within_the_range(model: str) -> None:
    async with rigged(model=model) as rig:
        await rig.accepted()
        assert apiin.SPEC.price.low <= rig.far.ledger.submits[0]["amount"] <= apiin.SPEC.price.high


async def test_one_clip_of_two() -> None:
    async with rigged(outcome="one_failed") as rig:
        found = await rig.made()
        assert found.state == "succeeded"
        assert len(found.clips) == 1
        assert found.warnings == ("1 of 2 clips failed at apiin.",)


async def test_why_it_failed_is_told() -> None:
    async with rigged(outcome="failed") as rig:
        found = await rig.made()
        assert found.error is not None
        assert "generation failed upstream" in found.error.message


async def test_clips_that_stay_streams_are_never_taken() -> None:
    async with rigged(outcome="unfinished") as rig:
        found = await rig.made()
        assert (found.state, found.clips) == ("running", ())


async def test_the_older_feed_is_asked_in_its_own_way_and_that_is_remembered() -> None:
    async with rigged(feed_query="workId") as rig:
        remote_id = await rig.accepted()
        assert [(await rig.poll(remote_id)).state for _ in range(3)] == ["succeeded"] * 3
        assert (await rig.provider.find_clip(f"{remote_id}/1")) is not None
        assert sum(seen.kind == "poll" for seen in rig.far.seen) == 5
        assert rig.far.violations == []


async def test_a_feed_that_understood_once_is_not_asked_otherwise() -> None:
    async with rigged() as rig:
        remote_id = await rig.accepted()
        assert (await rig.poll("unheard-of")).unlisted  # both ways, since nothing is known of the host yet
        await rig.poll(remote_id)
        rig.far.script("poll", Fault.answer(404, {"error": {"message": "task not found"}}))
        assert (await rig.poll(remote_id)).unlisted
        assert sum(seen.kind == "poll" for seen in rig.far.seen) == 4


async def test_a_clip_is_looked_up_for_free() -> None:
    async with rigged(outcome="one_failed") as rig:
        remote_id = await rig.accepted(fields={"prompt": "on", "title": "Dawn"}, continue_at=12.5)
        clip = await rig.provider.find_clip(f"{remote_id}/0")
        assert clip is not None
        assert (clip.title, clip.duration_seconds, clip.model) == ("Dawn", 22.5, "chirp-v4-5")
        with pytest.raises(UnknownTrack):
            await rig.provider.find_clip(f"{remote_id}/1")
        for unlisted in ("missing/0", "no-index"):
            assert await rig.provider.find_clip(unlisted) is None
        rig.far.ready_after_polls = 30
        assert await rig.provider.find_clip(f"{await rig.accepted(clip='genother/0')}/0") is None
        rig.far.script("poll", Fault.answer(500, {"message": "oops"}))
        with pytest.raises(ProviderError):
            await rig.provider.find_clip(f"{remote_id}/0")
        assert len(rig.far.ledger.submits) == 2


async def test_the_operators_callback_address_is_told() -> None:
    told = apiin.ApiinAdapter("https://hooks.test/apiin")
    sent = told.submit_call(Work(source_clip="gen1/0", save_as="/a")).body or {}
    assert (sent["callback_url"], sent["custom_mode"]) == ("https://hooks.test/apiin", False)


async def test_an_answer_lost_after_the_charge_leaves_the_outcome_open() -> None:
    async with rigged() as rig:
        rig.far.script("submit", Fault.answer(502, "<html>Bad gateway</html>", charged=True))
        assert isinstance(await rig.submit(), Unclear)
        assert len(rig.far.ledger.submits) == 1


@pytest.mark.parametrize("clip", [None, "", "gen1", "gen1/2", "gen1/-1", "gen1/01", "/0", "gen 1/0", "gen1/0/"])
async def test_other_clip_forms_are_refused_before_anything_is_sent(clip: str | None) -> None:
    async with rigged() as rig:
        outcome = await rig.submit(clip)
        assert isinstance(outcome, NotSent)
        assert isinstance(outcome.error, InvalidRequest)
        assert "clip:<task id>/0" in outcome.error.hint
        assert rig.far.seen == []


async def test_the_emulator_refuses_what_is_not_documented() -> None:
    async with rigged() as rig:
        for options in (
            {"model": "chirp-v5"},
            {"continueAt": 3},
            {"extend_audio_index": "0"},
            {"extend_audio_index": 2},
        ):
            assert isinstance(await rig.submit(options=options), Refused)
        for own in ("prompt", "style", "extensionStartTime"):
            outcome = await rig.submit(options={own: 3 if own[0] == "e" else "x", "custom_mode": False})
            assert isinstance(outcome, Refused)
        assert len(rig.far.violations) == 4
        assert rig.far.ledger.submits == []


async def test_the_emulator_makes_tasks_and_tells_their_state() -> None:
    async with rigged() as rig:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(rig.far.app), base_url=HERE, headers={"Authorization": f"Bearer {KEY}"}
        ) as client:
            made = (await client.post("/api/v1/audio/music", json={"model": "chirp-v5", "prompt": "la"})).json()
            told = (await client.get(f"/api/v1/tasks/{made['task_id']}")).json()
            assert told["status"] == "COMPLETED"
            rig.far.ready_after_polls = 6
            running = (await client.post("/api/v1/audio/music", json={"prompt": "lo"})).json()
            path = f"/api/v1/audio/music/feed?task_id={running['task_id']}"
            seen = [(await client.get(path)).json() for _ in range(5)]
            items: list[dict[str, str]] = seen[-1]["data"]["response_data"]
            stream = next(item["audio_url"] for item in items if item["status"] == "first")
            assert (await client.get(stream)).headers["content-type"] == "audio/mpeg"
        rig.far.ready_after_polls = 0
        await rig.accepted(f"{made['task_id']}/1")
        assert json.loads(rig.far.seen[-1].body)["extend_audio_index"] == 1
        assert rig.far.ledger.submits[-1]["amount"] == 12
