"""The emulators themselves: strict, honest about money, real audio, scripted from another process."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import os
import subprocess
import sys
from collections.abc import Generator
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
import soundfile

from emulators import apiin, market, musicapi, suno
from emulators.audio import RATE, Studio, length, origin, until
from emulators.base import Emulator
from emulators.faults import Fault
from emulators.market import MarketEmulator
from emulators.serve import serving
from emulators.suno import SunoEmulator
from support.places import TESTS

SMALL = {"defaultParamFlag": False, "audioId": "c1", "model": "V5", "callBackUrl": "https://callback.invalid/x"}
CUSTOM = SMALL | {"defaultParamFlag": True, "continueAt": 4, "prompt": "p", "style": "s", "title": "t"}
EXTEND, LOOK = "/api/v1/generate/extend", "/api/v1/generate/record-info"


@pytest.fixture
def emulator() -> SunoEmulator:
    return suno.sunoapi(key="k")


@pytest.fixture
def client(emulator: SunoEmulator) -> Generator[httpx.Client]:
    with serving(emulator) as url, httpx.Client(base_url=url, headers={"Authorization": "Bearer k"}) as made:
        yield made


def samples(data: bytes) -> Any:
    read: Any = soundfile.read  # pyright: ignore[reportUnknownMemberType]
    return read(io.BytesIO(data))[0]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"negative_tags": "x"}, "negative_tags is not documented"),
        ({"continueAt": "4"}, "continueAt is not of type number"),
        ({"defaultParamFlag": "true"}, "defaultParamFlag is not of type boolean"),
        ({"defaultParamFlag": 1}, "defaultParamFlag is not of type boolean"),
        ({"styleWeight": True}, "styleWeight is not of type number"),
        ({"styleWeight": 0.123}, "styleWeight is not a multiple of 0.01"),
        ({"styleWeight": 1.01}, "styleWeight is outside 0 to 1"),
        ({"vocalGender": "male"}, "vocalGender is none of m, f"),
        ({"title": "x" * 101}, "title is longer than 100"),
    ],
)
def test_undocumented_bodies_are_refused_and_noted(
    client: httpx.Client, emulator: SunoEmulator, changed: dict[str, Any], problem: str
) -> None:
    said = client.post(EXTEND, json=CUSTOM | changed).json()
    assert said["code"] == 400
    assert emulator.violations == [f"POST {EXTEND}: {problem}"]
    assert emulator.ledger.submits == []


@pytest.mark.parametrize("gone", ["continueAt", "prompt", "style", "title"])
def test_custom_mode_needs_all_four(client: httpx.Client, gone: str) -> None:
    assert client.post(EXTEND, json={k: v for k, v in CUSTOM.items() if k != gone}).json()["code"] == 400
    assert client.post(EXTEND, json=CUSTOM | {"continueAt": 20}).json()["code"] == 400


def test_double_charges_are_seen(client: httpx.Client, emulator: SunoEmulator) -> None:
    for body in (SMALL, CUSTOM, SMALL):
        assert client.post(EXTEND, json=body).json()["code"] == 200
    assert len(emulator.ledger.double_charges()) == 1
    assert emulator.ledger.balance == 1000 - 3 * suno.PRICE


def test_states_advance_with_looks_or_with_the_clock(client: httpx.Client, emulator: SunoEmulator) -> None:
    def states(count: int) -> list[str]:
        task = client.post(EXTEND, json=SMALL).json()["data"]["taskId"]
        return [client.get(LOOK, params={"taskId": task}).json()["data"]["status"] for _ in range(count)]

    assert states(1) == ["SUCCESS"]
    emulator.ready_after_polls = 3
    assert states(4) == ["PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS", "SUCCESS"]
    emulator.ready_after_polls, emulator.ready_after_seconds = 0, 100
    task = client.post(EXTEND, json=SMALL).json()["data"]["taskId"]
    found: list[str] = []
    for _ in range(4):
        found.append(client.get(LOOK, params={"taskId": task}).json()["data"]["status"])
        emulator.advance(34)
    assert found == ["PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS", "SUCCESS"]


@pytest.mark.parametrize("whole", [True, False])
def test_whole_tracks_begin_as_their_source_and_parts_do_not(
    client: httpx.Client, emulator: SunoEmulator, whole: bool
) -> None:
    emulator.audio_format = "wav"
    emulator.extend_returns = "whole" if whole else "segment"
    emulator.add_clip("c1", 6.0)
    task = client.post(EXTEND, json=CUSTOM).json()["data"]["taskId"]
    told = client.get(LOOK, params={"taskId": task}).json()["data"]["response"]["sunoData"][0]
    found = samples(client.get(told["audioUrl"]).content)
    source = samples(emulator.studio.render(origin("c1", 4.0), "wav"))
    assert len(found) == round(told["duration"] * RATE)
    assert told["duration"] == (14.0 if whole else 10.0)
    assert np.array_equal(found[: len(source)], source) == whole


def test_uploads_are_kept_sample_for_sample() -> None:
    studio = Studio()
    data = studio.render(origin("x", 3.0), "wav")
    kept = studio.keep("mine", data)
    assert length(kept) == 3.0
    assert np.allclose(samples(studio.render(until(kept, 2.0), "wav")), samples(data)[: 2 * RATE], atol=1e-4)


@pytest.mark.parametrize("extension", ["mp3", "wav", "flac"])
def test_files_are_as_long_as_promised(extension: str) -> None:
    studio = Studio()
    assert len(samples(studio.render(origin("x", 7.123), extension))) == round(7.123 * RATE)


def test_the_other_ways_to_upload(client: httpx.Client, emulator: SunoEmulator) -> None:
    data = base64.b64encode(emulator.studio.render(origin("x", 2.0), "wav")).decode()
    place = {"uploadPath": "a", "fileName": "b.wav"}
    said = client.post("/api/file-base64-upload", json={"base64Data": f"data:audio/wav;base64,{data}", **place}).json()
    assert len(samples(client.get(said["data"]["downloadUrl"]).content)) == 2 * RATE
    said = client.post("/api/file-url-upload", json={"fileUrl": "https://x.test/a.mp3", "uploadPath": "a"}).json()
    assert said["success"]
    assert client.post("/api/file-base64-upload", json={"base64Data": "§", **place}).json()["code"] == 400
    assert emulator.ledger.entries == []


def test_too_many_submits_and_picky_downloads(client: httpx.Client, emulator: SunoEmulator) -> None:
    emulator.rate_limit, emulator.picky = 2, True
    assert [client.post(EXTEND, json=SMALL).json()["code"] for _ in range(3)] == [200, 200, 430]
    emulator.advance(11)
    assert client.post(EXTEND, json=SMALL).json()["code"] == 200
    url = emulator.audio_url("", next(iter(emulator.sounds)))
    assert client.get(url, headers={"User-Agent": "python-httpx/1"}).status_code == 403
    assert client.get(url, headers={"User-Agent": "fermata"}).status_code == 200


def test_callbacks_can_be_signed(client: httpx.Client, emulator: SunoEmulator) -> None:
    client.post(EXTEND, json=SMALL)
    job = next(iter(emulator.jobs.values()))
    headers, body = emulator.callback(job, "http://x.test", hmac_key="secret")
    signed = f"{job.id}.{headers['x-webhook-timestamp']}".encode()
    wanted = base64.b64encode(hmac.new(b"secret", signed, hashlib.sha256).digest()).decode()
    assert headers["x-webhook-signature"] == wanted
    assert b'"audio_url"' in body
    headers, body = emulator.callback(job, "http://x.test", "error")
    assert "x-webhook-signature" not in headers
    assert b'"code": 400' in body


def test_faults_come_in_order_and_one_of_each(client: httpx.Client, emulator: SunoEmulator) -> None:
    emulator.script("submit", Fault.answer(503, "", retry_after="1"))
    emulator.script("submit", Fault.wire("reset"), 2)
    emulator.script("submit", Fault.answer(200, {"code": 200}, charged=True))
    answer = client.post(EXTEND, json=SMALL)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    for _ in range(2):
        with pytest.raises(httpx.ReadError):
            client.post(EXTEND, json=SMALL)
    assert client.post(EXTEND, json=SMALL).json() == {"code": 200}
    assert len(emulator.ledger.submits) == 3
    assert emulator.submits_seen() == 4


@pytest.mark.parametrize("name", ["sunoapi", "kie"])
def test_a_process_is_scripted_and_read_from_outside(name: str) -> None:
    command = [sys.executable, "-m", "emulators.serve", name]
    env = os.environ | {"PYTHONPATH": str(TESTS)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with httpx.Client(base_url=url, headers={"Authorization": "Bearer emulator-key"}) as client:
                wanted = {"set": {"balance": 13.5}, "faults": [{"kind": "submit", "status": 503, "body": "x"}]}
                client.post("/_emulator/script", json=wanted).raise_for_status()
                assert client.post(EXTEND, json=SMALL).status_code == 503
                assert client.post(EXTEND, json=SMALL).json()["code"] == 200
                refused = client.post(EXTEND, json=SMALL).json()["code"]
                assert refused == (429 if name == "sunoapi" else 402)
                ledger = client.get("/_emulator/ledger").json()
        finally:
            process.kill()
    assert ledger["balance"] == 1.5
    assert [submit["body"] for submit in ledger["submits"]] == [SMALL]
    assert ledger["requests"] == {"submit": 3}
    assert ledger["violations"] == ledger["double_charges"] == []


# --- kie's job door, and bad days that can be scripted ----------------------------------------------------------------

CREATE, INFO = "/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo"
INPUT = {"audio_id": "c1", "model": "V6"}


@pytest.fixture
def jobs() -> MarketEmulator:
    return market.kie(key="k")


@pytest.fixture
def door(jobs: MarketEmulator) -> Generator[httpx.Client]:
    with serving(jobs) as url, httpx.Client(base_url=url, headers={"Authorization": "Bearer k"}) as made:
        yield made


def create(door: httpx.Client, told: dict[str, Any], route: str = market.EXTEND) -> dict[str, Any]:
    return door.post(CREATE, json={"model": route, "input": told}).json()


def info(door: httpx.Client, told: dict[str, Any] = INPUT, route: str = market.EXTEND) -> dict[str, Any]:
    return _info(door, create(door, told, route)["data"]["taskId"])


def _info(door: httpx.Client, task: str) -> dict[str, Any]:
    return door.get(INFO, params={"taskId": task}).json()["data"]


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"audioId": "c1"}, "audioId is not documented"), ({"styleWeight": 0.5}, "styleWeight is not documented"),
        ({"continue_at": "4"}, "continue_at is not of type number"), ({"model": "V99"}, "model is none of"),
        ({"variety": 5}, "variety is outside 0 to 4"), ({"duration": 30}, "duration is not documented"),
    ],
)  # fmt: skip
def test_the_job_door_is_strict(door: httpx.Client, jobs: MarketEmulator, told: dict[str, Any], problem: str) -> None:
    said = create(door, INPUT | told)
    assert (said["code"], problem in said["msg"]) == (422, True)
    assert len(jobs.violations) == 1
    assert jobs.ledger.submits == []


@pytest.mark.parametrize(
    "told",
    [{"style": "s"}, {"instrumental": True, "prompt": "p"}, {"instrumental": True, "vocal_gender": "m"},
     {"continue_at": 20, "style": "s", "title": "t", "prompt": "p"}, {"style": "s", "title": "t", "continue_at": 4}],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(door: httpx.Client, jobs: MarketEmulator, told: dict[str, Any]) -> None:
    assert create(door, INPUT | told)["code"] == 422
    assert jobs.violations == []
    assert create(door, INPUT | {"style": "s", "title": "t", "continue_at": 4, "lyrics": "la"})["code"] == 200
    assert create(door, INPUT, "ai-music-api/sing")["code"] == 422


def test_models_of_the_past_may_be_refused(door: httpx.Client, jobs: MarketEmulator) -> None:
    assert create(door, INPUT | {"model": "V5"})["code"] == 200
    jobs.retired_models = "refuse"
    assert create(door, INPUT | {"model": "V5"})["code"] == 422
    assert create(door, INPUT)["code"] == 200


def test_jobs_go_through_their_states(door: httpx.Client, jobs: MarketEmulator) -> None:
    jobs.ready_after_polls = 3
    task = create(door, INPUT)["data"]["taskId"]
    found = [_info(door, task) for _ in range(4)]
    assert [one["state"] for one in found] == ["waiting", "queuing", "generating", "success"]
    assert {one["creditsConsumed"] for one in found} == {12}
    assert len(json.loads(found[-1]["resultJson"])["data"]) == 2
    assert door.get(INFO, params={"taskId": "x"}).json()["code"] == 422
    assert door.get(LOOK, params={"taskId": task}).json()["data"]["status"] == "SUCCESS"


def test_failed_jobs_give_the_money_back_and_may_take_their_time(door: httpx.Client, jobs: MarketEmulator) -> None:
    jobs.outcome, jobs.late_refund = "GENERATE_AUDIO_FAILED", 2
    task = create(door, INPUT)["data"]["taskId"]
    found = [_info(door, task) for _ in range(4)]
    assert [(one["state"], one["failCode"], one["creditsConsumed"]) for one in found] == [
        ("fail", "501", 12), ("fail", "501", 12), ("fail", "501", 0), ("fail", "501", 0),
    ]  # fmt: skip
    assert [entry["kind"] for entry in jobs.ledger.entries] == ["charge", "refund"]


def test_a_plain_upload_fails(door: httpx.Client, jobs: MarketEmulator) -> None:
    plain = {"upload_url": "https://x.test/a.mp3", "model": "V6"}
    found = info(door, plain, market.UPLOAD)
    assert (found["state"], found["failCode"], found["creditsConsumed"]) == ("fail", "400", 0)
    assert info(door, plain | {"title": "t", "continue_at": 4}, market.UPLOAD)["state"] == "success"


@pytest.mark.parametrize("place", ["text", "empty", "broken", "response", "urls", "nowhere"])
def test_results_are_where_the_knob_says(door: httpx.Client, jobs: MarketEmulator, place: str) -> None:
    door.post("/_emulator/script", json={"set": {"result_as": place}}).raise_for_status()
    found = info(door)
    told = found.get("resultJson") or ""
    assert ("http://" in told, bool(found.get("response"))) == {
        "text": (True, True), "empty": (False, True), "broken": (False, True), "response": (False, True),
        "urls": (True, False), "nowhere": (False, False),
    }[place]  # fmt: skip


def test_a_direct_link(door: httpx.Client, jobs: MarketEmulator) -> None:
    url = json.loads(info(door)["resultJson"])["data"][0]["audio_url"]
    assert door.post("/api/v1/common/download-url", json={"url": url}).json()["data"] == url
    assert door.post("/api/v1/common/download-url", json={"url": "https://x.test"}).json()["code"] == 422


BAD_DAY = {"late_links": 1, "late_refund": 1, "done_looks": 3, "price": 7.5, "cut_audio": False}


@pytest.mark.parametrize("maker", [suno.sunoapi, market.kie, apiin.apiin, musicapi.musicapi])
def test_bad_days_are_scripted_from_outside(maker: Any) -> None:
    made: Emulator = maker()
    made.apply_script({"set": BAD_DAY})
    assert {name: getattr(made, name) for name in BAD_DAY} == BAD_DAY
    job = made.new_job({}, 12.0)
    assert (job.price, made.ledger.balance) == (7.5, 992.5)
    ready = [(made.stage(job, 4), made.has_links(job))[1] for _ in range(4)]
    assert ready == [False, True, True, True]
    assert job.outcome == made.failed_outcome
    assert made.give_back(job)
    assert made.ledger.balance == 1000


@pytest.mark.parametrize("status", [403, 404, 410, 441])
def test_expired_links(door: httpx.Client, jobs: MarketEmulator, status: int) -> None:
    url = json.loads(info(door)["resultJson"])["data"][0]["audio_url"]
    fault = {"kind": "audio", "times": 2, "status": status, "body": "gone"}
    door.post("/_emulator/script", json={"faults": [fault]}).raise_for_status()
    assert [door.get(url).status_code for _ in range(3)] == [status, status, 200]
