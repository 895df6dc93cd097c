"""The benchmark's judge hears what listeners mind beside bad joins: words cut off, a stuck record, clipping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from support.audio_signals import RATE, chord_loop, form, stereo
from support.judging import benchmark
from support.made_up_voice import babble

if TYPE_CHECKING:
    from support.audio_signals import Sound


@pytest.fixture(scope="module")
def judging() -> Any:
    return benchmark("judge")


@pytest.fixture(scope="module")
def again() -> Any:
    return benchmark("judge.again")


def _cut_together(song: Sound, *spans: tuple[float, float]) -> Sound:
    """The seconds `spans` of a song, one after the other."""
    return np.concatenate([song[round(start * RATE) : round(stop * RATE)] for start, stop in spans])


def _spoken(*spans: tuple[float, float, int]) -> Sound:
    """[samples, 2] 32 s of a groove, with talk (a seed each) in the seconds `spans`."""
    song = 0.5 * chord_loop(16)
    for start, stop, seed in spans:
        song[round(start * RATE) : round(stop * RATE)] += 2 * babble(stop - start, seed)
    return stereo(song)


@pytest.mark.parametrize(
    ("left", "entered", "cut"),
    [
        pytest.param(22.0, 2.0, True, id="leaves in the middle of a word"),
        pytest.param(30.0, 6.0, True, id="enters in the middle of a word"),
        pytest.param(22.0, 6.0, True, id="leaves one sentence for another"),
        pytest.param(30.0, 2.0, False, id="nobody speaks at either place"),
    ],
)
def test_a_cut_word_is_heard(judging: Any, left: float, entered: float, cut: bool) -> None:
    song = _spoken((4.0, 9.0, 1), (19.0, 26.0, 2))
    verdict = judging.Judge(song, RATE).verdict(_cut_together(song, (0, left), (entered, 32)), 32 + left - entered)
    (join,) = verdict.seams
    assert verdict.cut_voices == cut
    assert (join.scores["voice"] < 85) == cut
    assert join.score == pytest.approx(join.without_voice * join.scores["voice"] / 100)


def test_the_same_words_on_both_sides_are_not_cut(judging: Any) -> None:
    song = _spoken((4.0, 9.0, 1), (20.0, 25.0, 1))
    verdict = judging.Judge(song, RATE).verdict(_cut_together(song, (0, 22.5), (6.5, 32)), 48)
    assert verdict.cut_voices == 0


def test_a_groove_alone_holds_no_voice(judging: Any) -> None:
    judge = judging.Judge(_spoken(), RATE)
    assert max(judge.seams.voices.inside(place) for place in np.arange(2, 30, 0.25)) < 0.5


@pytest.mark.parametrize("seconds", [2.0, 5.0, 8.0])
def test_a_stuck_record_costs_more_than_a_join_that_is_heard(judging: Any, seconds: float) -> None:
    """However well its rounds are joined, and however long the rest is."""
    song = stereo(form("ABCDEFGHIJ"))
    stuck = _cut_together(song, (0, 20), *[(20 - seconds, 20)] * round(40 / seconds), (20, 40))
    verdict = judging.Judge(song, RATE).verdict(stuck, 80)
    assert verdict.heard.stuck == pytest.approx(40 - 2 * seconds, abs=1)
    assert verdict.again < 50
    assert verdict.overall < verdict.before


def test_one_long_repeat_is_no_fault(judging: Any) -> None:
    song = stereo(form("ABCDEFGHIJ"))
    verdict = judging.Judge(song, RATE).verdict(_cut_together(song, (0, 32), (8, 40)), 64)
    assert (verdict.heard.third, verdict.heard.at_once, verdict.heard.stuck) == (0, 0, 0)
    assert verdict.again == 100


@pytest.mark.parametrize(
    ("spans", "third", "at_once"),
    [
        pytest.param([(0, 30), (22, 40)], 0, 8, id="eight seconds again at once"),
        pytest.param([(0, 30), (15, 30), (15, 40)], 15, 0, id="fifteen seconds three times"),
        pytest.param([(0, 40), (0, 40), (0, 40)], 0, 0, id="three times, but with forty seconds between"),
        pytest.param([(0, 30), (24, 30), (24, 40)], 6, 12, id="six seconds three times"),
    ],
)
def test_what_comes_again_is_counted_in_seconds(
    again: Any, judging: Any, spans: list[tuple[float, float]], third: float, at_once: float
) -> None:
    stretches: list[Any] = []
    done = 0.0
    for start, stop in spans:
        stretches.append(judging.Stretch(done, done + stop - start, start - done))
        done += stop - start
    heard = again.heard_again(stretches, 40.0, done)
    assert heard.third == pytest.approx(third, abs=0.11)
    assert heard.at_once == pytest.approx(at_once, abs=0.11)


@pytest.mark.parametrize(
    ("original", "seconds", "least"), [(20, 60, 20), (30, 60, 0), (20, 120, 40), (25, 55, 5), (180, 600, 0)]
)
def test_what_arithmetic_asks_for_costs_nothing(again: Any, original: float, seconds: float, least: float) -> None:
    assert again.least_third(original, seconds) == pytest.approx(least)
    told = again.Again(seconds - original, third=least, least=least, at_once=0, stuck=0, often=3)
    assert told.score == 100


def test_a_clipped_blend_is_counted_and_what_was_full_before_is_not(judging: Any) -> None:
    song = 0.95 * np.tanh(9 * stereo(form("ABACADAE")))
    song[4 * RATE : 4 * RATE + 50] = 1.0
    left, entered, size = round(18 * RATE), round(2 * RATE), RATE // 10
    blend = song[left - size : left] + song[entered - size : entered]  # both at full strength: too loud
    joined = np.clip(np.concatenate([song[: left - size], blend, song[entered:]]), -1, 1)
    clipped = int((np.abs(blend) >= 1).sum())
    assert clipped > 20
    judge = judging.Judge(song, RATE)
    verdict = judge.verdict(joined, 48)
    assert verdict.clipped == pytest.approx(clipped, abs=2)
    assert verdict.clipping < 90
    assert judge.verdict(song, 32).clipped == 0
