"""Both MusicAPI providers against an emulator that refuses whatever the pages do not list."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import mutagen
import pytest
import soundfile

from emulators.faults import Fault
from emulators.musicapi import MusicApi
from fermata_mcp.domain.errors import AuthenticationFailed, ProviderError, ProviderUnavailable, RateLimited
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.base import Accepted, Refused, Snapshot, Submitted, Unclear
from fermata_mcp.providers.http.client import HttpProvider
from fermata_mcp.providers.musicapi import producer as musicapi_producer
from fermata_mcp.providers.musicapi import sonic as musicapi_sonic
from support.accounts import context_of

pytestmark = pytest.mark.anyio
ADAPTERS = {"sonic": musicapi_sonic.SonicAdapter, "producer": musicapi_producer.ProducerAdapter}
BOTH = pytest.mark.parametrize("product", list(ADAPTERS))
KEY = "canary-4f1c"
HERE = "http://emulator"
LINK = "https://music.example/song.mp3"


@dataclass
class Rig:
    """One provider and the emulator it talks to."""

    provider: HttpProvider
    far: MusicApi

    async def submit(self, **given: Any) -> Submitted:
        return await self.provider.submit("att", work(**given))

    async def accepted(self, **given: Any) -> str:
        outcome = await self.submit(**given)
        assert isinstance(outcome, Accepted), outcome
        return outcome.remote_id

    async def poll(self, remote_id: str) -> Snapshot:
        return await self.provider.poll(remote_id, work())

    async def made(self, **given: Any) -> Snapshot:
        return await self.poll(await self.accepted(**given))

    async def length(self, url: str | None) -> float:
        """Seconds of audio behind a link."""
        assert url is not None
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.far.app)) as client:
            answer = await client.get(url)
        info: Any = soundfile.info(io.BytesIO(answer.content))
        return info.duration

    def sent(self) -> Any:
        return self.far.seen[-1].json()


def work(**given: Any) -> Work:
    usual: dict[str, Any] = {"source_clip": "a-clip", "source_seconds": 20.0, "continue_at": 18.0}
    return Work(save_as="/music/out.mp3", **(usual | given))


@asynccontextmanager
async def rigged(product: str) -> AsyncGenerator[Rig]:
    far = MusicApi(KEY)
    adapter = ADAPTERS[product]()
    host = context_of(adapter.spec, musicapi_api_key=KEY, musicapi_base_url=HERE)
    provider = HttpProvider(adapter, host, httpx.ASGITransport(far.app))
    try:
        yield Rig(provider, far)
    finally:
        await provider.aclose()
    assert far.violations == []


# --- one extension ----------------------------------------------------------------------------------------------------


async def test_the_seeds_example_of_sonic() -> None:
    async with rigged("sonic") as rig:
        found = await rig.made(source_clip="YOUR_CLIP_ID", continue_at=None)
        post = rig.far.seen[0]
        assert (post.method, post.path) == ("POST", "/api/v1/sonic/create")
        assert post.headers["authorization"] == f"Bearer {KEY}"
        assert post.json() == {"task_type": "extend_music", "continue_clip_id": "YOUR_CLIP_ID", "mv": "sonic-v5"}
        assert (found.state, len(found.clips)) == ("succeeded", 2)
        assert await rig.length(found.clips[0].url) == pytest.approx(30, abs=0.1)
        assert rig.far.ledger.view()["submits"][0]["amount"] == 15


async def test_the_seeds_example_of_producer() -> None:
    async with rigged("producer") as rig:
        rig.far.source_seconds = 60
        words = {"prompt": "Conclude with a triumphant final chord."}
        found = await rig.made(source_clip="abc123xyz789", continue_at=45.0, add_seconds=30.0, fields=words)
        assert rig.far.seen[0].json() == {
            "task_type": "extend_music", "clip_id": "abc123xyz789", "starts_at": 45,
            "instruction": words["prompt"], "length": 30,
        }  # fmt: skip
        assert [clip.duration_seconds for clip in found.clips] == [75]
        assert rig.far.ledger.view()["submits"][0]["amount"] == 12


@BOTH
async def test_every_field_together_is_documented(product: str) -> None:
    async with rigged(product) as rig:
        words = dict.fromkeys(set(rig.provider.spec.fields) - {"continue_at", "add_seconds", "prompt"}, "words")
        numbers = dict.fromkeys(("style_weight", "weirdness", "audio_weight"), 0.5)
        chosen = words | {"instrumental": True, "vocal_gender": "m"} | numbers
        fields = {name: value for name, value in chosen.items() if name in words}
        await rig.accepted(fields=fields, add_seconds=30 if product == "producer" else None)
        assert set(rig.sent()) >= {rig.provider.spec.fields[name].wire for name in fields}


async def test_the_demands_of_the_reference_pages_are_met_once_anything_is_chosen() -> None:
    async with rigged("sonic") as rig:
        rig.far.strict_extend = True
        assert isinstance(await rig.submit(continue_at=None), Refused)
        await rig.accepted(continue_at=None, fields={"prompt": "slower"})


async def test_a_new_part_is_joined_by_the_provider() -> None:
    async with rigged("sonic") as rig:
        rig.far.extend_returns = "segment"
        part = (await rig.made()).clips[0]
        assert await rig.length(part.url) == pytest.approx(10, abs=0.1)
        whole = await rig.made(action="concat", source_clip=part.provider_clip_id)
        assert [clip.duration_seconds for clip in whole.clips] == [28]
        assert [submit["amount"] for submit in rig.far.ledger.submits] == [15, 2]


async def test_a_link_is_continued_by_sonic_in_one_call() -> None:
    async with rigged("sonic") as rig:
        found = await rig.made(source_clip=None, source_url=LINK)
        assert [(clip.whole_track, clip.duration_seconds) for clip in found.clips] == [
            (True, 28), (True, 28), (False, 10), (False, 10),
        ]  # fmt: skip
        assert await rig.length(found.clips[0].url) == pytest.approx(28, abs=0.1)
        assert rig.far.submits_seen() == 1


async def test_a_link_is_uploaded_to_producer_and_then_continued() -> None:
    async with rigged("producer") as rig:
        there = await rig.made(action="upload", source_clip=None, source_url=LINK)
        found = await rig.made(source_clip=there.clips[0].provider_clip_id, add_seconds=12.0)
        assert [clip.duration_seconds for clip in found.clips] == [30]


async def test_a_clip_is_carried_on_from_the_clip_before() -> None:
    async with rigged("sonic") as rig:
        first = (await rig.made(continue_at=None)).clips[0]
        again = await rig.made(source_clip=first.provider_clip_id, continue_at=None, fields={"model": first.model})
        assert [clip.duration_seconds for clip in again.clips] == [40, 40]
        assert rig.far.ledger.double_charges() == []


# --- what a submit can meet -------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "invalid_request"),
        (401, "authentication_failed"),
        (402, "insufficient_credits"),
        (404, "unknown_track"),
        (405, "invalid_request"),
        (410, "not_supported"),
        (413, "too_large"),
    ],
)
@pytest.mark.parametrize("place", ["error", "message", "detail"])
async def test_a_documented_refusal_ends_it_and_costs_nothing(product: str, status: int, code: str, place: str) -> None:
    async with rigged(product) as rig:
        rig.far.script("submit", Fault.answer(status, {"code": status, place: "that will not do"}))
        outcome = await rig.submit()
        assert isinstance(outcome, Refused)
        assert (outcome.error.code, outcome.retry_after) == (code, None)
        assert "that will not do" in outcome.error.message
        assert KEY not in f"{outcome.error} {rig.provider.account_id}"
        assert rig.far.ledger.submits == []


@BOTH
async def test_no_credits_left_is_told_from_words_that_were_refused(product: str) -> None:
    async with rigged(product) as rig:
        rig.far.ledger.balance = 3
        outcome = await rig.submit()
        assert isinstance(outcome, Refused)
        assert outcome.error.code == "insufficient_credits"
        rig.far.script("submit", Fault.answer(403, {"error": "lyrics contain copyrighted words"}))
        outcome = await rig.submit()
        assert isinstance(outcome, Refused)
        assert outcome.error.code == "content_rejected"
        assert rig.far.ledger.submits == []


async def test_a_retired_operation_points_to_the_other_product() -> None:
    async with rigged("producer") as rig:
        outcome = await rig.submit(options={"task_type": "swap_music_sound"})
        assert isinstance(outcome, Refused)
        assert (outcome.error.code, "musicapi-sonic" in outcome.error.hint) == ("not_supported", True)


@BOTH
@pytest.mark.parametrize(("headers", "wait"), [({}, 10), ({"retry_after": "3"}, 3)])
async def test_too_fast_may_be_sent_again_later(product: str, headers: dict[str, Any], wait: float) -> None:
    async with rigged(product) as rig:
        rig.far.script("submit", Fault.answer(429, {"message": "too fast"}, **headers))
        outcome = await rig.submit()
        assert isinstance(outcome, Refused)
        assert (outcome.error.code, outcome.retry_after) == ("rate_limited", wait)


@BOTH
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"message": "oops"}),
        (502, "<html>bad gateway</html>"),
        (503, {"message": "away"}),
        (504, {"code": 504, "message": "timed out"}),
        (408, {"message": "too slow"}),
        (200, {"message": "success"}),
        (200, "{not json"),
        (200, ""),
        (307, {}),
    ],
)
async def test_an_answer_that_settles_nothing_is_never_sent_again(product: str, status: int, body: Any) -> None:
    async with rigged(product) as rig:
        rig.far.script("submit", Fault.answer(status, body, charged=True, location="https://elsewhere.example"))
        assert isinstance(await rig.submit(), Unclear)
        assert rig.far.submits_seen() == 1
        assert len(rig.far.ledger.submits) == 1


@BOTH
async def test_an_undocumented_field_is_refused_by_the_emulator(product: str) -> None:
    with pytest.raises(AssertionError, match="bpm is not documented"):
        async with rigged(product) as rig:
            assert isinstance(await rig.submit(options={"bpm": 120}), Refused)


@BOTH
@pytest.mark.parametrize("given", [{"source_clip": "missing-1"}, {"continue_at": 99.0, "source_clip": None}])
async def test_what_does_not_exist_is_refused(product: str, given: dict[str, Any]) -> None:
    async with rigged(product) as rig:
        known = (await rig.made()).clips[0].provider_clip_id
        outcome = await rig.submit(**{**given, "source_clip": given["source_clip"] or known})
        assert isinstance(outcome, Refused)
        assert outcome.error.code == "invalid_request"


# --- what a look can meet ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("product", "dialect", "linked"),
    [("sonic", "A", False), ("sonic", "A", True), ("producer", "A", False), ("producer", "B", False)],
)
async def test_nothing_is_believed_before_every_clip_is_done(product: str, dialect: Any, linked: bool) -> None:
    async with rigged(product) as rig:
        rig.far.ready_after_polls, rig.far.dialect = 8, dialect
        source: dict[str, Any] = {"source_clip": None, "source_url": LINK} if linked else {}
        remote_id = await rig.accepted(**source)
        looks = [await rig.poll(remote_id) for _ in range(9)]
        assert [look.state for look in looks] == ["running"] * 8 + ["succeeded"]
        links = [clip.url for look in looks for clip in look.clips]
        assert not any("stream" in (url or "") for url in links)
        assert all(url for url in links)


@pytest.mark.parametrize("dialect", ["A", "B"])
@pytest.mark.parametrize("product", list(ADAPTERS))
@pytest.mark.parametrize(
    ("outcome", "code"),
    [("failed", "generation_failed"), ("rejected", "content_rejected"), ("504", "generation_failed")],
)
async def test_failed_work_is_told_with_its_reason_and_refunded(
    product: str, dialect: Any, outcome: str, code: str
) -> None:
    async with rigged(product) as rig:
        rig.far.outcome, rig.far.dialect = outcome, dialect
        before = await rig.provider.balance()
        found = await rig.made()
        assert (found.state, found.error and found.error.code) == ("failed", code)
        assert "refund" in (found.error.message if found.error else "")
        assert await rig.provider.balance() == before


async def test_one_failed_take_leaves_the_other() -> None:
    async with rigged("sonic") as rig:
        rig.far.outcome = "one_failed"
        found = await rig.made()
        assert (found.state, len(found.clips), len(found.warnings)) == ("succeeded", 1, 1)


@pytest.mark.parametrize(("full", "state", "wholes"), [("never", "running", 0), ("failed", "succeeded", 0)])
async def test_a_pair_whose_whole_is_late_or_lost(full: Any, state: str, wholes: int) -> None:
    async with rigged("sonic") as rig:
        rig.far.full_clip = full
        found = await rig.made(source_clip=None, source_url=LINK)
        assert found.state == state
        assert [clip.whole_track for clip in found.clips] == [False, False]


@BOTH
@pytest.mark.parametrize("written", ["string", "number", "integer", "milliseconds", "null"])
@pytest.mark.parametrize("shape", ["list", "object"])
async def test_every_way_an_answer_is_written(product: str, written: Any, shape: Any) -> None:
    async with rigged(product) as rig:
        rig.far.duration_as, rig.far.data_as, rig.far.takes = written, shape, 1
        found = await rig.made(add_seconds=12.0 if product == "producer" else None)
        assert found.clips[0].duration_seconds == (
            None if written == "null" else 28 if product == "sonic" else 30
        )  # fmt: skip


@BOTH
@pytest.mark.parametrize("knobs", [{"submit_code": True}, {"state_word": "Complete"}, {"model_as": "sonic"}])
async def test_every_dialect_of_the_pages(product: str, knobs: dict[str, Any]) -> None:
    async with rigged(product) as rig:
        rig.far.apply_script({"set": knobs})
        found = await rig.made()
        assert found.state == "succeeded"
        assert found.clips[0].model in (None, "sonic-v5", "Lyria 3 Pro")


@BOTH
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"message": "invalid token"}, AuthenticationFailed),
        (404, "<html>no such page</html>", ProviderError),
        (429, {"message": "too fast"}, RateLimited),
        (500, {"message": "oops"}, ProviderUnavailable),
        (502, "<html>bad gateway</html>", ProviderUnavailable),
        (504, "<html>gateway timeout</html>", ProviderUnavailable),
        (200, "{not json", ProviderError),
        (200, [1, 2], ProviderError),
    ],
)
async def test_a_bad_look_is_forgotten_by_the_next(
    product: str, status: int, body: Any, kind: type[ProviderError]
) -> None:
    async with rigged(product) as rig:
        remote_id = await rig.accepted()
        rig.far.script("poll", Fault.answer(status, body))
        with pytest.raises(kind) as caught:
            await rig.poll(remote_id)
        assert KEY not in str(caught.value)
        assert (await rig.poll(remote_id)).state == "succeeded"


@pytest.mark.parametrize("dialect", ["A", "B"])
async def test_producer_delivers_m4a(dialect: Any) -> None:
    async with rigged("producer") as rig:
        rig.far.m4a, rig.far.dialect = True, dialect
        clip = (await rig.made(add_seconds=12.0)).clips[0]
        assert clip.url is not None
        assert clip.url.endswith(".m4a")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(rig.far.app)) as client:
            answer = await client.get(clip.url)
        info: Any = mutagen.File(io.BytesIO(answer.content))  # pyright: ignore
        assert info.info.length == pytest.approx(30, abs=0.01)


# --- balance ----------------------------------------------------------------------------------------------------------


@BOTH
async def test_the_balance_is_both_kinds_of_credits(product: str) -> None:
    async with rigged(product) as rig:
        rig.far.ledger.balance = 57.5
        assert await rig.provider.balance() == 57.5
        rig.far.key = "another"
        with pytest.raises(AuthenticationFailed):
            await rig.provider.balance()
