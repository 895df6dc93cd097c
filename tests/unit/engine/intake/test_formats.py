"""Formats at the door: what is left to a provider's decoder, what is refused in words, and what a result is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fermata_mcp.domain.errors import FermataError
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from fermata_mcp.media.formats.contents import kind_of
from support.asked import begin, extend
from support.encoded import RATE, RECIPES, encoded, music
from support.engines import House, finished

pytestmark = pytest.mark.anyio
SUNO: dict[str, Any] = {"sunoapi_api_key": "k", "sunoapi_base_url": "http://127.0.0.1:9"}
NO_AUDIO = {
    "text.m4a": b"only words, whatever the name says", "page.mp3": b"<!DOCTYPE html><p>Sorry",
    "picture.wma": b"\x89PNG\r\n\x1a\n" + bytes(400), "archive.webm": b"PK\x03\x04" + bytes(400), "empty.m4a": b"",
    "cut.wav": b"RIFF\x24\0\0\0WAVEfmt ", "bare.flac": b"fLaC\0\0\0\x22" + bytes(34),
}  # fmt: skip


async def tried(service: Service, source: Path, **fields: Any) -> Task:
    """What would be done; nothing is sent."""
    return (await service.prepare(extend(source=str(source), dry_run=True, **fields))).task


@pytest.fixture(autouse=True)
def output(house: House) -> None:
    (house.folder / "out").mkdir(exist_ok=True)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine whose processes find neither PyAV nor ffmpeg."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules['av'] = None\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("PATH", "")

    def nothing(_name: str) -> None:
        return None

    monkeypatch.setattr("fermata_mcp.media.codecs.libraries.find_spec", nothing)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(("kind", "seconds"), [("aac in m4a", 3.0), ("alac of 16 bits", 3.0), ("opus in webm", None)])
async def test_what_only_a_provider_decodes_is_left_to_it(
    kind: str, seconds: float | None, house: House, tmp_path: Path
) -> None:
    recipe = RECIPES[kind]
    source = encoded(tmp_path / f"song{recipe.ending}", recipe, music(3.0, recipe.rate))
    async with house.engine(**SUNO) as service:
        task = await tried(service, source, provider="sunoapi")
        assert task.source.duration_seconds == pytest.approx(seconds)
        assert any("nothing here decodes" in said for said in task.warnings)
        assert any(("not known" in said) == (seconds is None) for said in task.warnings)
        with pytest.raises(FermataError) as refused:
            await tried(service, source, provider="local", add_seconds=3)
        assert refused.value.code == "not_audio"
        assert "fermata-mcp[formats]" in refused.value.hint


@pytest.mark.parametrize("name", NO_AUDIO)
@pytest.mark.parametrize("decoders", ["all", "none"])
async def test_what_is_no_audio_is_refused_before_money(
    name: str, decoders: str, house: House, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if decoders == "none":
        request.getfixturevalue("bare")
    (source := tmp_path / name).write_bytes(NO_AUDIO[name])
    async with house.engine(**SUNO) as service:
        with pytest.raises(FermataError) as refused:
            await tried(service, source, provider="sunoapi")
    assert refused.value.code == "not_audio"


@pytest.mark.parametrize(
    ("kind", "name", "save_as", "ending"),
    [
        ("aac in m4a", "song.m4a", None, ".m4a"),
        ("aac in m4a", "song.wav", None, ".m4a"),
        ("aac in m4a", "song", None, ".m4a"),
        ("wma", "song.wma", None, ".m4a"),
        ("aac in m4a", "song.m4a", "long.flac", ".flac"),
        ("aac in m4a", "song.m4a", "long", ".m4a"),
        ("mp3 in wav", "song.wav", None, ".mp3"),
        ("mp3 in wav", "song.wav", "long.wav", ".wav"),
    ],
)
async def test_a_result_is_named_by_what_it_will_hold(
    kind: str, name: str, save_as: str | None, ending: str, house: House, tmp_path: Path
) -> None:
    source = encoded(tmp_path / name, RECIPES[kind], music(2.0))
    async with house.engine() as service:
        proposal = await service.prepare(extend(source=str(source), add_seconds=2, save_as=save_as, dry_run=True))
    assert Path(proposal.step.work.save_as).suffix == ending


@pytest.mark.parametrize("ending", [".wma", ".aac", ".mp4", ".mkv"])
async def test_an_ending_that_nothing_writes_is_refused_before_work(ending: str, house: House) -> None:
    async with house.engine() as service:
        with pytest.raises(FermataError, match=rf"cannot write a \{ending}"):
            await tried(service, house.track, add_seconds=2, save_as=f"long{ending}")


@pytest.mark.usefixtures("bare")
async def test_one_that_nothing_here_writes_says_what_does(house: House) -> None:
    async with house.engine() as service:
        with pytest.raises(FermataError) as refused:
            await tried(service, house.track, add_seconds=2, save_as="long.m4a")
    assert refused.value.code == "unsupported_field"
    assert "fermata-mcp[formats]" in refused.value.hint


async def test_another_format_is_another_request(house: House) -> None:
    async with house.engine() as service:
        first = await finished(service, (await begin(service, extend(source=str(house.track), add_seconds=2))).task)
        again = (await begin(service, extend(source=str(house.track), add_seconds=2, save_as="a.wav"))).task
        other = (await begin(service, extend(source=str(house.track), add_seconds=2, save_as="b.flac"))).task
        assert again.id == first.id
        assert other.id != first.id
        made = await finished(service, other)
    assert made.audio is not None
    assert kind_of(Path(made.audio.file or "")) == "flac"


async def test_a_phones_recording_is_made_longer(house: House, tmp_path: Path) -> None:
    beat = np.tile(music(0.5), (8, 1))
    source = encoded(tmp_path / "memo.m4a", RECIPES["aac in m4a"], beat)
    async with house.engine() as service:
        task = await finished(service, (await begin(service, extend(source=str(source), add_seconds=3))).task)
    assert task.status == "succeeded"
    assert task.audio is not None
    assert task.audio.duration_seconds == pytest.approx(len(beat) / RATE + 3, abs=1e-4)
    assert Path(task.audio.file or "").suffix == ".m4a"
