"""The benchmark's judge hears what is wrong with a join, and nothing where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from support.audio_signals import RATE, chord_loop, form, noise, stereo
from support.judging import benchmark

if TYPE_CHECKING:
    from support.audio_signals import Sound

_SECTION = 4.0  # seconds


@pytest.fixture(scope="module")
def judging() -> Any:
    return benchmark("judge")


@pytest.fixture(scope="module")
def song() -> Sound:
    """[samples, 2] a form whose A comes back exactly."""
    return stereo(form("ABACADAE", _SECTION))


@pytest.fixture(scope="module")
def judge(judging: Any, song: Sound) -> Any:
    return judging.Judge(song, RATE)


def _joined(song: Sound, left: float, entered: float, blend: float = 0.0) -> Sound:
    """Play up to `left` and go on at `entered` (seconds), after a linear crossfade."""
    p, q, size = round(left * RATE), round(entered * RATE), round(blend * RATE)
    fading = np.linspace(1, 0, size)[:, None]
    p -= size
    mix = song[p : p + size] * fading + song[q - size : q] * (1 - fading)
    return np.concatenate([song[:p], mix, song[q:]])


def _score(judging: Any, judge: Any, result: Sound, at: float, left: float, entered: float) -> Any:
    return judge.seams.judge(result, judge.seams.mixed(result), judging.Seam(at, left, entered))


def test_places_without_a_join_are_clean(judging: Any, judge: Any, song: Sound) -> None:
    places = [*judge.seams.places[::40], *np.random.default_rng(1).uniform(1, 31, 10)]
    scores = [_score(judging, judge, song, place, place, place).score for place in places]
    assert np.median(scores) >= 98
    assert np.quantile(scores, 0.05) >= 85


def test_the_original_has_no_joins(judge: Any, song: Sound) -> None:
    verdict = judge.verdict(song, len(song) / RATE)
    assert verdict.seams == []
    assert verdict.overall > 99


def test_cuts_at_random_are_heard(judging: Any, judge: Any, song: Sound) -> None:
    rng = np.random.default_rng(4)
    scores: list[float] = []
    for _ in range(12):
        left, entered = float(rng.uniform(16, 30)), float(rng.uniform(2, 12))
        scores.append(_score(judging, judge, _joined(song, left, entered), left, left, entered).score)
    assert np.median(scores) < 15
    assert np.quantile(scores, 0.9) < 60


def test_repeating_the_last_part_with_a_crossfade_is_heard(judge: Any, song: Sound) -> None:
    whole = len(song) / RATE
    verdict = judge.verdict(_joined(song, whole, whole - 10.3, 1.0), whole + 9.3)
    assert verdict.overall < 25


def test_an_ideal_join_is_clean(judge: Any, song: Sound) -> None:
    """From the end of one A to the end of another, both followed by and following what the form allows."""
    left, entered = 4.5 * _SECTION, 0.5 * _SECTION
    verdict = judge.verdict(_joined(song, left, entered), len(song) / RATE + 4 * _SECTION)
    assert [round(one.seam.left - one.seam.entered, 3) for one in verdict.seams] == [4 * _SECTION]
    assert verdict.overall > 97
    assert verdict.ending_kind == "kept"


def test_joins_are_found_where_they_are(judging: Any, judge: Any, song: Sound) -> None:
    told = [judging.Seam(21.3, 21.3, 9.1)]
    verdict = judge.verdict(_joined(song, 21.3, 9.1), len(song) / RATE + 12.2, told)
    found = verdict.seams[0].seam
    assert found.at == pytest.approx(21.3, abs=0.06)
    assert found.left - found.entered == pytest.approx(12.2, abs=1e-4)
    assert (verdict.told_missed, verdict.untold, len(verdict.seams)) == (0, 0, 1)


def test_a_late_pulse_is_heard(judging: Any) -> None:
    song = chord_loop(12)
    judge = judging.Judge(song[:, None], RATE)
    late = _score(judging, judge, song[:, None], 12.0, 12.0, 4.060)
    assert late.values["pulse"] == pytest.approx(60, abs=6)
    assert late.scores["pulse"] < 20
    assert _score(judging, judge, song[:, None], 12.0, 12.0, 4.0).scores["pulse"] == 100


def test_a_click_and_a_dip_are_heard(judging: Any) -> None:
    time = np.arange(16 * RATE) / RATE
    pad = np.sum([np.sin(2 * np.pi * pitch * time) for pitch in (220, 277, 330)], axis=0)
    song = stereo(0.1 * pad * (1 + 0.3 * np.sin(time)))
    judge = judging.Judge(song, RATE)
    clicked, dipped = song.copy(), song.copy()
    clicked[round(9.13 * RATE)] += 0.2
    dipped[round(9.1 * RATE) : round(9.2 * RATE)] *= 0.2
    assert _score(judging, judge, clicked, 9.13, 9.13, 9.13).scores["click"] < 20
    assert _score(judging, judge, dipped, 9.15, 9.15, 9.15).scores["dip"] < 20


def test_the_ending_is_told_apart(judge: Any, song: Sound) -> None:
    whole = len(song) / RATE
    cut = song[: -2 * RATE]
    faded = cut * np.interp(np.arange(len(cut)), [0, len(cut) - 4 * RATE, len(cut)], [1, 1, 0])[:, None]
    kinds = [judge.verdict(sound, whole).ending_kind for sound in (song, cut, faded)]
    assert kinds == ["kept", "abrupt", "fade"]


def test_a_wrong_length_and_a_short_loop_cost(judge: Any, song: Sound) -> None:
    whole = len(song) / RATE
    looped = np.concatenate([song[: round(4 * RATE)], *[song[: round(4 * RATE)]] * 15, song])
    verdict = judge.verdict(looped, whole + 120)
    assert verdict.length < 60
    assert verdict.repetition < 70


def test_what_comes_again_soon_is_counted(judge: Any, song: Sound) -> None:
    part = song[round(5 * RATE) : round(7 * RATE)]
    looped = np.concatenate([song[: round(7 * RATE)], *[part] * 4, song[round(7 * RATE) :]])
    assert judge.verdict(song, len(song) / RATE).heard.often == 1
    assert judge.verdict(looped, len(looped) / RATE).heard.often == 5


def test_a_join_between_exact_copies_is_not_heard(judging: Any) -> None:
    """Several places explain what is heard, and most of them would need a join that cannot be heard."""
    song = stereo(form("AABAACAAD", _SECTION))
    verdict = judging.Judge(song, RATE).verdict(_joined(_joined(song, 6.5, 2.5), 10.5, 6.5), len(song) / RATE + 8)
    assert verdict.joins > 95


def test_an_altered_beginning_costs(judge: Any, song: Sound) -> None:
    altered = song + 0.3 * stereo(noise(len(song) / RATE + 1))[: len(song)]
    assert judge.verdict(altered, len(song) / RATE).beginning < 50
