"""What a browser gets at `/player/…`: the page, the task, its audio and its files; others get a refusal in words."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from e2e.servers import STDIO, environment, http_server, music
from support.processes import http_connection, text, view

NOBODY = "tsk_" + "0" * 32
OPUS = b"OpusHead"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("routes")


@pytest.fixture(scope="module")
def task(folder: Path) -> dict[str, Any]:
    """One of 40 s, which is more than a message carries."""
    command = [*STDIO, "extend", str(music(folder)), "--to", "40", "--json"]
    done = subprocess.run(command, env=environment(folder), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def base(folder: Path) -> Generator[str]:
    with http_server(folder) as base:
        yield base


def get(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_the_page_may_do_nothing_but_ask_its_server(base: str, task: dict[str, Any]) -> None:
    status, headers, body = get(f"{base}/player/{task['task_id']}")
    assert status == 200
    assert body.startswith(b"<!doctype html>")
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'sha256-")
    assert "connect-src 'self'" in headers["content-security-policy"]


def test_the_task_is_told_with_every_join(base: str, task: dict[str, Any]) -> None:
    status, headers, body = get(f"{base}/player/{task['task_id']}/task")
    assert (status, headers["content-type"]) == (200, "application/json")
    clip = json.loads(body)["clips"][0]
    assert len(clip["seams"]) == clip["seams_total"] > len(task["clips"][0]["seams"])
    assert clip | {"seams": []} == task["clips"][0] | {"seams": []}


@pytest.mark.anyio
async def test_play_track_tells_where_the_page_is(base: str, task: dict[str, Any]) -> None:
    async with http_connection(base, "auto") as client:
        result = await client.call_tool("play_track", {"task_id": task["task_id"]})
    page = f"{base}/player/{task['task_id']}?index=0"
    assert f"Player: {page}" in text(result)
    assert view(result)["next"].startswith(f"Open {page} in a browser")
    assert get(page)[0] == 200


@pytest.mark.anyio
async def test_nothing_is_played_on_the_machine_of_a_server_that_is_elsewhere(base: str, task: dict[str, Any]) -> None:
    async with http_connection(base, "auto") as client:
        result = await client.call_tool("play_track", {"task_id": task["task_id"], "play": True})
    assert result.is_error
    check = f"Next: open {base}/player/{task['task_id']}?index=0 in a browser."
    assert text(result).startswith("not_supported: over http nothing is played")
    assert check in text(result)


def test_a_file_comes_as_it_is(base: str, task: dict[str, Any]) -> None:
    status, headers, body = get(f"{base}/player/{task['task_id']}/file/0")
    assert (status, headers["content-type"]) == (200, "audio/wav")
    assert body == Path(task["audio"]["file"]).read_bytes()
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_audio_that_is_too_large_to_decode_at_leisure_comes_as_a_preview(base: str, task: dict[str, Any]) -> None:
    status, headers, body = get(f"{base}/player/{task['task_id']}/audio/0")
    assert (status, headers["content-type"]) == (200, "audio/ogg")
    assert OPUS in body[:64]
    assert headers["x-fermata-preview"].startswith("A%20preview%20%28Opus%2C%20")


def test_the_source_comes_too(base: str, task: dict[str, Any]) -> None:
    status, headers, body = get(f"{base}/player/{task['task_id']}/audio/source")
    assert (status, headers["content-type"]) == (200, "audio/wav")
    assert body == Path(task["source"]["ref"]).read_bytes()


@pytest.mark.parametrize("place", ["", "/task", "/audio/0", "/file/0"])
def test_an_unknown_task_is_told_in_words(base: str, place: str) -> None:
    status, _, body = get(f"{base}/player/{NOBODY}{place}")
    assert status == 404
    assert b"there is no task" in body
    assert b"Next: use list_tasks" in body


@pytest.mark.parametrize("which", ["1", "99", "100", "x", "-1", "%2e%2e"])
@pytest.mark.parametrize("kind", ["audio", "file"])
def test_audio_that_there_is_not(base: str, task: dict[str, Any], kind: str, which: str) -> None:
    status, _, body = get(f"{base}/player/{task['task_id']}/{kind}/{which}")
    assert status == 404
    assert b"not_found: " in body


def test_words_of_a_caller_are_no_markup(base: str) -> None:
    status, headers, body = get(f"{base}/player/%3Cscript%3Ehurt()%3C%2Fscript%3E")
    assert status == 404
    assert b"<script>" not in body
    assert headers["content-security-policy"] == "default-src 'none'"


@pytest.mark.parametrize("place", ["", "/task", "/audio/0", "/file/0"])
@pytest.mark.parametrize(
    ("headers", "refused"), [({"Host": "evil.example"}, 421), ({"Origin": "https://evil.example"}, 403)]
)
def test_other_hosts_and_sites_are_refused(
    base: str, task: dict[str, Any], place: str, headers: dict[str, str], refused: int
) -> None:
    assert get(f"{base}/player/{task['task_id']}{place}", **headers)[0] == refused
