"""What is heard too often, or too soon again, makes way for something else."""

from __future__ import annotations

import numpy as np
import pytest

from fermata_mcp.rearrange.arrangement.objective import Objective
from fermata_mcp.rearrange.arrangement.repetition import RepetitionPenalty
from fermata_mcp.rearrange.arrangement.search import find_sequence
from support.jumps import jumps_of, sequence_for


def test_what_was_heard_often_enough_makes_way_for_something_else() -> None:
    sequence = sequence_for(jumps_of((40, 10, 1.0), (80, 10, 0.97)), 60)
    assert 2 <= sequence.jumps.count(1) <= 4


def test_the_whole_track_is_used_before_its_smoothest_passage_is_worn_out() -> None:
    """One perfect jump of 5 s is cheap eighty times, and tiring."""
    sequence = sequence_for(jumps_of((30, 5, 1.0), (95, 85, 0.93), (90, 60, 0.93), (60, 40, 0.93)), 400)
    assert sequence.jumps.count(0) <= 4


@pytest.mark.slow
def test_a_passage_that_nothing_leads_back_to_is_not_repeated_on_and_on() -> None:
    """However smoothly it joins: the other jumps all enter after it, so all its rounds would come in a row."""
    sequence = sequence_for(
        jumps_of((24, 12, 1.0), (60, 30, 0.9), (90, 60, 0.97), (95, 70, 0.97), (97, 66, 0.97)), 3000
    )
    assert sequence.jumps.count(0) <= 8


def test_the_worst_seam_weighs_more_than_its_share() -> None:
    good, poor = jumps_of((40, 20, 1.0), (80, 20, 0.5)), jumps_of((40, 20, 0.75), (80, 20, 0.75))
    mixed, even = (RepetitionPenalty.of(jumps, 100, 40).of_collection([0, 1]) for jumps in (good, poor))
    assert mixed > even


def test_one_more_use_is_about_as_heavy_as_it_turns_out() -> None:
    penalty = RepetitionPenalty.of(jumps_of((40, 20, 0.9), (80, 30, 0.9), (95, 60, 0.8)), 100, 200)
    before = penalty.of_collection([0, 1])
    after = np.array([penalty.of_collection([0, 1, jump]) for jump in range(3)])
    assert np.argsort(penalty.marginal([0, 1], 3)).tolist() == np.argsort(after - before).tolist()


def test_what_is_not_played_in_the_end_does_not_count() -> None:
    penalty = RepetitionPenalty.of(jumps_of((99, 60, 1.0)), 100, 180)
    assert penalty.of_collection([0] * 4, unplayed=50.0) < penalty.of_collection([0] * 4)


@pytest.mark.parametrize("around", [False, True])
def test_the_same_again_at_once_is_worse_than_later(around: bool) -> None:
    penalty = RepetitionPenalty.of(jumps_of((20, 10, 1.0), (90, 80, 1.0)), 100, 400)
    together, apart = [0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 0, 1, 0, 1, 0, 1]
    assert penalty.of_order(together, around) > penalty.of_order(apart, around)


@pytest.mark.parametrize(
    ("seconds", "added", "tiring", "better"),
    [
        pytest.param(100, 60, [(90, 6)] * 10, [(90, 60)], id="six seconds ten times, or a minute once"),
        pytest.param(30, 30, [(28, 8), (20, 8), (28, 14)], [(28, 26), (20, 4)], id="eight seconds, or a clip"),
        pytest.param(30, 36, [(28, 12)] * 3, [(28, 12), (14, 12), (20, 12)], id="part of a clip, or its parts"),
        pytest.param(
            180, 60, [(90, 15)] * 4, [(40, 15), (80, 15), (120, 15), (170, 15)], id="four times, or elsewhere"
        ),
    ],
)
def test_what_was_just_heard_tires(
    seconds: float, added: float, tiring: list[tuple[float, float]], better: list[tuple[float, float]]
) -> None:
    """Jumps as (second left, seconds back), all equally smooth."""
    penalties: list[float] = []
    for jumps in (tiring, better):
        penalty = RepetitionPenalty.of(jumps_of(*((leave, back, 1.0) for leave, back in jumps)), seconds, added)
        penalties.append(penalty.of_order(range(len(jumps)), around=False))
    assert penalties[0] > penalties[1]


def test_going_back_once_is_how_a_few_seconds_are_added() -> None:
    penalty = RepetitionPenalty.of(jumps_of((40, 8, 1.0)), 100, 8)
    assert penalty.of_order([0], around=False) == 0


def test_a_clip_is_played_again_as_a_whole_rather_than_by_its_smoothest_seconds() -> None:
    objective = Objective(added=28, seconds=30, start=4, soon=False, spacing=2, tail=0)
    sequence = find_sequence(jumps_of((28, 7, 1.0), (29, 28, 0.9)), objective, lambda _share: None)
    assert sequence is not None
    assert sequence.jumps == (1,)
