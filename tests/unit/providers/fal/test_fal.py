"""fal: what its models are sent, byte for field; how its queue is read; and one extension from a file to a file."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx2 as httpx
import pytest

from contract.rig import work
from emulators.fal import Fal
from emulators.posts import post_of
from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.hooks import HookPost
from fermata_mcp.domain.requests.cost import work_cost
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.base import Accepted, Refused, Snapshot
from fermata_mcp.providers.fal.fal import FalAdapter
from fermata_mcp.providers.fal.spec import SPEC
from fermata_mcp.providers.http.client import HttpProvider
from support.accounts import context_of

pytestmark = pytest.mark.anyio
LINK = "https://host.example/a.mp3"
ADAPTER = FalAdapter()


def asked(add: float | None = None, options: dict[str, Any] | None = None, **fields: Any) -> Work:
    return work(source_url=LINK, add_seconds=add, fields=fields, options=options or {})


@pytest.mark.parametrize(
    ("given", "path", "body"),
    [
        (
            asked(45, style="warm piano", options={"seed": 7}), "fal-ai/ace-step/audio-outpaint",
            {"audio_url": LINK, "tags": "warm piano", "extend_after_duration": 45, "extend_before_duration": 0,
             "seed": 7},
        ),
        (
            asked(style="folk", prompt="slower", instrumental=True), "fal-ai/ace-step/audio-outpaint",
            {"audio_url": LINK, "tags": "folk, slower", "extend_after_duration": 30, "extend_before_duration": 0,
             "lyrics": "[inst]", "seed": 7001},
        ),
        (
            asked(20, model="sonauto", style="folk, warm", lyrics="la"), "sonauto/v2/extend",
            {"audio_url": LINK, "side": "right", "num_songs": 1, "output_format": "flac", "extend_duration": 20,
             "tags": ["folk", "warm"], "lyrics_prompt": "la", "seed": 7001},
        ),
        (
            asked(model="stable-audio", prompt="rain", exclude_style="drums"),
            "fal-ai/stable-audio-3/medium/audio-outpainting",
            {"audio_url": LINK, "prompt": "rain", "negative_prompt": "drums", "seed": 7001},
        ),
    ],
)  # fmt: skip
def test_each_model_is_sent_its_own_fields(given: Work, path: str, body: dict[str, Any]) -> None:
    call = ADAPTER.submit_call(given)
    assert (call.method, call.path, call.body, call.params) == ("POST", f"/{path}", body, {})


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (asked(model="mureka"), "mureka"),
        (asked(20, model="stable-audio"), "add_seconds"),
        (asked(exclude_style="drums"), "exclude_style"),
        (asked(model="sonauto"), "sonauto takes prompt"),
        (asked(model="sonauto", lyrics="la"), "sonauto takes prompt"),
        (asked(model="sonauto", prompt="a", style="b", lyrics="c"), "not all three"),
        (asked(options={"num_songs": 2}), r"options\.num_songs"),
        (asked(options={"extend_before_duration": 9}), r"options\.extend_before_duration"),
    ],
)
def test_what_a_model_cannot_be_told_is_refused_before_it_is_paid(given: Work, named: str) -> None:
    with pytest.raises(InvalidRequest, match=named) as refused:
        ADAPTER.submit_call(given)
    assert refused.value.hint


def test_a_neutral_style_is_said_to_be_sent() -> None:
    assert len(ADAPTER.notes_for(asked())) == 1
    assert not ADAPTER.notes_for(asked(style="folk"))
    assert not ADAPTER.notes_for(asked(model="sonauto", prompt="a"))


@pytest.mark.parametrize(
    ("given", "least", "most"),
    [
        (asked(), 6_000, 18_000),
        (asked(40), 8_000, 20_000),
        (asked(40, options={"extend_after_duration": 100}), 20_000, 32_000),
        (asked(model="sonauto", prompt="a"), 75_000, 75_000),
        (asked(model="stable-audio"), 44_600, 44_600),
    ],
)
def test_the_larger_of_two_prices_is_held_of_what_is_sent(given: Work, least: int, most: int) -> None:
    cost = work_cost(given.model_copy(update={"source_seconds": 500.0, "sent_seconds": 60.0}), SPEC)
    assert (cost.low, cost.high, cost.unit) == (least, most, "usd")


def far_side(emulator: Fal) -> HttpProvider:
    given: Any = {
        "fal_key": emulator.key,
        "fal_base_url": "http://emulator.test",
        "fal_upload_url": "http://emulator.test",
    }
    return HttpProvider(FalAdapter(), context_of(SPEC, **given), httpx.ASGITransport(app=emulator.app))


async def submitted(provider: HttpProvider, given: Work | None = None) -> str:
    outcome = await provider.submit("att_1", given or asked(10))
    assert isinstance(outcome, Accepted), outcome
    return outcome.remote_id


async def over(provider: HttpProvider, remote_id: str) -> Snapshot:
    for _ in range(9):
        found = await provider.poll(remote_id, asked(10))
        if found.state != "running":
            return found
    raise AssertionError("it never ended")


@pytest.mark.parametrize(
    "knobs",
    [
        {}, {"status_code": 202, "lower": True}, {"audio_as": "list"}, {"audio_as": "link"}, {"audio_as": "audio_url"},
        {"early": 2}, {"with_urls": False},
    ],
)  # fmt: skip
async def test_the_queue_is_asked_until_the_result_is_there(knobs: dict[str, Any]) -> None:
    emulator = Fal()
    emulator.ready_after_polls = 2
    emulator.apply_script({"set": knobs})
    provider = far_side(emulator)
    remote_id = await submitted(provider)
    first = await provider.poll(remote_id, asked(10))
    assert (first.state, first.message) == ("running", "waits in fal's queue, 3 before it")
    found = await over(provider, remote_id)
    assert found.state == "succeeded"
    assert [clip.url for clip in found.clips] == [f"http://localhost/files/{remote_id.partition('|')[2]}.wav"]
    assert emulator.violations == []


@pytest.mark.parametrize(
    ("outcome", "code", "cost", "said"),
    [
        ("failed", "generation_failed", 0.0, "runner died"),
        ("timeout", "generation_failed", 0.0, "too long"),
        ("rejected", "content_rejected", None, "content was flagged"),
        ("bad audio", "generation_failed", None, "tags: too long"),
        ("no audio", "generation_failed", None, "without audio"),
    ],
)
async def test_completed_alone_is_no_success(outcome: str, code: str, cost: float | None, said: str) -> None:
    emulator = Fal()
    emulator.outcome = outcome
    provider = far_side(emulator)
    found = await over(provider, await submitted(provider))
    assert (found.state, found.cost) == ("failed", cost)
    assert found.error is not None
    assert (found.error.code, said in found.error.message) == (code, True)


async def test_an_account_without_money_is_told_from_a_key_that_may_not() -> None:
    emulator = Fal()
    emulator.locked = True
    refused = await far_side(emulator).submit("att_1", asked(10))
    assert isinstance(refused, Refused)
    assert refused.error.code == "insufficient_credits"
    assert emulator.ledger.submits == []


async def test_work_is_cancelled_there_until_it_is_over() -> None:
    emulator = Fal()
    emulator.ready_after_polls = 2
    provider = far_side(emulator)
    remote_id = await submitted(provider)
    assert await provider.stop(remote_id)
    assert emulator.jobs[remote_id.partition("|")[2]].data["cancelled"]
    await over(provider, remote_id)
    assert not await provider.stop(remote_id)
    assert not await provider.stop("fal-ai/ace-step|unknown")


async def test_an_address_for_news_goes_into_the_query_and_its_signed_post_is_a_hint() -> None:
    emulator = Fal()
    provider = far_side(emulator)
    hook = "https://me.example/hooks/1"
    remote_id = await submitted(provider, asked(10, options={"fal_webhook": hook}))
    job = emulator.jobs[remote_id.partition("|")[2]]
    assert job.data["webhook"] == hook
    assert "fal_webhook" not in job.body
    post = post_of(emulator, job)
    news = await provider.read_news(HookPost(post.body, json.loads(post.body), post.headers, at=time.time()))
    assert news is not None
    assert news.remote_id is None
