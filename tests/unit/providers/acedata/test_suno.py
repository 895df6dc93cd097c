"""AceDataCloud: what is sent for which work, and what its tasks are read as, however they are written."""

from __future__ import annotations

from typing import Any

import pytest

from contract.rigs_acedata import ACEDATA, ACEDATA_PRODUCER
from contract.wire_rig import WireRig, bench
from emulators.faults import Fault
from fermata_mcp.domain.errors import FermataError, InvalidRequest, UnsupportedField
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.acedata.common import UPLOADED
from fermata_mcp.providers.acedata.producer import ProducerAdapter
from fermata_mcp.providers.acedata.suno import SunoAdapter
from fermata_mcp.providers.base import Refused, Unclear
from support.asked import begin, chain
from support.engines import House, finished
from support.paid import ALL
from support.shop import trading

pytestmark = pytest.mark.anyio
BOTH = pytest.mark.parametrize("rig", [ACEDATA, ACEDATA_PRODUCER], ids=lambda one: one.name)
LINK = "https://music.example/song.mp3"


def work(**given: Any) -> Work:
    known: dict[str, Any] = {"save_as": "/music/out.mp3", "source_clip": "c-1", "continue_at": 58}
    return Work.model_validate(known | given)


def suno(**given: Any) -> dict[str, Any]:
    return dict(SunoAdapter().submit_call(work(**given)).body or {})


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_nothing_is_sung_that_nobody_asked_for() -> None:
    with pytest.raises(InvalidRequest, match="lyrics, instrumental or prompt") as refused:
        suno(fields={"style": "jazz"})
    assert "instrumental true" in refused.value.hint
    assert suno(fields={"instrumental": True, "style": "jazz"})["custom"] is True
    assert suno(options={"lyric_prompt": "rain"})["lyric_prompt"] == "rain"


@pytest.mark.parametrize("beside", ["lyrics", "style", "title"])
def test_a_prompt_is_not_sent_where_it_would_not_be_read(beside: str) -> None:
    with pytest.raises(UnsupportedField, match=f"prompt beside {beside}"):
        suno(fields={"prompt": "softer", beside: "x"})


@pytest.mark.parametrize("adapter", [SunoAdapter, ProducerAdapter])
def test_it_never_waits_for_the_end_in_one_answer(adapter: Any) -> None:
    made = work(fields={"lyrics": "la"})
    assert adapter().submit_call(made).body["async"] is True
    with pytest.raises(InvalidRequest, match="async"):
        adapter().submit_call(made.model_copy(update={"options": {"async": False}}))


@pytest.mark.parametrize("adapter", [SunoAdapter, ProducerAdapter])
def test_the_point_is_needed_and_may_be_given_natively(adapter: Any) -> None:
    lost = work(continue_at=None, fields={"lyrics": "la"})
    with pytest.raises(InvalidRequest, match="where new music starts"):
        adapter().submit_call(lost)
    told = adapter().submit_call(lost.model_copy(update={"options": {"continue_at": 7}}))
    assert told.body["continue_at"] == 7


def test_what_was_uploaded_is_extended_by_an_action_of_its_own() -> None:
    sent = suno(source_clip=UPLOADED + "u-1", fields={"lyrics": "la"})
    assert (sent["action"], sent["audio_id"]) == ("upload_extend", "u-1")
    assert suno(fields={"lyrics": "la"})["action"] == "extend"


@pytest.mark.parametrize("options", [{}, {"callback_url": "https://mine.test/hook"}])
def test_joining_takes_nothing_along_but_where_news_go(options: dict[str, str]) -> None:
    made = work(action="concat", fields={"lyrics": "la"}, options={"weirdness": 1} | options)
    sent = SunoAdapter().submit_call(made).body
    assert sent == {"action": "concat", "audio_id": "c-1", "async": True} | options


# --- what is read -----------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    "knobs",
    [
        {"response_as": "text"},
        {"data_as": "object", "takes": 1},
        {"state_word": "Complete"},
        {"state_word": "SUCCEEDED"},
        {"state_word": ""},
        {"duration_as": "string"},
    ],
    ids=str,
)
async def test_however_it_is_written(rig: WireRig, knobs: dict[str, Any]) -> None:
    async with bench(rig) as made:
        made.emulator.apply_script({"set": knobs})
        found = await made.over(await made.submitted())
        assert found.state == "succeeded"
        assert [clip.model for clip in found.clips] == [rig.spec.default_model] * len(found.clips)
        assert all(clip.url for clip in found.clips)


