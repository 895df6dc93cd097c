"""How it ends, which part is made longer, and what is remembered of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.rearrange.job import Ending
from support.audio_signals import RATE, chord_loop, extend, form, load, noise, save

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


@pytest.mark.parametrize("bars", [8, 13])
def test_a_loop_leads_from_its_end_into_its_beginning(tmp_path: Path, bars: int) -> None:
    """Played twice in a row, there is no step at the turn that the music itself does not make."""
    source = save(tmp_path / "a.wav", chord_loop(bars))
    result = extend(source, tmp_path / "b.wav", 2 * bars + 20, ending="loop")
    once = load(tmp_path / "b.wav")
    assert result.ending == "loops"
    assert abs(len(once) / RATE - (2 * bars + 20)) <= 2.1, "as near to the wanted length as the music allows"
    assert abs(len(once) / RATE / 2 - round(len(once) / RATE / 2)) < 0.005, "whole bars"
    twice = np.concatenate([once, once])[:, 0]
    turn = np.abs(np.diff(twice[len(once) - 50 : len(once) + 50])).max()
    assert turn <= 1.05 * np.abs(np.diff(once[:, 0])).max()
    assert any("as the music allows" in said for said in result.warnings) == (
        abs(len(once) / RATE - 2 * bars - 20) > 0.05
    )
    assert result.seams[-1].at == pytest.approx(len(once) / RATE, abs=0.5), "the turn is told as a join"


@pytest.mark.parametrize(("sound", "seconds"), [(noise(20), 45), (chord_loop(1), 6)])
def test_what_cannot_be_rearranged_loops_too(tmp_path: Path, sound: np.ndarray, seconds: float) -> None:
    result = extend(save(tmp_path / "a.wav", sound), tmp_path / "b.wav", seconds, ending="loop")
    assert result.ending == "loops"
    assert result.facts.duration_seconds >= len(sound) / RATE


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
        assert 16 * third - 0.1 <= seam.entered < seam.left <= 16 * (third + 1) + 0.1
    assert not any(part in said for said in result.warnings)


def test_a_part_without_alike_places_is_told(tmp_path: Path) -> None:
    sound = np.concatenate([form("ABAB"), noise(16), form("ABAB")])
    result = extend(save(tmp_path / "a.wav", sound), tmp_path / "b.wav", 70, part="middle")
    assert all(seam.entered >= 16 and seam.left <= 32 for seam in result.seams) or any(
        "middle" in said for said in result.warnings
    )


class TestRemembering:
    @pytest.mark.parametrize("ending", ["auto", "fade"])
    def test_what_was_remembered_makes_the_same_result(self, tmp_path: Path, ending: Ending) -> None:
        source = save(tmp_path / "a.wav", form("ABCABCD"))
        made = [
            extend(source, tmp_path / f"{i}.wav", 40, ending=ending, cache=cache)
            for i, cache in enumerate([None, tmp_path / "kept", tmp_path / "kept"])
        ]
        assert made[0].seams == made[1].seams == made[2].seams
        assert len({(tmp_path / f"{i}.wav").read_bytes() for i in range(3)}) == 1

    def test_a_changed_file_is_analysed_anew(self, tmp_path: Path) -> None:
        kept = tmp_path / "kept"
        source = save(tmp_path / "a.wav", form("ABCABCD"))
        extend(source, tmp_path / "b.wav", 40, cache=kept)
        before = set(kept.iterdir())
        save(source, form("CBACBAD"))
        extend(source, tmp_path / "b.wav", 40, cache=kept)
        assert len(set(kept.iterdir())) == 2 * len(before)

    def test_what_is_damaged_is_not_used(self, tmp_path: Path) -> None:
        kept = tmp_path / "kept"
        source = save(tmp_path / "a.wav", form("ABCABCD"))
        first = extend(source, tmp_path / "b.wav", 40, cache=kept)
        for file in kept.iterdir():
            file.write_bytes(file.read_bytes()[:100])
        assert extend(source, tmp_path / "b.wav", 40, cache=kept).seams == first.seams

    def test_only_so_much_is_kept(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from fermata_mcp.rearrange import cache

        monkeypatch.setattr(cache, "_MOST", 3)
        for bars in range(4, 10):
            extend(save(tmp_path / "a.wav", chord_loop(bars)), tmp_path / "b.wav", 40, cache=tmp_path / "kept")
        assert len(list((tmp_path / "kept").iterdir())) == 3

    def test_a_folder_that_cannot_be_written_does_not_matter(self, tmp_path: Path) -> None:
        (tmp_path / "kept").write_text("a file")
        source = save(tmp_path / "a.wav", form("ABCABCD"))
        assert extend(source, tmp_path / "b.wav", 40, cache=tmp_path / "kept").seams
