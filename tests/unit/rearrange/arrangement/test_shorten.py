"""Tracks are fitted to a length below their own, and exactly to one above."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from support.audio_signals import RATE, extend, form, load, noise, save
from support.places import GROOVE

if TYPE_CHECKING:
    from pathlib import Path

    from support.audio_signals import Sound

# Whole sections of whole beats, so that what is left out is so to the sample.
SECTION = 8 * 8192 / RATE


@pytest.fixture
def song() -> Sound:
    return form("ABACABAD", SECTION)


@pytest.mark.parametrize("sections", [4, 6])
def test_beginning_and_ending_are_bit_for_bit_those_of_the_track(tmp_path: Path, song: Sound, sections: int) -> None:
    source = save(tmp_path / "a.wav", song)
    result = extend(source, tmp_path / "b.wav", sections * SECTION)
    before, after = load(source), load(tmp_path / "b.wav")
    assert len(after) == round(sections * SECTION * RATE)
    assert result.ending == "kept"
    assert (after[: 2 * RATE] == before[: 2 * RATE]).all()
    assert (after[-2 * RATE :] == before[-2 * RATE :]).all()
    assert all(seam.enter > seam.leave and seam.confidence > 0.9 for seam in result.seams)


@pytest.mark.parametrize("length", [0.7, 3.3, 11.7, 20.0, 23.7])
@pytest.mark.parametrize("ending", ["auto", "keep", "fade"])
def test_any_length_is_met_to_the_sample(tmp_path: Path, song: Sound, length: float, ending: str) -> None:
    source = save(tmp_path / "a.wav", song)
    result = extend(source, tmp_path / "b.wav", length, ending=ending)
    assert result.facts.frames == round(length * RATE)
    kept = min(int(length * RATE / 10), RATE)
    assert (load(tmp_path / "b.wav")[:kept] == load(source)[:kept]).all()
    assert ending != "fade" or result.ending == "faded"
    assert result.ending == "kept" or ending != "auto" or any("fades out" in said for said in result.warnings)


def test_what_lies_before_the_place_to_continue_at_stays(tmp_path: Path, song: Sound) -> None:
    source = save(tmp_path / "a.wav", song)
    result = extend(source, tmp_path / "b.wav", 6 * SECTION, continue_at=10.0)
    assert all(seam.leave >= 10 for seam in result.seams)
    assert (load(tmp_path / "b.wav")[: 10 * RATE] == load(source)[: 10 * RATE]).all()


def test_other_takes_go_other_ways(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", form("ABACABADABAC", SECTION))
    takes = [extend(source, tmp_path / f"{take}.wav", 8 * SECTION, take=take) for take in (1, 2, 3, 4)]
    ways = [{(round(seam.leave, 1), round(seam.enter, 1)) for seam in take.seams} for take in takes]
    assert all(not one & other for place, one in enumerate(ways) for other in ways[:place])


def test_joins_that_are_not_wanted_are_not_made(tmp_path: Path, song: Sound) -> None:
    source = save(tmp_path / "a.wav", song)
    avoided: list[tuple[float, float]] = []
    for _ in range(3):
        result = extend(source, tmp_path / "b.wav", 6 * SECTION, avoid=tuple(avoided))
        for seam in result.seams:
            assert all(abs(seam.leave - one) > 1 or abs(seam.enter - other) > 1 for one, other in avoided)
        avoided += [(seam.leave, seam.enter) for seam in result.seams]


def test_an_even_sound_is_cut_in_one_piece(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", noise(30))
    result = extend(source, tmp_path / "b.wav", 12.345)
    assert (result.facts.frames, len(result.seams), result.ending) == (round(12.345 * RATE), 1, "kept")
    assert (load(tmp_path / "b.wav")[-RATE:] == load(source)[-RATE:]).all()


@pytest.mark.parametrize("added", [19.0, 20.0, 30.0])
def test_what_is_made_longer_does_not_end_in_silence(tmp_path: Path, added: float) -> None:
    before = load(GROOVE)
    rate = 44100
    result = extend(GROOVE, tmp_path / "b.wav", len(before) / rate + added)
    after = load(tmp_path / "b.wav")
    loud = [np.flatnonzero(np.abs(sound).max(axis=1))[-1] - len(sound) for sound in (before, after)]
    assert result.ending == "faded" or loud[1] >= loud[0] - rate // 2
