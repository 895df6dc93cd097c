"""What is heard too often, or too soon again, makes way for something else."""

from __future__ import annotations

import numpy as np
import pytest

from fermata_mcp.rearrange.arrangement.repetition import RepetitionPenalty
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
