"""`play: true` plays exactly the clip asked for, by a program of this machine, and only after a word of the person."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import ElicitRequestParams, ElicitResult

from fermata_mcp.app import running_app
from fermata_mcp.media import playback
from support.audio_signals import noise, save
from support.engines import House, eventually, settings_in, text_of

pytestmark = pytest.mark.anyio
Answer = str | None


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A player that only writes down what it should play."""
    told, programs = tmp_path / "heard.txt", tmp_path / "programs"
    programs.mkdir()
    program = programs / "jukebox"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >> "{told}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    players = (playback.Player(("jukebox", playback.FILE)),)
    monkeypatch.setitem(playback.PLAYERS, sys.platform, players)
    return told


@asynccontextmanager
async def made(house: House, mode: str, answer: Answer, asked: list[str]) -> AsyncGenerator[tuple[Client, str, str]]:
    """A client, the id of a task and the file of its clip. The person answers `answer`; None: nobody can be asked."""

    async def person(_: Any, question: ElicitRequestParams) -> ElicitResult:
        asked.append(question.message)
        return ElicitResult.model_validate({"action": answer, "content": {} if answer == "accept" else None})

    song = save(house.folder / "song.wav", noise(1.0, 22_050) * 0.3, 22_050)
    callback: Any = None if answer is None else person
    async with (
        running_app(settings_in(house.folder), callers_are_local=True) as app,
        Client(app.server, mode=mode, elicitation_callback=callback) as client,
    ):
        arguments = {"source": str(song), "add_seconds": 1, "wait_seconds": 60}
        view: dict[str, Any] = (await client.call_tool("extend_track", arguments)).structured_content or {}
        yield client, view["task_id"], view["audio"]["file"]


@pytest.mark.parametrize(("mode", "answer"), [("auto", "accept"), ("legacy", "accept"), ("auto", None)])
async def test_it_plays_after_a_word_of_the_person(house: House, heard: Path, mode: str, answer: Answer) -> None:
    asked: list[str] = []
    async with made(house, mode, answer, asked) as (client, task_id, file):
        result = await client.call_tool("play_track", {"task_id": task_id, "play": True})

        async def was_heard() -> bool:
            return await anyio.Path(heard).exists() and file in await anyio.Path(heard).read_text()

        await eventually(was_heard)
    assert not result.is_error
    said = "It is being played on this machine by jukebox."
    assert text_of(result).startswith(said)
    view: dict[str, Any] = result.structured_content or {}
    assert said in view["warnings"]
    assert asked == ([f"Play {Path(file).name} on this computer with jukebox?"] if answer else [])


@pytest.mark.parametrize(("mode", "answer"), [("legacy", "decline"), ("auto", "cancel")])
async def test_a_no_is_a_no(house: House, heard: Path, mode: str, answer: str) -> None:
    async with made(house, mode, answer, []) as (client, task_id, _):
        result = await client.call_tool("play_track", {"task_id": task_id, "play": True})
    assert result.is_error
    assert text_of(result).startswith("cancelled: the person did not want it played")
    assert not await anyio.Path(heard).exists()


async def test_without_a_player_the_words_say_where_the_file_is(
    house: House, heard: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(playback.PLAYERS, sys.platform, (playback.Player(("no-such-player", playback.FILE)),))
    async with made(house, "auto", "accept", []) as (client, task_id, file):
        result = await client.call_tool("play_track", {"task_id": task_id, "play": True})
    assert result.is_error
    assert text_of(result).startswith("not_supported: no player was found here; looked for no-such-player.")
    assert file in text_of(result)


async def test_nothing_is_played_unasked(house: House, heard: Path) -> None:
    async with made(house, "auto", "accept", asked := []) as (client, task_id, _):
        result = await client.call_tool("play_track", {"task_id": task_id, "play": False})
    assert not result.is_error
    assert asked == []
    assert not await anyio.Path(heard).exists()
