"""The adapter of apiin on values alone."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fermata_mcp.domain.errors import InvalidRequest, UnknownTrack
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.apiin import SPEC, ApiinAdapter
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.providers.http.wire import Answer

ADAPTER = ApiinAdapter()
TASK = "ext2e31202d4f629447fa75f603ae2470565bksv"
URL = "https://audio.example/a.mp3?sig=1"
SONG = {
    "id": "song_a", "audio_url": URL, "status": "complete", "title": "Dawn", "duration": 186,
    "model_name": "chirp-v4-5", "fail_message": "", "error_message": "",
}  # fmt: skip
STREAM = SONG | {"status": "first"}
BROKEN = SONG | {"audio_url": "", "status": "error", "fail_message": "too \x1b[31mloud\nreally"}
KEYS = st.sampled_from(["code", "message", "error", "data", "type", "response_data", *SONG]) | st.text(max_size=5)
WORDS = st.sampled_from(["SUCCESS", "FAILED", "complete", "text", "200", URL]) | st.text(max_size=8)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=20,
)
FEEDS: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"data": st.fixed_dictionaries({"type": WORDS | JSON, "response_data": st.lists(JSON) | JSON})},
    optional={"code": JSON},
)


def answer(body: Any, status: int = 200) -> Answer:
    return Answer(status, body, "")


def feed(word: Any, *items: Any, **data: Any) -> Answer:
    return answer({"code": 200, "message": "success", "data": {"type": word, "response_data": list(items), **data}})


def look(said: Answer) -> Snapshot:
    found = ADAPTER.read_poll(said, TASK)
    assert found is not None
    return found


def body(clip: str = "gen1/0", **given: Any) -> Any:
    return ADAPTER.submit_call(Work(source_clip=clip, save_as="/nowhere/a.mp3", **given)).body


class TestAsking:
    def test_the_smallest_body_is_the_seeds(self) -> None:
        sent = body("gen1/1")
        assert sent == {"origin_task_id": "gen1", "extend_audio_index": 1, "custom_mode": False}
        assert list(sent) == ["origin_task_id", "extend_audio_index", "custom_mode"]
        assert type(sent["extend_audio_index"]) is int

    @pytest.mark.parametrize(
        ("given", "wire"),
        [
            ({"continue_at": 150.0}, {"extensionStartTime": 150}),
            ({"continue_at": 12.5}, {"extensionStartTime": 12.5}),
            ({"fields": {"style": "jazz"}}, {"style": "jazz"}), ({"fields": {"title": "T"}}, {"title": "T"}),
            ({"options": {"tags": "no drums"}}, {"tags": "no drums"}),
        ],
    )  # fmt: skip
    def test_anything_chosen_means_custom_mode_and_needs_a_prompt(self, given: Any, wire: Any) -> None:
        with pytest.raises(InvalidRequest, match="needs prompt"):
            body(**given)
        fields = {"prompt": "on"} | given.get("fields", {})
        sent = body(**given | {"fields": fields})
        assert sent == {"origin_task_id": "gen1", "extend_audio_index": 0, "custom_mode": True, "prompt": "on"} | wire
        assert [type(sent[name]) for name in wire] == [type(value) for value in wire.values()]

    def test_lyrics_win_over_a_prompt(self) -> None:
        assert body(fields={"lyrics": "la la", "prompt": "on"})["prompt"] == "la la"

    def test_the_native_callback_does_not_change_the_mode(self) -> None:
        assert body(options={"callback_url": "https://a.example/b"})["custom_mode"] is False

    def test_options_win_over_everything(self) -> None:
        sent = body(fields={"prompt": "on"}, options={"custom_mode": False, "origin_task_id": "gen2", "new": [1]})
        assert (sent["custom_mode"], sent["origin_task_id"], sent["new"]) == (False, "gen2", [1])

    @given(st.text(max_size=30) | st.from_regex(r"[a-z/ ]{0,5}/[0-9]{1,2}", fullmatch=True))
    @example("gen1/\u0660")
    @example("gen1/0\n")
    def test_any_clip_is_sent_or_refused_with_the_form(self, clip: str) -> None:
        try:
            sent = body(clip)
        except InvalidRequest as error:
            said = error.hint
        else:
            said = f"{sent['origin_task_id']}/{sent['extend_audio_index']}"
        assert said in (clip, "give clip:<task id>/0 or /1.")

    def test_where_it_asks(self) -> None:
        call = ADAPTER.poll_call("ext 1&x=2")
        assert (call.method, call.path, call.params) == ("GET", "/api/v1/audio/music/feed", {"task_id": "ext 1&x=2"})

    def test_what_is_not_offered(self, tmp_path: Any) -> None:
        assert ADAPTER.balance_call() is None
        assert ADAPTER.read_balance(answer({"credits": 5})) is None
        assert ADAPTER.upload_call(tmp_path) is None
        assert ADAPTER.read_upload(answer({"url": URL})) is None

    def test_the_facts(self) -> None:
        assert (SPEC.price.low, SPEC.price.high, SPEC.has_balance) == (5, 12, False)
        assert SPEC.sources == {"clip", "task"}
        assert not {"model", "add_seconds"} & SPEC.fields.keys()


class TestAccepted:
    @pytest.mark.parametrize(
        "said",
        [
            {"task_id": TASK},
            {"id": TASK},
            {"data": {"task_id": TASK}},
            {"id": "x", "task_id": TASK},
            {"data": {"id": TASK}},
            {"data": [{"recordId": TASK}]},
            {"data": TASK},
            [{"taskId": TASK}],
        ],
    )
    def test_the_id_wherever_it_is(self, said: Any) -> None:
        assert ADAPTER.read_submit(answer(said)) == TASK

    @pytest.mark.parametrize(
        "said",
        [
            None, [], {}, {"task_id": None}, {"task_id": ""}, {"task_id": 5}, {"task_id": "a b"}, "ext1",
            {"id": "\x00"}, {"task_id": "a" * 201}, {"data": {"id": "x y"}},
            {"error": {"message": "no"}, "id": "req_1"},
        ],
    )  # fmt: skip
    def test_else_none(self, said: Any) -> None:
        assert ADAPTER.read_submit(answer(said)) is None

    @given(JSON)
    def test_nothing_breaks_it(self, said: Any) -> None:
        found = ADAPTER.read_submit(answer(said))
        assert found is None or found.isprintable()


class TestClips:
    DONE = feed("SUCCESS", SONG, BROKEN, request_body={"model": "suno-v4-5"})

    def test_a_finished_clip_is_looked_up_by_the_feed(self) -> None:
        call = ADAPTER.clip_call(f"{TASK}/0")
        assert call is not None
        assert (call.method, call.path, call.params) == ("GET", "/api/v1/audio/music/feed", {"task_id": TASK})
        found = ADAPTER.read_clip(self.DONE, f"{TASK}/0")
        assert found is not None
        assert (found.url, found.duration_seconds, found.title, found.model) == (URL, 186, "Dawn", "chirp-v4-5")

    @pytest.mark.parametrize("clip", ["", "x", f"{TASK}/2", f"{TASK}"])
    def test_other_forms_are_not_looked_up(self, clip: str) -> None:
        assert ADAPTER.clip_call(clip) is None

    def test_an_unfinished_task_tells_no_clip(self) -> None:
        assert ADAPTER.read_clip(feed("IN_PROGRESS", SONG, STREAM), f"{TASK}/0") is None

    @pytest.mark.parametrize("said", [DONE, feed("SUCCESS", SONG), feed("FAILED", BROKEN, BROKEN)])
    def test_a_clip_that_is_not_there_is_unknown(self, said: Answer) -> None:
        with pytest.raises(UnknownTrack):
            ADAPTER.read_clip(said, f"{TASK}/1")


class TestReading:
    def test_done(self) -> None:
        found = look(feed("SUCCESS", SONG, SONG | {"id": "song_b", "duration": "210.5", "model_name": None}))
        assert (found.state, found.fraction, found.warnings) == ("succeeded", 1.0, ())
        first, second = found.clips
        assert (first.provider_clip_id, first.title, first.duration_seconds) == (f"{TASK}/0", "Dawn", 186)
        assert (first.url, first.model) == (URL, "chirp-v4-5")
        assert (second.provider_clip_id, second.duration_seconds, second.model) == (f"{TASK}/1", 210.5, None)

    def test_the_model_of_the_request_where_the_clip_has_none(self) -> None:
        said = feed("SUCCESS", SONG | {"model_name": ""}, request_body={"model": "suno-v4-5"})
        assert look(said).clips[0].model == "suno-v4-5"

    def test_an_index_counts_the_failed_too(self) -> None:
        found = look(feed("SUCCESS", BROKEN, SONG))
        assert found.state == "succeeded"
        assert [clip.provider_clip_id for clip in found.clips] == [f"{TASK}/1"]
        assert found.warnings == ("1 of 2 clips failed at apiin.",)

    @pytest.mark.parametrize(
        "said",
        [
            feed("SUCCESS", STREAM, STREAM), feed("SUCCESS", SONG, STREAM), feed(None),
            feed("IN_PROGRESS", SONG, SONG), feed("frobbing", SONG), feed(None, SONG, STREAM), feed(7, STREAM),
            feed("SUCCESS", SONG | {"status": "frobbing"}), feed("PENDING", BROKEN, STREAM), feed("", [], None),
            answer({"code": 200, "data": None}), answer({"data": []}), answer({"data": "soon"}), answer({"data": {}}),
            answer({"code": 404, "data": None}), answer(None, 404), answer("<html>", 404),
            answer({"error": {"code": 404}}, 404), answer({"code": 200, "data": {"response_data": {}}}),
        ],
    )  # fmt: skip
    def test_running(self, said: Answer) -> None:
        assert look(said).state == "running"

    @pytest.mark.parametrize("url", ["", None, "javascript:x", "https://a/\x1b"])
    def test_done_without_a_link(self, url: Any) -> None:
        found = look(feed("SUCCESS", SONG, SONG | {"audio_url": url}))
        assert (found.state, [clip.url for clip in found.clips]) == ("succeeded", [URL, None])

    def test_done_without_clips(self) -> None:
        assert [(look(said).state, look(said).clips) for said in (feed("SUCCESS"),)] == [("succeeded", ())]

    def test_only_the_provider_itself_says_that_there_is_no_such_task(self) -> None:
        assert look(answer({"error": {"code": 404, "message": "task not found"}}, 404)).unlisted
        assert look(answer({"code": 404, "data": None})).unlisted
        assert look(answer({"error": {"code": 400, "message": "task not found"}}, 400)).unlisted
        assert not look(answer("<html>", 404)).unlisted

    def test_a_reason_in_an_object(self) -> None:
        found = look(feed("FAILED", BROKEN | {"fail_message": "", "error": {"message": "matches an existing song"}}))
        assert found.error is not None
        assert (found.error.code, "existing song" in found.error.message) == ("content_rejected", True)

    def test_finished_clips_are_shown_while_the_other_is_made(self) -> None:
        found = look(feed("IN_PROGRESS", SONG, STREAM))
        assert [clip.provider_clip_id for clip in found.clips] == [f"{TASK}/0"]
        assert found.message == "first audio is ready"

    @pytest.mark.parametrize("word", ["SUCCESS", "success", "COMPLETED", None, ""])
    def test_ways_to_say_done(self, word: Any) -> None:
        assert look(feed(word, SONG, SONG)).state == "succeeded"

    def test_a_clip_without_a_state_follows_the_whole(self) -> None:
        plain = {name: value for name, value in SONG.items() if name != "status"}
        assert look(feed("SUCCESS", plain)).state == "succeeded"
        assert look(feed(None, plain)).state == "running"

    def test_a_single_clip_without_a_list(self) -> None:
        found = look(answer({"data": {"type": "SUCCESS", "response_data": SONG}}))
        assert [clip.provider_clip_id for clip in found.clips] == [f"{TASK}/0"]

    @pytest.mark.parametrize(
        "said",
        [
            feed("FAILED", BROKEN, BROKEN), feed("SUCCESS", BROKEN, BROKEN), feed("IN_PROGRESS", BROKEN, BROKEN),
            feed("GENERATE_ERROR", fail_message="too loud"), feed("SUCCESS", {"error_message": "too loud"}),
        ],
    )  # fmt: skip
    def test_failed_in_its_own_words(self, said: Answer) -> None:
        found = look(said)
        assert found.state == "failed"
        assert found.error is not None
        assert found.error.code == "generation_failed"
        assert "loud" in found.error.message
        assert found.error.message.isprintable()

    def test_failed_without_words(self) -> None:
        found = look(feed("FAILED"))
        assert found.error is not None
        assert "no reason given" in found.error.message

    def test_what_was_made_before_it_failed_is_delivered(self) -> None:
        found = look(feed("FAILED", SONG, STREAM))
        assert (found.state, len(found.clips)) == ("succeeded", 1)
        assert found.warnings

    @pytest.mark.parametrize(
        "said", [answer(None), answer([]), answer("data"), answer({}), answer({"code": 500, "data": None}),
                 answer({"data": {"type": "FAILED"}}, 502), answer({"error": {"message": "no"}}), answer(5)],
    )  # fmt: skip
    def test_no_answer_about_the_work(self, said: Answer) -> None:
        assert ADAPTER.read_poll(said, TASK) is None

    def test_provider_text_is_one_clean_short_line(self) -> None:
        clip = look(feed("SUCCESS", SONG | {"title": "A\x1b[2J\u202eB\n" + "x" * 999})).clips[0]
        assert clip.title is not None
        assert clip.title.isprintable()
        assert len(clip.title) <= 300

    def test_an_unknown_word_is_logged_once(self, caplog: pytest.LogCaptureFixture) -> None:
        for _ in range(3):
            look(feed("wibbling-once", STREAM))
        assert caplog.text.count("wibbling-once") == 1
        assert caplog.records[0].levelno == logging.WARNING

    @given(FEEDS | JSON, st.sampled_from([200, 404, 500]))
    @example(
        json.loads('{"data": {"type": "SUCCESS", "response_data": [{"duration": 1e999}, {"duration": NaN}]}}'), 200
    )
    @example({"data": {"type": "SUCCESS", "response_data": [SONG | {"duration": 10**400}]}}, 200)
    def test_nothing_breaks_it(self, said: Any, status: int) -> None:
        try:
            found = ADAPTER.read_poll(answer(said, status), TASK)
        except (ValueError, TypeError, KeyError):
            return
        for clip in found.clips if found else ():
            assert clip.url or (found and found.state == "succeeded")
            assert clip.duration_seconds is None or 0 < clip.duration_seconds < 10_000
