"""The listening test is blind, equally loud and fair, and its answers are read with how sure they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from support.audio_signals import RATE, chord_loop, save
from support.judging import benchmark

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def listen() -> Any:
    return benchmark("listen")


@pytest.fixture
def folder(listen: Any, tmp_path: Path) -> Path:
    """A page of three pairs out of four, the second of each twice as loud."""
    song = 0.4 * chord_loop(12)
    pairs: list[Any] = []
    for number in range(4):
        soft, loud = (save(tmp_path / f"{number}.{name}.wav", song * gain) for name, gain in (("a", 1), ("b", 2)))
        pairs.append((listen.Side("Fermata", soft, 3.0), listen.Side("PyMusicLooper", loud, 20.0)))
    assert listen.make_page(tmp_path / "page", pairs, 3, seed=5) == 3
    return tmp_path / "page"


def test_a_page_does_not_know_what_is_what(folder: Path) -> None:
    page = (folder / "listen.html").read_text()
    assert "Fermata" not in page
    assert "PyMusicLooper" not in page
    assert {file.name for file in folder.iterdir()} == {
        "listen.html", "key.json", *(f"{pair:02}-{side}.ogg" for pair in (1, 2, 3) for side in (1, 2)),
    }  # fmt: skip


def test_both_sounds_are_equally_loud_and_twenty_seconds_long(folder: Path) -> None:
    for pair in (1, 2, 3):
        sounds = [soundfile.read(folder / f"{pair:02}-{side}.ogg")[0] for side in (1, 2)]
        levels = [10 * np.log10(np.square(sound).mean()) for sound in sounds]
        assert levels[0] == pytest.approx(levels[1], abs=0.3)
        assert [round(len(sound) / RATE) for sound in sounds] == [20, 20]


def test_what_comes_first_is_drawn(listen: Any, tmp_path: Path) -> None:
    file = save(tmp_path / "a.wav", chord_loop(2))
    pairs = [(listen.Side("one", file, 1.0), listen.Side("two", file, 1.0))] * 12
    listen.make_page(tmp_path / "page", pairs, 24, seed=1)
    first = [pair["1"] for pair in json.loads((tmp_path / "page" / "key.json").read_text())["pairs"]]
    assert set(first) == {"one", "two"}


def test_answers_are_read_by_the_key(listen: Any, folder: Path, tmp_path: Path) -> None:
    whole = json.loads((folder / "key.json").read_text())
    key = whole["pairs"]
    ours = ["1" if pair["1"] == "Fermata" else "2" for pair in key]
    theirs = "2" if ours[1] == "1" else "1"
    results: list[Path] = []
    for listener, choices in enumerate(([ours[0], theirs, "0"], [ours[0], ours[1], ours[2]])):
        answers = [{"pair": pair, "choice": choice} for pair, choice in enumerate(choices, 1)]
        results.append(tmp_path / f"{listener}.json")
        results[-1].write_text(json.dumps({"test": whole["test"], "answers": answers}))
    names, found = listen.read_answers(folder / "key.json", results)
    assert names == ["Fermata", "PyMusicLooper"]
    assert (found.first, found.second, found.equal) == (4, 1, 1)


def test_answers_to_another_test_are_not_counted(listen: Any, folder: Path, tmp_path: Path) -> None:
    (result := tmp_path / "other.json").write_text(json.dumps({"test": "another", "answers": []}))
    with pytest.raises(ValueError, match=r"other\.json: answers to another test"):
        listen.read_answers(folder / "key.json", [result])


@pytest.mark.parametrize(
    ("first", "second", "low", "high", "says"),
    [
        pytest.param(18, 6, 0.551, 0.880, "Fermata is preferred", id="three of four"),
        pytest.param(13, 11, 0.351, 0.721, "no preference is shown", id="about half"),
        pytest.param(0, 24, 0.0, 0.138, "PyMusicLooper is preferred", id="never"),
        pytest.param(0, 0, 0.0, 1.0, "no preference is shown", id="nobody has chosen"),
    ],
)
def test_a_preference_has_an_interval(listen: Any, first: int, second: int, low: float, high: float, says: str) -> None:
    found = listen.Preference(first, second, 2)
    assert found.interval == pytest.approx((low, high), abs=0.001)
    assert listen.shown(["Fermata", "PyMusicLooper"], found).endswith(f"{says}.")
