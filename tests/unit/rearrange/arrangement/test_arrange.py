"""How it ends, and which part is made longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from fermata_mcp.rearrange.arrangement import arrange
from support.audio_signals import RATE, chord_loop, extend, form, load, noise, save
from support.places import GROOVE

if TYPE_CHECKING:
    from pathlib import Path


def test_a_kept_ending_is_the_tracks_own(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", form("ABCABCD"))
    result = extend(source, tmp_path / "b.wav", 40, ending="keep")
    assert (result.ending, result.warnings) == ("kept", ())
    assert (load(tmp_path / "b.wav")[-3 * RATE :] == load(source)[-3 * RATE :]).all()


def test_a_fade_ends_in_silence_at_the_exact_sample(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", form("ABCABCD"))
    result = extend(source, tmp_path / "b.wav", 40, ending="fade")
    made = load(tmp_path / "b.wav")
    assert (result.ending, len(made)) == ("faded", 40 * RATE)
    assert np.abs(made[-RATE // 100 :]).max() < 0.01


def test_an_ending_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", form("ABABABAB", 2.0))
    result = extend(source, tmp_path / "b.wav", 16 + 1.37, ending="keep")
    assert result.ending == "kept" or any("own ending" in said for said in result.warnings)


@pytest.mark.parametrize("added", [18.2, 19, 20, 20.9, 21.8])
def test_silence_after_the_end_is_told_and_nothing_else_is(tmp_path: Path, added: float) -> None:
    rate = soundfile.info(GROOVE).samplerate
    length = len(load(GROOVE)) / rate + added
    result = extend(GROOVE, tmp_path / "b.wav", length)
    missing = (_silent_frames(tmp_path / "b.wav") - _silent_frames(GROOVE)) / rate
    assert any("silence follows" in said for said in result.warnings) == (missing > 0.5)


def _silent_frames(file: Path) -> int:
    loud = np.flatnonzero(np.abs(load(file)).max(axis=1))
    return len(load(file)) - 1 - int(loud[-1])


@pytest.mark.parametrize("bars", [8, 13])
def test_a_loop_leads_from_its_end_into_its_beginning(tmp_path: Path, bars: int) -> None:
    """Played twice in a row, there is no step at the turn that the music itself does not make."""
    source = save(tmp_path / "a.wav", chord_loop(bars))
    result = extend(source, tmp_path / "b.wav", 2 * bars + 20, ending="loop")
    once = load(tmp_path / "b.wav")
    assert result.ending == "loops"
    assert abs(len(once) / RATE - (2 * bars + 20)) <= 2.1, "as near to the objective length as the music allows"
    assert abs(len(once) / RATE / 2 - round(len(once) / RATE / 2)) < 0.005, "whole bars"
    twice = np.concatenate([once, once])[:, 0]
    turn = np.abs(np.diff(twice[len(once) - 50 : len(once) + 50])).max()
    assert turn <= 1.05 * np.abs(np.diff(once[:, 0])).max()
    assert any("as the music allows" in said for said in result.warnings) == (
        abs(len(once) / RATE - 2 * bars - 20) > 0.05
    )
    assert result.seams[-1].at == pytest.approx(len(once) / RATE, abs=0.5), "the turn is told as a join"


@pytest.mark.slow
def test_another_take_of_a_loop_is_another(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", form("ABCABCABC"))
    first, second = (extend(source, tmp_path / f"{take}.wav", 60, ending="loop", take=take) for take in (1, 2))
    assert first.seams != second.seams


@pytest.mark.parametrize(("part", "third"), [("intro", 0), ("middle", 1), ("outro", 2)])
def test_only_the_named_part_is_made_longer(tmp_path: Path, part: str, third: int) -> None:
    source = save(tmp_path / "a.wav", form("ABABABABCDCDCDCDEFEFEFEF", 2.0))
    result = extend(source, tmp_path / "b.wav", 60, part=part)
    assert result.seams
    for seam in result.seams:
        assert 16 * third - 0.1 <= seam.enter < seam.leave <= 16 * (third + 1) + 0.1
    assert not any(part in said for said in result.warnings)


def test_a_part_without_alike_places_is_told(tmp_path: Path) -> None:
    sound = np.concatenate([form("ABAB"), noise(16), form("ABAB")])
    result = extend(save(tmp_path / "a.wav", sound), tmp_path / "b.wav", 70, part="middle")
    assert all(seam.enter >= 16 and seam.leave <= 32 for seam in result.seams) or any(
        "middle" in said for said in result.warnings
    )


@pytest.mark.parametrize("added", [8, 12, 20])
def test_a_length_that_the_form_allows_ends_as_the_track_does(tmp_path: Path, added: float) -> None:
    """Without a fade, and with no silence after it."""
    source = save(tmp_path / "a.wav", form("ABACABCD"))
    result = extend(source, tmp_path / "b.wav", 32 + added)
    assert result.ending == "kept"
    assert (load(tmp_path / "b.wav")[-2 * RATE :] == load(source)[-2 * RATE :]).all()


@pytest.mark.slow
def test_a_short_loop_goes_round_rather_than_by_poor_joins(tmp_path: Path) -> None:
    """Nothing can be new for five minutes in nine seconds."""
    groove = GROOVE
    result = extend(groove, tmp_path / "b.wav", 300)
    assert min(seam.confidence for seam in result.seams) > 0.9


def test_long_tracks_are_analysed_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrange, "_STRETCH_SECONDS", 8)
    source = save(tmp_path / "a.wav", form("ABABCDCD"))
    result = extend(source, tmp_path / "b.wav", 44)
    assert all(seam.enter >= 23 for seam in result.seams)
    result = extend(source, tmp_path / "c.wav", 44, continue_at=10)
    assert 10 <= result.seams[0].leave < 19
    assert (load(tmp_path / "c.wav")[: 10 * RATE] == load(source)[: 10 * RATE]).all()


@pytest.mark.parametrize("place", [0.0, 3.0, 8.123, 15.9, 16.0])
def test_everything_before_continue_at_is_untouched(tmp_path: Path, place: float) -> None:
    source = save(tmp_path / "a.wav", chord_loop(8))
    result = extend(source, tmp_path / "b.wav", 31.7, continue_at=place)
    before, after = load(source), load(tmp_path / "b.wav")
    kept = int(np.ceil(place * RATE))
    assert len(after) == round(31.7 * RATE)
    assert (before[:kept] == after[:kept]).all()
    assert result.seams[0].leave >= place
    assert result.seams[0].leave < max(place, 3) + 4


@pytest.mark.slow
def test_the_same_take_is_the_same_and_another_is_not(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", form("ABABCABC"))
    lengths = [extend(source, tmp_path / f"{i}.wav", 50, take=take) for i, take in enumerate((1, 1, 2, 3))]
    paths = [tuple((seam.leave, seam.enter) for seam in result.seams) for result in lengths]
    assert paths[0] == paths[1]
    assert len(set(paths)) == 3
    assert (tmp_path / "0.wav").read_bytes() == (tmp_path / "1.wav").read_bytes()


@pytest.mark.slow
def test_long_targets_are_reached(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", form("ABACABAD", 3.0))
    result = extend(source, tmp_path / "b.wav", 600)
    assert result.facts.frames == 600 * RATE
    assert len({(seam.leave, seam.enter) for seam in result.seams}) > 3
