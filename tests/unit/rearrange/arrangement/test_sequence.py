"""In which order a collection of jumps can be played, and is."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata_mcp.rearrange.arrangement.repetition import RepetitionPenalty
from fermata_mcp.rearrange.arrangement.sequence import Sequencer
from support.jumps import jumps_of, sequence_for


def test_like_jumps_do_not_follow_one_another() -> None:
    sequence = sequence_for(jumps_of((60, 40, 1.0), (80, 50, 1.0)), 180, "keep")
    assert sorted(sequence.jumps) == [0, 0, 1, 1]
    assert sequence.jumps in {(1, 0, 1, 0), (0, 1, 0, 1)}


def _sequencer(*jumps: tuple[float, float, float], spacing: float = 4.0) -> Sequencer:
    return Sequencer(RepetitionPenalty.of(jumps_of(*jumps), 100, 100), spacing)


@given(st.lists(st.tuples(st.integers(10, 99), st.integers(4, 9)), min_size=1, max_size=6), st.data())
def test_any_collection_can_be_played_from_the_beginning(places: list[tuple[int, int]], data: st.DataObject) -> None:
    """All of it, each jump after the music that leads to it."""
    sequencer = _sequencer(*((leave, back, 1.0) for leave, back in places))
    used = data.draw(st.lists(st.integers(0, len(places) - 1), min_size=1, max_size=8))
    order = sequencer.schedule(used, 0)
    assert order is not None
    assert sorted(order) == sorted(used)
    assert sequencer.is_playable(order)
    for before, after in pairwise(order):
        assert places[after][0] - (places[before][0] - places[before][1]) >= 4 - 1e-5


def test_what_leaves_before_the_place_cannot_be_played() -> None:
    assert _sequencer((40, 20, 1.0)).schedule([0], 50) is None
    assert _sequencer((40, 20, 1.0), (90, 80, 1.0)).schedule([0, 1], 50) == [1, 0]


def test_the_last_one_can_follow_any_other() -> None:
    assert _sequencer((20, 10, 1.0), (90, 10, 1.0)).last_candidates([0, 1]) == [1]


@pytest.mark.parametrize(("order", "playable"), [([0, 1], True), ([1, 0], False)])
def test_an_order_in_which_there_is_nothing_to_play_is_none(order: list[int], playable: bool) -> None:
    assert _sequencer((20, 10, 1.0), (90, 10, 1.0)).is_playable(order) is playable
