"""What is kept for each caller: how much it may be, and what it is called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from mcp.client import Client

from support.engines import text_of
from support.music import silence
from support.remote import Remote
from support.team import ANNA, BERT, Team, team

pytestmark = pytest.mark.anyio
NAME = "Lied — eins.wav"


async def brought(at: Team, token: str, song: bytes) -> str:
    """The id of an upload that is all here."""
    async with at.http(token) as http:
        said = (await http.post("/uploads", json={"name": NAME, "size": len(song), "resumable": True})).json()
        assert (await http.put(urlsplit(str(said["put_url"])).path, content=song)).status_code == 201
        return said["upload"]


async def test_who_has_all_that_one_may_have_begins_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remote: Remote
) -> None:
    track = silence(tmp_path / "song.wav")
    song = track.read_bytes()
    async with (
        team(tmp_path, monkeypatch, max_stored_bytes=len(song)) as at,
        at.client(ANNA) as anna,
        at.client(BERT) as bert,
    ):
        before: dict[str, Any] = {"source": str(track), "provider": "paid", "wait_seconds": 60}
        first = await anna.call_tool("extend_track", before)
        assert not first.is_error
        await brought(at, ANNA, song)
        calls: list[tuple[str, dict[str, Any]]] = [
            ("extend_track", before | {"take": 2}),
            ("extend_track", before | {"take": 2, "dry_run": True}),
            ("chain_extend", before | {"target_seconds": 40}),
            ("extend_track", {"source": str(track), "provider": "local", "add_seconds": 2}),
        ]
        for tool, more in calls:
            said = text_of(await anna.call_tool(tool, more))
            assert said.startswith(f"rate_limited: {len(song)} bytes of audio are kept for you"), (tool, more)
            assert "Next: wait until uploads expire, or have the operator remove old tasks" in said
        assert remote.sent == 1, "nothing was paid for"
        again = await anna.call_tool("extend_track", before)
        assert again.structured_content is not None
        assert first.structured_content is not None
        assert again.structured_content["task_id"] == first.structured_content["task_id"], "it repeats"
        assert not (await bert.call_tool("extend_track", before)).is_error, "each has a room of their own"


async def shown(client: Client, task_id: str) -> list[str]:
    """Everything that says what a task lengthens."""
    said = [text_of(await client.call_tool(tool, more)) for tool, more in (
        ("get_task", {"task_id": task_id}), ("list_tasks", {}), ("play_track", {"task_id": task_id}),
    )]  # fmt: skip
    data = [await client.call_tool("get_task", {"task_id": task_id}), await client.call_tool("list_tasks", {})]
    said += [json.dumps(one.structured_content, ensure_ascii=False) for one in data]
    for uri in ("fermata://tasks", f"fermata://tasks/{task_id}"):
        said += [str(getattr(one, "text", "")) for one in (await client.read_resource(uri)).contents]
    return said


async def test_an_upload_is_called_what_its_person_called_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    song = silence(tmp_path / "song.wav").read_bytes()
    async with team(tmp_path, monkeypatch) as at, at.client(ANNA) as anna:
        upload = await brought(at, ANNA, song)
        made = await anna.call_tool(
            "extend_track", {"source": upload, "provider": "local", "add_seconds": 2, "wait_seconds": 60}
        )
        assert made.structured_content is not None, made
        assert made.structured_content["source"]["ref"] == NAME
        assert "Lied" in made.structured_content["audio"]["url"], "and so is its result"
        said = [text_of(made), *await shown(anna, made.structured_content["task_id"])]
        assert not [one for one in said if upload in one]
        assert NAME in said[2], "the list"
        async with at.http(ANNA) as http:
            page = await http.get(f"/player/{made.structured_content['task_id']}/task")
            assert upload not in page.text
            assert NAME in page.json()["source"]["ref"]
