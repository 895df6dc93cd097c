"""No message carries more audio than its transport survives, and what is only a preview says so."""

from __future__ import annotations

import base64
from pathlib import Path

import anyio
import pytest
from mcp.types import BlobResourceContents

from fermata_mcp.domain.errors import NotFound, TooLarge
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from fermata_mcp.media.audio import probe
from fermata_mcp.surface.player import audio as room
from fermata_mcp.surface.player.audio import PREVIEW, audio_result, most_audio_bytes
from support.asked import begin, extend
from support.audio_signals import noise, save
from support.engines import House, finished
from support.hosts import M4A

pytestmark = pytest.mark.anyio
BASE = "http://127.0.0.1:1/"


async def made(house: House, service: Service, ending: str) -> Task:
    song = save(house.folder / f"song{ending}", noise(3.0, 22_050) * 0.3, 22_050)
    created = await begin(service, extend(source=str(song), provider="local", add_seconds=3))
    return await finished(service, created.task)


def content_of(file: str) -> bytes:
    return Path(file).read_bytes()


async def given(service: Service, task: Task, base: str | None, which: str = "0") -> BlobResourceContents:
    result = await audio_result(service, "fermata://x", task.id, which, base)
    content = result.contents[0]
    assert isinstance(content, BlobResourceContents)
    return content


@pytest.mark.parametrize(("over_http", "limit"), [(False, 7_000_000), (True, 700_000)])
def test_what_a_message_can_carry(over_http: bool, limit: int) -> None:
    encoded = len(base64.b64encode(b"x" * most_audio_bytes(over_http)))
    assert limit * 0.99 < encoded < limit - 3000


@pytest.mark.parametrize(
    ("ending", "kind", "base"),
    [
        (".wav", "audio/wav", None),
        (".flac", "audio/flac", BASE),
        (".ogg", "audio/ogg", None),
        (".mp3", "audio/mpeg", BASE),
    ],
)
async def test_what_is_too_large_comes_as_a_preview(
    house: House, monkeypatch: pytest.MonkeyPatch, ending: str, kind: str, base: str | None
) -> None:
    async with house.engine() as service:
        task = await made(house, service, ending)
        file = task.clips[0].file or ""
        whole = await given(service, task, base)
        assert base64.b64decode(whole.blob) == content_of(file)
        assert (whole.mime_type, whole.meta) == (kind, None)

        monkeypatch.setattr(room, "PIPE_BYTES", 16_000 + 4_000)
        monkeypatch.setattr(room, "EVENT_BYTES", 16_000 + 4_000)
        preview = await given(service, task, base)
        assert len(preview.blob) <= 16_000
        assert preview.mime_type == "audio/ogg"
        told = (preview.meta or {})[PREVIEW]
        assert told["words"].startswith("A preview (Opus, ")
        assert (told["format"], told["part"]) == ("opus", "whole")
        link = None if base is None else f"{BASE}player/{task.id}/file/0"
        assert told["original"] == {
            name: value
            for name, value in {
                "bytes": len(content_of(file)),
                "mime_type": kind,
                "file": file,
                "link": link,
            }.items()
            if value
        }
        kept = house.folder / "heard.opus"
        await anyio.Path(kept).write_bytes(base64.b64decode(preview.blob))
        assert probe(kept).duration_seconds == pytest.approx(6.0, abs=0.1)


async def test_only_a_part_comes_where_all_of_it_cannot_fit(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PIPE_BYTES", 4_000 + 4_000)
    async with house.engine() as service:
        told = ((await given(service, await made(house, service, ".wav"), None)).meta or {})[PREVIEW]
    assert told["part"] == "beginning"
    assert told["seconds"] < 3 < told["of_seconds"]
    assert f"its first {told['seconds']:.0f} s of 6" in told["words"]


async def test_the_source_can_be_heard_too(house: House) -> None:
    async with house.engine() as service:
        task = await made(house, service, ".wav")
        source = task.source.file or ""
        assert base64.b64decode((await given(service, task, None, "source")).blob) == content_of(source)
        await anyio.Path(source).unlink()
        with pytest.raises(NotFound):
            await given(service, task, None, "source")


@pytest.mark.parametrize(("base", "where"), [(None, "open /"), (BASE, f"open {BASE}player/")])
async def test_what_can_neither_be_sent_nor_decoded_is_pointed_to(
    house: House, monkeypatch: pytest.MonkeyPatch, base: str | None, where: str
) -> None:
    monkeypatch.setattr(room, "PIPE_BYTES", 4_050)
    monkeypatch.setattr(room, "EVENT_BYTES", 4_050)
    async with house.engine() as service:
        task = await made(house, service, ".wav")
        await anyio.Path(task.clips[0].file or "").write_bytes(M4A)
        with pytest.raises(TooLarge) as told:
            await given(service, task, base)
    assert told.value.hint.startswith(where)