@BOTH
@pytest.mark.parametrize(("outcome", "said"), [("failed", "no worker is free"), ("rejected", "name an artist")])
async def test_an_error_as_text_is_one(rig: WireRig, outcome: str, said: str) -> None:
    async with bench(rig) as made:
        made.emulator.apply_script({"set": {"error_as": "text", "outcome": outcome}})
        found = await made.over(await made.submitted())
        assert found.error is not None
        assert said in found.error.message


@BOTH
async def test_clips_are_not_done_before_the_whole_says_so(rig: WireRig) -> None:
    """What they link to until then is a stream that ends early."""
    async with bench(rig) as made:
        made.emulator.apply_script({"set": {"without_success": 2}})
        remote_id = await made.submitted()
        looks = [await made.poll(remote_id) for _ in range(3)]
        assert [look.state for look in looks] == ["running", "running", "succeeded"]
        assert [len(look.clips) for look in looks[:2]] == [0, 0]


async def test_a_stream_is_no_link_however_it_is_called() -> None:
    task = {
        "id": "t-1",
        "request": {"model": "chirp-v5"},
        "response": {
            "success": True,
            "data": [{"id": "c", "state": "complete", "audio_url": "https://audiopipe.x/?i=c"}],
        },
    }
    async with bench(ACEDATA) as made:
        made.emulator.script("poll", Fault.answer(200, task))
        found = await made.poll("t-1")
        assert (found.state, found.clips) == ("succeeded", (Clip(provider_clip_id="c", model="chirp-v5"),))


# --- uploads ----------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("listed", [True, False])
async def test_an_upload_is_over_with_its_answer(rig: WireRig, listed: bool) -> None:
    async with bench(rig) as made:
        made.emulator.apply_script({"set": {"upload_listed": listed, "source_seconds": 131.16}})
        asked = Work(save_as="/nowhere/out.mp3", action="upload", source_url=LINK)
        remote_id = await made.submitted(asked)
        found = await made.poll(remote_id)
        [clip] = found.clips
        assert (found.state, clip.duration_seconds) == ("succeeded", 131.16)
        assert (clip.provider_clip_id or "").startswith(UPLOADED)
        assert made.emulator.ledger.entries[-1]["amount"] == 0.06


@BOTH
@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"error": {"code": "bad_request", "message": "matches an existing work"}}, "content_rejected"),
        (200, {"success": False, "error": {"code": "bad_request", "message": "not mp3"}}, "invalid_request"),
        (200, {"success": True, "data": {}}, None),
        (500, {"error": {"code": "api_error", "message": "?"}}, None),
    ],
)
async def test_an_upload_that_is_refused_or_lost(rig: WireRig, status: int, body: Any, code: str | None) -> None:
    async with bench(rig) as made:
        made.emulator.script("submit", Fault.answer(status, body))
        outcome = await made.submit(Work(save_as="/nowhere/out.mp3", action="upload", source_url=LINK))
        assert isinstance(outcome, Unclear if code is None else Refused)
        error: FermataError | None = getattr(outcome, "error", None)
        assert (error.code if error else None) == code


# --- chains -----------------------------------------------------------------------------------------------------------


async def test_a_chain_of_a_bare_clip_is_joined_by_the_provider_once(house: House) -> None:
    """What comes after is joined here, so that every further part costs an extension and nothing else."""
    [paid] = [one for one in ALL if one.name == "acedata"]
    emulator = paid.emulator("key")
    emulator.audio_format = "wav"
    async with trading(house, paid.family, emulator) as (service, _):
        asked = chain(**paid.call, provider=paid.name, target_seconds=43, max_steps=4)
        task = await finished(service, (await begin(service, asked)).task, 60)
    assert (task.status, task.audio and task.audio.whole_track) == ("succeeded", True)
    actions = [submit["body"]["action"] for submit in emulator.ledger.submits]
    assert actions == ["extend", "concat", "extend", "extend"]
    joined = emulator.ledger.submits[1]["body"]["audio_id"]
    assert emulator.ledger.submits[2]["body"]["audio_id"] == joined, (
        "the extension is extended, not what it was joined to"
    )
    assert (emulator.violations, emulator.ledger.double_charges()) == ([], [])
