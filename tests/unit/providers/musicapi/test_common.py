"""The MusicAPI adapters on values alone: what is asked becomes which request, which answer means what."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata_mcp.domain.errors import FermataError, InvalidRequest, NotSupported
from fermata_mcp.providers.http.wire import Answer, Call
from fermata_mcp.providers.musicapi import producer as musicapi_producer
from fermata_mcp.providers.musicapi import sonic as musicapi_sonic
from fermata_mcp.providers.musicapi.common import MusicApiAdapter
from support.musicapi import LINK, PRODUCER, SONIC, work

BOTH = pytest.mark.parametrize("adapter", [SONIC, PRODUCER], ids=["sonic", "producer"])
SEED_SONIC = '{"task_type": "extend_music", "continue_clip_id": "YOUR_CLIP_ID", "mv": "sonic-v5"}'
STRINGS = (
    "Add soaring violin strings and an uplifting orchestral build with increasing intensity. "
    "Conclude with a triumphant final chord."
)
SEED_PRODUCER = (
    '{"task_type": "extend_music", "clip_id": "abc123xyz789", "starts_at": 45, "length": 30, '
    f'"instruction": "{STRINGS}"}}'
)


def said(body: Any, status: int = 200) -> Answer:
    return Answer(status, body, "")


# --- requests -------------------------------------------------------------------------------------------------------


def test_the_seeds_own_bodies_are_sent_character_for_character() -> None:
    asked = SONIC.submit_call(work(source_clip="YOUR_CLIP_ID", source_seconds=60))
    assert json.dumps(asked.body) == SEED_SONIC
    asked = PRODUCER.submit_call(
        work(source_clip="abc123xyz789", continue_at=45.0, add_seconds=30.0, fields={"prompt": STRINGS})
    )
    assert json.dumps(asked.body) == SEED_PRODUCER


VALUES: dict[str, Any] = {"instrumental": True, "vocal_gender": "f"} | dict.fromkeys(
    ("style_weight", "weirdness", "audio_weight"), 0.5
)


@BOTH
def test_every_declared_field_is_on_the_wire_and_changes_nothing_else(adapter: MusicApiAdapter) -> None:
    for name, field in adapter.spec.fields.items():
        if name in ("continue_at", "add_seconds"):
            call = _extend(adapter, **{"continue_at": 7, name: 30})
        else:
            call = _extend(adapter, continue_at=7, fields={name: VALUES.get(name, "words")})
        plain = _extend(adapter, continue_at=7)
        wanted = 30 if name in ("continue_at", "add_seconds") else VALUES.get(name, "words")
        assert call.body is not None
        assert plain.body is not None
        assert call.body[field.wire] == wanted
        assert call.body.keys() - plain.body.keys() <= {field.wire}


def _extend(adapter: MusicApiAdapter, **given: Any) -> Call:
    assert isinstance(adapter, musicapi_sonic.SonicAdapter | musicapi_producer.ProducerAdapter)
    return adapter.submit_call(work(source_clip="c", **given))


@BOTH
def test_options_are_sent_verbatim_and_win(adapter: MusicApiAdapter) -> None:
    call = _extend(adapter, continue_at=7, options={"mv": "other", "webhook_url": "https://me.example"})
    assert call.body is not None
    assert (call.body["mv"], call.body["webhook_url"]) == ("other", "https://me.example")


def test_the_operators_webhook_is_told_wherever_something_is_made() -> None:
    hook = "https://hooks.test/musicapi"
    sonic_told, producer_told = musicapi_sonic.SonicAdapter(hook), musicapi_producer.ProducerAdapter(hook)
    calls = [sonic_told.submit_call(work(source_clip="c")), sonic_told.submit_call(work(source_url=LINK)),
             sonic_told.submit_call(work(action="concat", source_clip="c")),
             producer_told.submit_call(work(source_clip="p", continue_at=3))]  # fmt: skip
    assert [(call.body or {})["webhook_url"] for call in calls] == [hook] * 4
    assert "webhook_url" not in (producer_told.submit_call(work(action="upload", source_url=LINK)).body or {})


@pytest.mark.parametrize(
    ("adapter", "asked", "kind"),
    [
        (SONIC, {}, InvalidRequest),
        (SONIC, {"action": "upload", "source_url": LINK}, NotSupported),
        (PRODUCER, {"continue_at": 3, "source_url": LINK}, InvalidRequest),
        (PRODUCER, {"action": "upload", "source_clip": "p-1"}, InvalidRequest),
        (PRODUCER, {"action": "concat", "source_clip": "p-1"}, NotSupported),
    ],
)
def test_what_cannot_be_said_is_refused_before_anything_is_sent(
    adapter: musicapi_sonic.SonicAdapter, asked: dict[str, Any], kind: type[FermataError]
) -> None:
    with pytest.raises(kind):
        adapter.submit_call(work(**asked))


def test_a_task_id_cannot_lead_to_another_path() -> None:
    assert SONIC.poll_call("../get-credits").path == "/api/v1/sonic/task/..%2Fget-credits"
    assert PRODUCER.poll_call("a-1").path == "/api/v1/producer/task/a-1"


@BOTH
def test_files_cannot_be_uploaded(adapter: MusicApiAdapter) -> None:
    assert "file" not in adapter.spec.sources


# --- answers to a submit ----------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    "body",
    [
        {"message": "success", "task_id": "t-1"},
        {"code": 200, "message": "success", "task_id": "t-1"},
        {"taskId": "t-1"},
        {"data": {"task_id": "t-1"}},
        {"data": {"taskId": "t-1"}},
        {"data": [{"task_id": "t-1"}]},
        {"data": ["t-1"]},
        {"recordId": "t-1"},
    ],
)
def test_the_task_id_is_found(adapter: MusicApiAdapter, body: Any) -> None:
    assert adapter.read_submit(said(body)) == "t-1"


@pytest.mark.parametrize(
    "body", [None, [], "t-1", {}, {"task_id": ""}, {"task_id": None}, {"task_id": ".."}, {"task_id": "a\nb"}]
)
def test_no_task_id_is_made_up(body: Any) -> None:
    assert SONIC.read_submit(said(body)) is None


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"code": 400, "error": "continue_clip_id missing", "type": "validation_error"}, "invalid_request"),
        (401, {"message": "invalid token"}, "authentication_failed"),
        (402, {"message": "pay first"}, "insufficient_credits"),
        (403, {"message": "credits are not enough"}, "insufficient_credits"),
        (403, {"detail": "Your subscription has lapsed"}, "insufficient_credits"),
        (200, {"code": 403, "error": "Not enough balance"}, "insufficient_credits"),
        (403, {"error": "lyrics contain copyrighted words: credit card"}, "content_rejected"),
        (403, {"error": "description names an artist"}, "content_rejected"),
        (403, {"error": "pending review"}, "content_rejected"),
        (403, {"message": "access denied"}, "authentication_failed"),
        (403, None, "authentication_failed"),
        (404, {"error": "clip not found"}, "unknown_track"),
        (410, {"error": "gone"}, "not_supported"),
        (413, None, "too_large"),
        (429, {"message": "slow down"}, "rate_limited"),
    ],
)
@BOTH
def test_documented_refusals(adapter: MusicApiAdapter, status: int, body: Any, code: str) -> None:
    found = adapter.refusal(said(body, status))
    assert found is not None
    assert (found.code, found.later) == (code, status == 429)


@pytest.mark.parametrize("status", [200, 202, 307, 408, 500, 502, 503, 504])
def test_nothing_else_is_a_refusal(status: int) -> None:
    assert SONIC.refusal(said({"message": "credits lyrics forbidden"}, status)) is None


# --- answers to a look ------------------------------------------------------------------------------------------------


def clip(state: str | None = "succeeded", name: str = "c-a", **more: Any) -> dict[str, Any]:
    url = {"audio_url": f"https://cdn.example/{name}.mp3"}
    return {"clip_id": name, **url, **({} if state is None else {"state": state}), **more}


def data(*clips: Any, **more: Any) -> dict[str, Any]:
    return {"code": 200, "message": "success", "data": list(clips), **more}


NOT_READY = {"code": 202, "type": "not_ready", "error": "still processing, try again shortly"}
READINGS: list[tuple[int, Any, str]] = [
    (202, NOT_READY, "running 0"),
    (200, NOT_READY, "running 0"),
    (400, NOT_READY | {"code": 400}, "running 0"),
    (202, data(clip()), "succeeded 1"),
    (200, {"code": 200, "message": "success"}, "running 0"),
    (200, data(), "running 0"),
    (200, {"data": None}, "running 0"),
    (200, {"data": clip()}, "succeeded 1"),
    (200, data(None, 3, "x"), "running 0"),
    (200, data(clip("pending"), clip("running")), "running 0"),
    (200, data(clip(), clip("running", audio_url="https://cdn.example/stream")), "running 1"),
    (200, data(clip(), clip("failed")), "succeeded 1"),
    (200, data(clip(" Complete "), clip("SUCCESS")), "succeeded 2"),
    (200, data(clip("completed")), "succeeded 1"),
    (200, data(clip("failed"), clip("cancelled")), "failed 0"),
    (200, data(clip("transmogrifying")), "running 0"),
    (200, data(clip(None)), "running 0"),
    (200, data(clip(7)), "running 0"),  # pyright: ignore[reportArgumentType]
    (200, data({"extended": clip(), "full": None}), "running 1"),
    (200, data({"extended": clip(), "full": clip(name="f")}), "succeeded 2"),
    (200, data({"replaced": clip(), "full": clip(name="f")}), "succeeded 2"),
    (200, data({"extended": clip(), "full": clip("failed")}), "succeeded 1"),
    (200, data({"extended": clip("failed"), "full": None}), "failed 0"),
    (200, data({"extended": clip("failed"), "full": clip()}), "succeeded 1"),
    (200, data({"extended": None, "full": None}), "running 0"),
    (504, {"code": 504, "message": "task timed out"}, "failed 0"),
    (200, {"code": 504, "message": "task timed out"}, "failed 0"),
    (400, {"message": "generation failed, credits refunded"}, "failed 0"),
    # producer, where the whole has a state
    (200, {"code": 200, "status": "PENDING", "data": None}, "running 0"),
    (200, data(clip(None), status="RUNNING"), "running 0"),
    (200, data(clip(), status="RUNNING"), "running 1"),
    (200, data(clip(None), status="SUCCESS"), "succeeded 1"),
    (200, data(clip(), status="ok"), "succeeded 1"),
    (200, data(clip("running"), status="SUCCESS"), "running 0"),
    (200, data(status="SUCCESS"), "running 0"),
    (200, data(status="FAILED"), "failed 0"),
    (200, data(clip(None), status="FAILED"), "failed 0"),
    (200, data(clip(), status="FAILED"), "failed 0"),
    # no word about the task
    (504, None, "nothing"),
    (504, {"message": "Endpoint request timed out"}, "nothing"),
    (502, None, "nothing"),
    (500, {"message": "oops"}, "nothing"),
    (500, data(clip()), "nothing"),
    (500, {"status": "error"}, "nothing"),
    (401, {"message": "authentication failed"}, "nothing"),
    (404, {"error": "task not found"}, "running 0"),
    (400, {"error": "Task Not Found"}, "running 0"),
    (404, {"error": "no such route"}, "nothing"),
    (404, None, "nothing"),
    (400, {"error": "bad id"}, "nothing"),
    (429, {"message": "slow down"}, "nothing"),
    (200, None, "nothing"),
    (200, [], "nothing"),
    (307, {}, "nothing"),
]


@BOTH
@pytest.mark.parametrize(("status", "body", "meaning"), READINGS)
def test_a_look(adapter: MusicApiAdapter, status: int, body: Any, meaning: str) -> None:
    found = adapter.read_poll(said(body, status), "t-1")
    assert (f"{found.state} {len(found.clips)}" if found else "nothing") == meaning
    if found:
        assert (found.error is not None) == (found.state == "failed")
        assert not any("stream" in (one.url or "") for one in found.clips)


def test_a_retired_operation_is_the_end_of_producers_work_alone() -> None:
    found = PRODUCER.read_poll(said({"code": 410, "error": "retired"}, 410), "t-1")
    assert found is not None
    assert found.state == "failed"
    assert SONIC.read_poll(said({"code": 410, "error": "retired"}, 410), "t-1") is None


@BOTH
def test_work_that_is_not_listed_is_marked(adapter: MusicApiAdapter) -> None:
    for status, body, unlisted in ((404, {"error": "task not found"}, True), (202, NOT_READY, False)):
        found = adapter.read_poll(said(body, status), "t-1")
        assert found is not None
        assert (found.state, found.unlisted) == ("running", unlisted)


@BOTH
def test_done_without_a_link_is_done(adapter: MusicApiAdapter) -> None:
    found = adapter.read_poll(said(data(clip(audio_url=""))), "t-1")
    assert found is not None
    assert (found.state, [one.url for one in found.clips]) == ("succeeded", [None])


@BOTH
@pytest.mark.parametrize(
    "body", [{"credits": 5, "extra_credits": "2.5"}, {"data": {"credits": "7.5"}}, {"data": {"balance": 7.5}}]
)
def test_a_balance_wherever_it_is(adapter: MusicApiAdapter, body: Any) -> None:
    assert adapter.read_balance(said(body)) == 7.5


def test_a_lost_clip_is_told() -> None:
    found = SONIC.read_poll(said(data(clip(), clip("failed"))), "t-1")
    assert found is not None
    assert found.warnings == ("1 of 2 clips failed at the provider",)


def test_of_a_pair_the_whole_comes_first() -> None:
    pairs = [{"extended": clip(name=f"part{n}"), "full": clip(name=f"full{n}")} for n in (1, 2)]
    found = SONIC.read_poll(said(data(*pairs)), "t-1")
    assert found is not None
    assert [(one.provider_clip_id, one.whole_track) for one in found.clips] == [
        ("full1", True), ("full2", True), ("part1", False), ("part2", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (61, 61), (61.28, 61.28), ("61.28", 61.28), (61280, 61.28), (None, None), (0, None), (-3, None),
        ("NaN", None), ("soon", None), (True, None), ([61], None), (10**400, None),
    ],
)  # fmt: skip
def test_every_way_to_write_a_length(written: Any, read: float | None) -> None:
    found = PRODUCER.read_poll(said(data(clip(duration=written))), "t-1")
    assert found is not None
    assert found.clips[0].duration_seconds == read


@pytest.mark.parametrize(
    ("adapter", "written", "read"),
    [
        (SONIC, "chirp-v5", "sonic-v5"),
        (SONIC, "sonic-v5", "sonic-v5"),
        (SONIC, "chirp-crow", None),
        (SONIC, None, None),
        (PRODUCER, "FUZZ-2.0", "FUZZ-2.0"),
    ],
)
def test_a_model_is_named_as_it_can_be_asked_for_again(
    adapter: MusicApiAdapter, written: Any, read: str | None
) -> None:
    found = adapter.read_poll(said(data(clip(mv=written))), "t-1")
    assert found is not None
    assert found.clips[0].model == read


def test_producer_delivers_m4a_and_falls_back_to_wav() -> None:
    both = {"audio_url": "https://cdn.example/p.m4a", "wav_url": "https://cdn.example/p.wav"}
    for given_urls, url in ((both, both["audio_url"]), (both | {"audio_url": None}, both["wav_url"])):
        found = PRODUCER.read_poll(said(data(clip(None) | given_urls, status="SUCCESS")), "t-1")
        assert found is not None
        assert found.clips[0].url == url


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (data(clip("failed", error="out of memory")), "generation_failed", "(out of memory)"),
        (data(clip("failed", fail_reason="copyrighted lyrics")), "content_rejected", "(copyrighted lyrics)"),
        (
            data(clip("failed", error={"code": 7, "message": "matches existing work of art"})),
            "content_rejected",
            "(matches existing work of art)",
        ),
        (data(clip("failed", error={"detail": ["out of", "memory"]})), "generation_failed", "(out of; memory)"),
        (data(clip("failed")), "generation_failed", "failed. The"),
        (data(status="FAILED", message="upstream down; refunded."), "generation_failed", "(upstream down; refunded)"),
        ({"code": 504, "message": "timed out"}, "generation_failed", "(timed out)"),
    ],
)
def test_a_failure_says_why_and_that_it_is_refunded(body: Any, code: str, words: str) -> None:
    found = SONIC.read_poll(said(body), "t-1")
    assert found is not None
    assert found.error is not None
    assert found.error.code == code
    assert words in found.error.message
    assert "refund" in found.error.message


def test_an_unknown_state_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            SONIC.read_poll(said(data(clip("percolating"))), "t-1")
    assert sum("percolating" in line for line in caplog.messages) == 1


KEYS = st.sampled_from([
    "data", "state", "status", "code", "type", "extended", "full", "replaced", "audio_url", "duration", "clip_id", "mv",
    "message", "error", "task_id", "credits", "extra_credits", "title",
])  # fmt: skip
WORDS = st.sampled_from(["succeeded", "failed", "running", "not_ready", "SUCCESS", "https://a.example/x.mp3", "12.5"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)


@BOTH
@given(body=JSON, status=st.sampled_from([200, 202, 301, 400, 403, 404, 500, 504]))
def test_whatever_is_answered_nothing_breaks(adapter: MusicApiAdapter, body: Any, status: int) -> None:
    answer = said(body, status)
    adapter.read_submit(answer)
    adapter.refusal(answer)
    adapter.read_balance(answer)
    found = adapter.read_poll(answer, "t-1")
    if found and found.state == "succeeded":
        assert found.clips
    if found and status >= 500:
        assert found.state != "succeeded"


# --- balance ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "balance"),
    [
        ({"credits": 50, "extra_credits": 0}, 50),
        ({"credits": "12.5", "extra_credits": "7"}, 19.5),
        ({"extra_credits": 7}, 7),
        ({"credits": 0}, 0),
        ({"credits": None}, None),
        ({"credits": True}, None),
        ({"credits": "many"}, None),
        ({}, None),
        ([], None),
    ],
)
def test_both_kinds_of_credits_are_counted(body: Any, balance: float | None) -> None:
    assert SONIC.read_balance(said(body)) == balance


@BOTH
def test_the_facts_are_honest(adapter: MusicApiAdapter) -> None:
    spec = adapter.spec
    assert "not live" in spec.verified
    assert spec.submit == "at_most_once"
    assert spec.refunds
    assert spec.price.exact
    assert all(price.stated_in for price in (spec.price, *spec.other_prices.values()))
