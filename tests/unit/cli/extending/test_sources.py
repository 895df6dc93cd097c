"""Which tracks somebody means, however they are written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fermata_mcp.cli.extending.sources import tracks_of


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.wav", "a.mp3", "note.txt", ".hidden.wav", "a (extended 0a1b2c).mp3", "live [1].ogg", "sub/c.flac"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def written(*sources: str, recursive: bool = False) -> list[str]:
    return [os.path.relpath(track.written) for track in tracks_of(sources, recursive=recursive).tracks]


def problem(*sources: str, recursive: bool = False) -> str:
    [track] = tracks_of(sources, recursive=recursive).tracks
    return str(track.problem)


@pytest.mark.parametrize("source", ["tsk_1", "clip:a*b", "https://x.example/a.mp3?b=*", "missing.wav", "live [1].ogg"])
def test_what_is_no_pattern_is_taken_as_it_is(source: str) -> None:
    told = tracks_of([source], recursive=False)
    assert ([track.written for track in told.tracks], told.several) == ([source], False)


def test_patterns_that_no_shell_has_filled_in() -> None:
    assert written("*.wav") == ["b.wav"]
    assert written("[ab].*") == ["a.mp3", "b.wav"]
    assert written("**/*.flac") == ["sub/c.flac"]
    assert written("~/*.wav") == ["b.wav"]
    assert tracks_of(["*.wav"], recursive=False).several


def test_what_matches_nothing_is_told() -> None:
    assert "no file matches *.aiff" in problem("*.aiff")
    assert written("song [x].wav") == ["song [x].wav"], "a name, which the server may know how to mend"


def test_a_folder_only_if_that_is_said() -> None:
    assert "--recursive" in problem("sub")
    assert "the 1 track" in problem("sub")
    assert written(".", recursive=True) == ["a.mp3", "b.wav", "live [1].ogg", "sub/c.flac"]
    assert "1 result of earlier calls" in tracks_of(["."], recursive=True).notes[0]


def test_an_empty_folder(here: Path) -> None:
    (here / "empty").mkdir()
    assert "no audio" in problem("empty", recursive=True)


def test_twice_is_once_and_in_order() -> None:
    told = tracks_of(["b.wav", "*.mp3", "./b.wav"], recursive=False)
    assert [Path(track.written).name for track in told.tracks][:2] == ["b.wav", "a (extended 0a1b2c).mp3"]
    assert len(told.tracks) == 3
    assert told.notes == ("What is named twice is done once.",)
