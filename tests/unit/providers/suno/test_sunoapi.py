"""The sunoapi dialect on values alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata_mcp.domain.errors import InvalidRequest, UnsupportedField
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.providers.http.wire import Answer
from fermata_mcp.providers.suno import kie, kie_classic, sunoapi
from fermata_mcp.providers.suno.common import SunoAdapter

CALLBACK = "https://callback.invalid/x"
SUNO = sunoapi.SunoapiAdapter(CALLBACK)
KIE = kie_classic.KieClassicAdapter(CALLBACK)
URL = "https://cdn.test/a.mp3"
VALUES: dict[str, Any] = {
    "prompt": "p", "lyrics": "l", "style": "s", "title": "t", "exclude_style": "e", "vocal_gender": "m",
    "style_weight": 0.5, "weirdness": 0.5, "audio_weight": 0.5, "persona_id": "x",
}  # fmt: skip


def body(adapter: SunoAdapter = SUNO, **given: Any) -> dict[str, Any]:
    work = Work.model_validate({"source_clip": "c1", "save_as": "/nowhere/a.mp3", **given})
    return dict(adapter.submit_call(work).body or {})


def answer(body: Any, status: int = 200) -> Answer:
    return Answer(status, body, "")


def clip(**changed: Any) -> dict[str, Any]:
    return {"id": "c2", "audioUrl": URL, "title": "T", "duration": 231.4, "modelName": "chirp-x"} | changed


def told(status: Any, *clips: Any, **data: Any) -> Answer:
    inner = {"taskId": "t", "status": status, "response": {"sunoData": list(clips)}} | data
    return answer({"code": 200, "msg": "success", "data": inner})


def test_the_model_of_a_clip_that_nobody_told_is_told() -> None:
    [note] = SUNO.notes_for(Work(source_clip="c1", save_as="/a"))
    assert "V5" in note
    for known in ({"fields": {"model": "V4"}}, {"options": {"model": "V4"}}, {"source_clip": None, "source_url": URL}):
        assert SUNO.notes_for(Work.model_validate({"source_clip": "c1", "save_as": "/a", **known})) == ()


def look(said: Answer, adapter: SunoAdapter = SUNO) -> Snapshot:
    found = adapter.read_poll(said, "t")
    assert found is not None
    return found


# --- asking ----------------------------------------------------------------------------------------------------------


def test_only_required_parameters_make_the_smallest_body() -> None:
    assert body() == {"defaultParamFlag": False, "audioId": "c1", "model": "V5", "callBackUrl": CALLBACK}


def test_a_model_alone_still_inherits_and_any_name_passes() -> None:
    found = body(fields={"model": "V99_WILD"})
    assert found["defaultParamFlag"] is False
    assert found["model"] == "V99_WILD"


@pytest.mark.parametrize("name", VALUES)
def test_any_choice_turns_custom_mode_on(name: str) -> None:
    assert body(fields={name: VALUES[name]})["defaultParamFlag"] is True


def test_a_point_to_continue_at_needs_custom_mode() -> None:
    found = body(continue_at=12.0)
    assert (found["defaultParamFlag"], found["continueAt"]) == (True, 12.0)


def test_native_custom_fields_turn_custom_mode_on_too() -> None:
    assert body(options={"negativeTags": "metal"})["defaultParamFlag"] is True
    assert body(options={"variety": 0.5})["defaultParamFlag"] is False
    assert body(options={"negativeTags": "metal", "defaultParamFlag": False})["defaultParamFlag"] is False


def test_lyrics_win_where_there_is_one_field_for_both() -> None:
    assert body(fields={"prompt": "softer", "lyrics": "la la"})["prompt"] == "la la"


@pytest.mark.parametrize(("asked", "sent"), [(1 / 3, 0.33), (0.1 + 0.2, 0.3), (0, 0), (1.0, 1.0), (0.999, 1.0)])
def test_weights_are_multiples_of_a_hundredth(asked: float, sent: float) -> None:
    assert body(fields={"weirdness": asked})["weirdnessConstraint"] == sent


def test_native_options_are_not_touched() -> None:
    assert body(fields={"weirdness": 0.5}, options={"weirdnessConstraint": 1 / 3})["weirdnessConstraint"] == 1 / 3


def test_instrumental_is_for_uploads_and_never_dropped() -> None:
    found = body(source_clip=None, source_url=URL, fields={"instrumental": True})
    assert found["instrumental"] is True
    for value in (True, False):
        with pytest.raises(UnsupportedField, match="instrumental"):
            body(fields={"instrumental": value})


def test_a_work_without_a_source_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        body(source_clip=None)


def test_upload_names_are_new_each_time_and_keep_their_ending() -> None:
    calls = [SUNO.upload_call(Path("My söng.MP3")) for _ in range(2)]
    names = [call.form["fileName"] for call in calls]
    assert names[0] != names[1]
    assert all(name.isascii() and name.endswith(".mp3") for name in names)
    assert {call.host for call in calls} == {"upload"}


# --- answers to a submit ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "remote_id"),
    [
        ({"code": 200, "data": {"taskId": "t1"}}, "t1"),
        ({"code": "200", "data": {"task_id": "t1"}}, "t1"),
        ({"code": 200, "data": {"taskId": ""}}, None),
        ({"code": 200, "data": {"taskId": 7}}, None),
        ({"code": 200, "data": {"taskId": "t\n1"}}, None),
        ({"code": 200, "data": {"taskId": "t" * 5000}}, None),
        ({"data": {"taskId": "t1"}}, "t1"),
        ({"code": 0, "data": {"taskId": "t1"}}, "t1"),
        ({"code": 300, "data": {"recordId": "t1"}}, "t1"),
        ({"code": 200, "taskId": "t1"}, "t1"),
        ({"code": 200, "data": ["t1x"]}, "t1x"),
        ({"code": 200, "data": [{"task_id": ["t1"]}]}, "t1"),
        ({"code": 200, "data": "0f3a-77"}, "0f3a-77"),
        ({"code": 200, "data": "success"}, None),
        ({"code": 200, "data": "200"}, None),
        ({"code": 200, "error": "no", "data": {"taskId": "t1"}}, None),
        ([], None),
    ],
)
def test_read_submit(said: Any, remote_id: str | None) -> None:
    assert SUNO.read_submit(answer(said)) == remote_id


def test_the_same_number_means_another_thing_on_the_other_host() -> None:
    assert sunoapi.SPEC.refusals[429].code == "insufficient_credits"
    assert not sunoapi.SPEC.refusals[429].later
    assert kie.SPEC.refusals[429].code == "rate_limited"
    assert kie.SPEC.refusals[429].later
    assert kie.SPEC.refusals[413].code == "content_rejected"


@pytest.mark.parametrize("spec", [sunoapi.SPEC, kie.SPEC])
def test_what_may_have_been_paid_is_no_refusal(spec: Any) -> None:
    assert not {200, 408, 500, 501, 502, 503, 504, 531} & spec.refusals.keys()


# --- looking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS", "GENERATING", "first_success"])
def test_running_states(status: str) -> None:
    found = look(told(status, clip(), clip(audioUrl="", streamAudioUrl="https://cdn.test/s")))
    assert found.state == "running"
    assert [clip.url for clip in found.clips] == [URL]


def test_success_carries_every_clip_with_its_facts() -> None:
    found = look(told("SUCCESS", clip(), clip(id="c3"), param=json.dumps({"model": "V4_5"})))
    assert found.state == "succeeded"
    assert found.warnings == ()
    assert [clip.provider_clip_id for clip in found.clips] == ["c2", "c3"]
    first = found.clips[0]
    assert (first.title, first.duration_seconds, first.url, first.model) == ("T", 231.4, URL, "V4_5")


@pytest.mark.parametrize("param", [None, "", "{", "[]", "7", "null", '{"model": 7}', 7, "[" * 100_000])
def test_without_the_request_the_model_is_the_clips_own_name(param: Any) -> None:
    assert look(told("SUCCESS", clip(), param=param)).clips[0].model == "chirp-x"


PLACES: list[Callable[[list[Any]], dict[str, Any]]] = [
    lambda clips: {"response": {"sunoData": clips}},
    lambda clips: {"response": {"data": clips}},
    lambda clips: {"data": clips},
    lambda clips: {"response": {"sunoData": []}, "data": clips},
    lambda clips: {"response": None, "data": [None, "x", *clips]},
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("snake", [False, True])
def test_every_place_and_both_spellings(place: Callable[[list[Any]], dict[str, Any]], snake: bool) -> None:
    item = {"id": "c2", "audio_url": URL, "title": "T", "duration": 9, "model_name": "chirp-x"} if snake else clip()
    found = look(answer({"code": "200", "data": {"status": "SUCCESS", **place([item])}}))
    assert found.state == "succeeded"
    assert (found.clips[0].url, found.clips[0].model) == (URL, "chirp-x")


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [(None, None), ("", None), ("231.4", 231.4), (231.4, 231.4), (231400, 231.4), (0, None), (-3, None), (True, None),
     ("NaN", None), (float("inf"), None), ([1], None), (10**400, None)],
)  # fmt: skip
def test_durations(duration: Any, seconds: float | None) -> None:
    assert look(told("SUCCESS", clip(duration=duration))).clips[0].duration_seconds == seconds


def test_a_success_whose_audio_is_not_ready_has_clips_without_links() -> None:
    """Whoever looks knows that it is over, and that the links are still to come."""
    stream = "https://cdn.test/s"
    for items in ([clip(audioUrl=""), clip(audioUrl=None)], [clip(), clip(audioUrl="", streamAudioUrl=stream)]):
        found = look(told("SUCCESS", *items))
        assert (found.state, found.warnings, len(found.clips)) == ("succeeded", (), 2)
        assert [one.url for one in found.clips] == [item["audioUrl"] or None for item in items]


@pytest.mark.parametrize("said", [told("SUCCESS"), told("SUCCESS", response=None)])
def test_a_success_that_names_no_clips(said: Answer) -> None:
    found = look(said)
    assert (found.state, found.clips) == ("succeeded", ())


@pytest.mark.parametrize("status", ["PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS"])
@pytest.mark.parametrize("name", ["sourceAudioUrl", "source_audio_url"])
def test_what_plays_before_the_end_is_a_stream(status: str, name: str) -> None:
    found = look(told(status, clip(audioUrl="", **{name: URL})))
    assert (found.state, found.clips) == ("running", ())


@pytest.mark.parametrize("adapter", [SUNO, KIE])
def test_credits_that_were_given_back_cost_nothing(adapter: SunoAdapter) -> None:
    assert look(told("GENERATE_AUDIO_FAILED", errorCode=531), adapter).cost == 0
    assert look(told("GENERATE_AUDIO_FAILED", errorCode=501), adapter).cost is None
    assert look(told("SUCCESS", clip(), creditsConsumed=12), adapter).cost == 12
    assert look(told("PENDING", creditsConsumed=0), adapter).cost is None


@pytest.mark.parametrize(
    ("body", "state", "code"),
    [
        ({"code": 200, "data": {"callbackType": "complete", "task_id": "t", "data": [{"id": "c", "audio_url": URL}]}},
         "succeeded", None),
        ({"code": 200, "data": {"callbackType": "first", "task_id": "t", "data": [{"stream_audio_url": URL}]}},
         "running", None),
        ({"code": 200, "data": {"callbackType": "text", "task_id": "t", "data": []}}, "running", None),
        ({"code": 531, "msg": "refunded", "data": {"callbackType": "error", "task_id": "t", "data": None}},
         "failed", "generation_failed"),
        ({"code": 400, "msg": "copyrighted lyrics", "data": {"callbackType": "failed", "task_id": "t"}},
         "failed", "content_rejected"),
    ],
)  # fmt: skip
def test_the_body_of_a_callback_can_be_read(body: Any, state: str, code: str | None) -> None:
    found = look(answer(body))
    assert (found.state, found.error.code if found.error else None) == (state, code)
    assert (found.cost == 0) == (body["code"] == 531)


@pytest.mark.parametrize("said", ["it matches an existing work of art", "Sensitive words", "copyright"])
def test_what_is_protected_or_not_wanted_is_rejected(said: str) -> None:
    found = look(told("GENERATE_AUDIO_FAILED", errorMessage=said))
    assert (found.error and found.error.code) == "content_rejected"


def test_the_upstream_copy_is_used_where_the_own_link_is_missing() -> None:
    assert look(told("SUCCESS", clip(audioUrl="", sourceAudioUrl=URL))).clips[0].url == URL
    assert look(told("SUCCESS", clip(audioUrl=None, source_audio_url=URL))).clips[0].url == URL


@pytest.mark.parametrize(
    "bad",
    [
        clip(audioUrl="", error={"message": "no"}),
        clip(audioUrl="", errorMessage="no"),
        clip(audioUrl="", status="fail"),
    ],
)
def test_one_clip_failed(bad: dict[str, Any]) -> None:
    found = look(told("SUCCESS", clip(), bad))
    assert found.state == "succeeded"
    assert len(found.clips) == 1
    assert found.warnings == ("1 of 2 clips failed.",)


def test_all_clips_failed() -> None:
    bad = clip(audioUrl="", errorMessage="no")
    found = look(told("SUCCESS", bad, bad))
    assert found.state == "failed"
    assert found.error is not None
    assert found.error.code == "generation_failed"


def test_a_failure_that_left_a_clip_behind_delivers_it() -> None:
    found = look(told("GENERATE_AUDIO_FAILED", clip(), clip(audioUrl="")))
    assert found.state == "succeeded"
    assert found.warnings


@pytest.mark.parametrize(
    ("status", "code"),
    [("CREATE_TASK_FAILED", "generation_failed"), ("GENERATE_AUDIO_FAILED", "generation_failed"),
     ("SENSITIVE_WORD_ERROR", "content_rejected"), ("CANCELLED", "generation_failed"),
     ("TASK_TIMEOUT", "generation_failed"), ("failed", "generation_failed")],
)  # fmt: skip
def test_failures(status: str, code: str) -> None:
    found = look(told(status, errorMessage="because\nof \x1b[31mthis\u202e"))
    assert found.state == "failed"
    assert found.error is not None
    assert found.error.code == code
    assert "because of [31mthis (" in found.error.message


@pytest.mark.parametrize("error_code", [413, "413", 413.0])
def test_a_known_work_is_rejected_on_kie_alone(error_code: Any) -> None:
    said = told("GENERATE_AUDIO_FAILED", errorCode=error_code)
    codes = [found.error.code for found in (look(said, SUNO), look(said, KIE)) if found.error]
    assert codes == ["generation_failed", "content_rejected"]


def test_a_failed_callback_is_no_failed_track() -> None:
    found = look(told("CALLBACK_EXCEPTION", clip(), clip()))
    assert found.state == "succeeded"
    assert found.warnings
    assert look(told("CALLBACK_EXCEPTION")).state == "running"


def test_an_unknown_word_is_running_and_noted_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert look(told("FROBBING_ONCE")).state == "running"
    assert len(caplog.records) == 1


def test_an_id_that_is_not_listed_yet_is_running() -> None:
    assert look(answer({"code": 200, "msg": "success", "data": None})).state == "running"
    assert look(answer({"code": "200"})).unlisted
    assert look(answer({"code": 404, "msg": "?", "data": None})).unlisted
    assert look(answer({"msg": "record not found"}, 404)).unlisted
    assert SUNO.read_poll(answer("<html>", 404), "t") is None
    assert not look(told("PENDING")).unlisted
    assert look(answer({"code": 422, "msg": "recordInfo is null", "data": None}), KIE).unlisted


@pytest.mark.parametrize("said", [{}, [], None, "x", {"code": 200, "data": []}, {"code": 200, "data": {}},
                                  {"code": 422, "data": None}, {"code": 500, "msg": "x", "data": None}])  # fmt: skip
def test_what_says_nothing_about_the_work(said: Any) -> None:
    assert SUNO.read_poll(answer(said), "t") is None


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "https://x.test/\x1b[2J", "ftp://x.test/a",
                                 "https://x.test/\u202ea", "https://x.test/a b", 7, {"a": 1}])  # fmt: skip
def test_only_plain_links_are_links(url: Any) -> None:
    assert look(told("SUCCESS", clip(audioUrl=url))).clips[0].url is None


def test_text_is_data() -> None:
    found = look(told("SUCCESS", clip(title="A\x1b[31m\nB\u202e" + "x" * 1000, id="c\n2"))).clips[0]
    assert found.title is not None
    assert found.title.startswith("A [31m B x")
    assert len(found.title) == 300
    assert found.provider_clip_id == "c 2"


# --- anything at all -------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["SUCCESS", URL, 10**400]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
NAMES = ["id", "audioUrl", "audio_url", "sourceAudioUrl", "streamAudioUrl", "duration", "title", "modelName", "status"]
CLIP = st.dictionaries(st.sampled_from(NAMES), JSON | st.just(URL))
WORDS = st.sampled_from(["SUCCESS", "PENDING", "FIRST_SUCCESS", "CALLBACK_EXCEPTION", "SENSITIVE_WORD_ERROR", "?"])
DATA = st.fixed_dictionaries(
    {"status": WORDS | JSON},
    optional={
        "response": st.fixed_dictionaries({}, optional={"sunoData": st.lists(CLIP | JSON, max_size=3), "data": JSON}),
        "data": JSON, "errorCode": JSON, "errorMessage": JSON, "param": JSON,
    },
)  # fmt: skip
BODY = JSON | st.fixed_dictionaries({"code": st.just(200) | JSON, "data": DATA | JSON})


@given(BODY, st.sampled_from([200, 404, 500]), st.sampled_from([SUNO, KIE]))
def test_no_answer_breaks_a_look(said: Any, status: int, adapter: SunoAdapter) -> None:
    found = adapter.read_poll(answer(said, status), "t")
    if found is None:
        return
    assert (found.error is not None) == (found.state == "failed")
    shown = [
        found.message,
        *found.warnings,
        *(part for clip in found.clips for part in (clip.title, clip.url, clip.model)),
    ]
    assert all(part is None or (part.isprintable() or "\ufffd" in part or not part.isascii()) for part in shown)


@given(BODY)
def test_no_answer_breaks_the_rest(said: Any) -> None:
    assert SUNO.read_submit(answer(said)) != ""
    balance = SUNO.read_balance(answer(said))
    assert balance is None or isinstance(balance, float)
    SUNO.read_upload(answer(said))


@pytest.mark.parametrize(
    ("data", "credits"),
    [(12, 12.0), (0.4, 0.4), ("7.5", 7.5), (0, 0.0), (-1, -1.0), (True, None), (None, None), ("x", None),
     (float("nan"), None), (10**400, None), ({}, None), ({"credits": "7.5"}, 7.5), ({"balance": 3}, 3.0)],
)  # fmt: skip
def test_balance(data: Any, credits: float | None) -> None:
    assert SUNO.read_balance(answer({"code": 200, "data": data})) == credits


def test_the_credit_call_differs_per_host() -> None:
    assert SUNO.balance_call().path == "/api/v1/generate/credit"
    assert KIE.balance_call().path == "/api/v1/chat/credit"
