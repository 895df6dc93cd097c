"""The adapter of kie on values alone: both doors, and what goes with what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata_mcp.app import read_settings
from fermata_mcp.config import InvalidSettings
from fermata_mcp.domain.errors import InvalidRequest, UnsupportedField
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.providers.http.wire import Answer
from fermata_mcp.providers.suno import kie
from support.accounts import context_of

MARKET = kie.KieAdapter()
CLASSIC = kie.KieClassicAdapter("https://callback.invalid/x")
URL = "https://files.example/c-1.mp3"
CLIP = {"id": "c-1", "title": "", "duration": 187.4, "audio_url": URL, "model_name": "chirp-x"}
FULL = {"style": "piano", "title": "Dawn", "lyrics": "la"}


def work(**given: Any) -> Work:
    return Work.model_validate({"source_clip": "a-1", "save_as": "/nowhere/a.mp3", **given})


def told(**given: Any) -> dict[str, Any]:
    return dict((MARKET.submit_call(work(**given)).body or {})["input"])


def job(state: Any, **data: Any) -> Answer:
    return Answer(200, {"code": 200, "msg": "success", "data": {"taskId": "t", "state": state, **data}}, "")


def look(said: Answer, remote_id: str = "job:t") -> Snapshot:
    found = MARKET.read_poll(said, remote_id)
    assert found is not None
    return found


# --- asking -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["prompt", "lyrics", "vocal_gender"])
@pytest.mark.parametrize("where", ["fields", "options"])
def test_instrumental_forbids_what_is_sung_and_names_it(field: str, where: str) -> None:
    with pytest.raises(UnsupportedField, match=field):
        told(**{where: {"instrumental": True, field: "m"}})
    assert told(fields={"instrumental": True}) == {"audio_id": "a-1", "model": "V6", "instrumental": True}


def test_everything_missing_is_named_at_once() -> None:
    with pytest.raises(InvalidRequest, match=r"continue_at, style, title, prompt"):
        told(options={"negative_tags": "metal"})
    with pytest.raises(InvalidRequest, match=r"needs prompt too"):
        told(continue_at=5, fields={"style": "s", "title": "t"})
    assert "prompt" not in told(continue_at=5, fields={"style": "s", "title": "t", "instrumental": True})
    assert told(continue_at=5, fields=FULL)["lyrics"] == "la"


def test_lyrics_and_prompt_are_two_fields_and_the_weaker_one_is_told() -> None:
    both = FULL | {"prompt": "softer"}
    assert {"lyrics", "prompt"} <= told(continue_at=5, fields=both).keys()
    assert any("prompt" in note for note in MARKET.notes_for(work(fields=both)))


def test_notes_on_models() -> None:
    assert [("V6" in note) for note in MARKET.notes_for(work())] == [True]
    assert ["discontinued" in note for note in MARKET.notes_for(work(fields={"model": "V5"}))] == [True]
    assert MARKET.notes_for(work(options={"model": "V6_MINI"})) == ()


def test_the_callback_address_is_beside_the_input_and_only_where_one_was_set() -> None:
    assert "callBackUrl" not in (MARKET.submit_call(work()).body or {})
    body = kie.KieAdapter("https://a.test").submit_call(work()).body or {}
    assert (body["callBackUrl"], "callBackUrl" in body["input"]) == ("https://a.test", False)
    body = MARKET.submit_call(work(options={"callBackUrl": "https://b.test"})).body or {}
    assert (body["callBackUrl"], "callBackUrl" in body["input"]) == ("https://b.test", False)


def test_what_is_known_of_a_file_or_link_is_filled_in_once() -> None:
    link = {"source_clip": None, "source_url": "https://a.test/My%20song.mp3?x=1", "source_seconds": 60.0}
    done = MARKET.complete(work(**link))
    assert (done.continue_at, done.fields) == (58, {"title": "My song"})
    assert MARKET.complete(done) == done
    assert MARKET.complete(work(source_clip=None, source_file="/a/Dawn.wav")).fields == {"title": "Dawn"}
    own = work(**link, continue_at=5, fields={"title": "Own"})
    assert MARKET.complete(own) == own
    chosen = work(**link, options={"continue_at": 7, "title": "Own"})
    assert MARKET.complete(chosen) == chosen
    assert MARKET.complete(work()) == work()
    assert any("files and links" in note for note in MARKET.notes_for(work(**link)))


@pytest.mark.parametrize(("door", "kind"), [("market", kie.KieAdapter), ("classic", kie.KieClassicAdapter)])
def test_the_door_is_a_setting(door: str, kind: type[Any]) -> None:
    made = kie.make(context_of(kie.SPEC, kie_api=door, kie_api_key="k"))
    assert type(vars(made)["_adapter"]) is kind
    assert made.spec.default_model == ("V6" if door == "market" else "V5")


def test_there_is_no_third_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_API", "window")
    with pytest.raises(InvalidSettings, match=r"wrong settings: KIE_API should be market or classic"):
        read_settings()


# --- looking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("adapter", [MARKET, CLASSIC], ids=["market", "classic"])
def test_work_is_looked_at_through_the_door_that_took_it_on(adapter: kie.KieClassicAdapter) -> None:
    assert adapter.poll_call("job:t").path == "/api/v1/jobs/recordInfo"
    assert adapter.poll_call("job:t").params == {"taskId": "t"}
    assert adapter.poll_call("t").path == "/api/v1/generate/record-info"
    older = Answer(200, {"code": 200, "data": {"status": "SUCCESS", "response": {"sunoData": [CLIP]}}}, "")
    for said, remote_id in ((job("success", resultJson=json.dumps({"data": [CLIP]})), "job:t"), (older, "t")):
        found = adapter.read_poll(said, remote_id)
        assert found is not None
        assert [clip.url for clip in found.clips] == [URL]


@pytest.mark.parametrize("state", ["waiting", "queuing", "generating", "GENERATING", "frobbing"])
def test_running(state: str) -> None:
    found = look(job(state, creditsConsumed=12, progress=40, response={"data": [CLIP]}))
    assert (found.state, found.clips, found.cost, found.fraction) == ("running", (), None, 0.4)


PLACES: dict[str, dict[str, Any]] = {
    "text": {"resultJson": json.dumps({"data": [CLIP]})}, "object": {"resultJson": {"data": [CLIP]}},
    "list": {"resultJson": json.dumps([CLIP])},
    "older names": {"resultJson": json.dumps({"response": {"sunoData": [CLIP]}})},
    "urls": {"resultJson": json.dumps({"resultUrls": [URL]})},
    "result object": {"resultJson": json.dumps({"resultObject": CLIP})},
    "empty": {"resultJson": "", "response": {"data": [CLIP]}},
    "none": {"resultJson": None, "response": {"data": [CLIP]}},
    "broken": {"resultJson": '{"data":[{"id":"', "response": {"data": [CLIP]}},
    "no clips": {"resultJson": "{}", "response": {"sunoData": [CLIP]}}, "data": {"data": [CLIP]},
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_clips_wherever_they_are(place: str) -> None:
    found = look(job("success", creditsConsumed=12, **PLACES[place]))
    assert (found.state, found.cost, [clip.url for clip in found.clips]) == ("succeeded", 12, [URL])


@pytest.mark.parametrize(
    "data", [{}, {"resultJson": ""}, {"resultJson": "{", "response": None}, {"response": {"data": []}}]
)
def test_a_success_without_clips(data: dict[str, Any]) -> None:
    found = look(job("success", **data))
    assert (found.state, found.clips) == ("succeeded", ())


def test_a_clip_whose_link_is_late() -> None:
    found = look(job("success", resultJson=json.dumps({"data": [CLIP, CLIP | {"audio_url": ""}]})))
    assert (found.state, [clip.url for clip in found.clips]) == ("succeeded", [URL, None])


@pytest.mark.parametrize(
    ("param", "model"),
    [({"model": kie.EXTEND, "input": {"model": "V6_MINI"}}, "V6_MINI"), ({"model": "V5"}, "V5"),
     ({"model": kie.EXTEND, "input": json.dumps({"model": "V6"})}, "V6"), ({"model": kie.EXTEND}, None)],
)  # fmt: skip
def test_the_model_is_that_of_the_request_and_never_a_route(param: Any, model: str | None) -> None:
    found = look(job("success", param=json.dumps(param), response={"data": [CLIP]}))
    assert found.clips[0].model == model


@pytest.mark.parametrize(
    ("code", "said", "wanted"),
    [("400", "bad", "content_rejected"), ("413", None, "content_rejected"), (413, "x", "content_rejected"),
     ("501", "out of ideas", "generation_failed"), ("500", "it matches an existing work of art", "content_rejected"),
     (None, "sensitive words", "content_rejected"), ("COPYRIGHT", None, "content_rejected"),
     (None, None, "generation_failed")],
)  # fmt: skip
def test_why_it_failed(code: Any, said: Any, wanted: str) -> None:
    found = look(job("fail", failCode=code, failMsg=said, creditsConsumed=0))
    assert (found.state, found.cost, found.error and found.error.code) == ("failed", 0, wanted)
    assert found.error is not None
    assert (said or "no reason given") in found.error.message


def test_a_failure_that_is_not_paid_back_yet_still_costs() -> None:
    assert look(job("fail", failCode="501", creditsConsumed=12)).cost == 12
    assert look(job("fail", failCode="501")).cost is None


def test_the_body_of_a_callback_is_that_of_a_poll() -> None:
    body = {"code": 501, "msg": "task failed", "data": {"taskId": "t", "state": "fail", "failCode": "400"}}
    assert look(Answer(200, body, "")).state == "failed"
    assert look(job("success", consumeCredits=12, response={"data": [CLIP]})).cost == 12


@pytest.mark.parametrize("code", [404, 422])
@pytest.mark.parametrize("remote_id", ["t", "job:t"])
def test_a_record_that_is_not_there(code: int, remote_id: str) -> None:
    found = look(Answer(200, {"code": code, "msg": "recordInfo is null", "data": None}, ""), remote_id)
    assert (found.state, found.unlisted) == ("running", True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["success", "fail", URL, "[]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*CLIP, "data", "response"]), inner),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["resultJson", "response", "param", "failCode", "failMsg", "creditsConsumed", "progress", "data"]
)


@given(st.sampled_from(["success", "fail", "waiting"]) | JSON, st.dictionaries(KEYS, JSON | JSON.map(json.dumps)))
def test_no_answer_breaks_a_look(state: Any, data: dict[str, Any]) -> None:
    found = MARKET.read_poll(job(state, **data), "job:t")
    if found is not None:
        assert (found.error is not None) == (found.state == "failed")
