"""The picture of a finished track: what is on it, and when it is not drawn."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from fermata_mcp.cli.presenting.plot import draw_task, drawn, target_of
from fermata_mcp.domain.errors import InvalidRequest, NotFound, NotSupported
from support.processes import write_beat

SEAMS = [
    {"at": 4.0, "from": 4.0, "to": 1.0, "blend_ms": 20, "confidence": 0.97},
    {"at": 8.0, "from": 5.0, "to": 2.0, "blend_ms": 20, "confidence": 0.5},
]
SEEN: dict[str, Any] = {"seconds": 12.0, "low": [-0.5] * 40, "high": [0.5] * 40, "chroma": [[0.1] * 20] * 12}


def view(file: str | None = None, **clip: Any) -> dict[str, Any]:
    told = {"file": file, "seams": SEAMS, "continue_at": 4.0, "whole_track": True} | clip
    audio = {"file": file} if file else None
    return {
        "audio": audio,
        "clips": [told],
        "source": {"duration_seconds": 6.0},
        "provider": "local",
        "task_id": "tsk_1",
    }


@pytest.fixture
def figure() -> Any:
    pytest.importorskip("matplotlib")
    return drawn(SEEN, told := view("/music/so$ng_x.wav"), told["clips"][0])


def test_every_axis_is_named_and_time_is_in_minutes(figure: Any) -> None:
    wave, chroma, places = figure.axes
    assert [axis.get_ylabel() for axis in figure.axes] == ["waveform", "chroma (pitch)", "place in the source (min:s)"]
    assert places.get_xlabel() == "time in the result (min:s)"
    figure.canvas.draw()
    assert "0:05" in [label.get_text() for label in places.get_xticklabels()]
    assert [label.get_text() for label in chroma.get_yticklabels()][:2] == ["C", "C#"]
    assert [text.get_text() for text in wave.texts] == ["1\n97%", "2\n50%"]
    assert figure.get_suptitle() == "so$ng_x.wav: 0:12, before 0:06, by local"


def test_joins_are_marked_and_unsure_ones_otherwise(figure: Any) -> None:
    for axis in figure.axes:
        marked = [(line.get_xdata()[0], line.get_linestyle()) for line in axis.lines if line.get_linewidth() == 0.9]
        assert marked == [(4.0, "-"), (8.0, ":")]


def test_without_joins_there_is_no_map_but_new_music_is_shown() -> None:
    pytest.importorskip("matplotlib")
    told = view("song.wav", seams=[])
    figure = drawn(SEEN, told, told["clips"][0])
    assert len(figure.axes) == 2
    assert figure.axes[0].get_legend().get_texts()[0].get_text() == "new music"


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["a.png", "a.svg"])
async def test_a_real_file_is_drawn(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    song = write_beat(tmp_path / "song.wav", 12)
    await draw_task(view(str(song)), target_of(str(tmp_path / name), force=False))
    head = (tmp_path / name).read_bytes()[:60]
    assert head.startswith(b"\x89PNG") if name.endswith("png") else b"<?xml" in head


@pytest.mark.parametrize(
    ("name", "words"), [("a.gif", "no picture"), ("not/there.png", "no existing folder"), ("taken.png", "exists")]
)
def test_a_place_that_will_not_do_is_refused_before_any_work(
    name: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.png").touch()
    with pytest.raises(InvalidRequest, match=words):
        target_of(name, force=False)


def test_force_replaces(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "a.png").touch()
    assert target_of(str(tmp_path / "a.png"), force=True).force


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    with pytest.raises(NotSupported, match=r"pip install 'fermata-mcp\[plot\]'"):
        target_of("a.png", force=False)


@pytest.mark.anyio
async def test_a_task_without_audio_is_not_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(NotFound, match="no audio on this machine"):
        await draw_task(view(None), target_of(str(tmp_path / "a.png"), force=False))
