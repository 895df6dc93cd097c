"""What is said of an arrangement, and what would be better."""

from __future__ import annotations

from fermata_mcp.rearrange.arrangement import advice
from fermata_mcp.rearrange.arrangement.timeline import Timeline
from fermata_mcp.rearrange.transitions.crossfade import Crossfade

SURE, UNSURE = Crossfade(800, 300, 10, 20, 0.9), Crossfade(900, 500, 5, 5, 0.2)


def test_only_joins_that_may_be_heard_are_spoken_of() -> None:
    assert advice.doubts((SURE,), "") == ()
    (said,) = advice.doubts((SURE, UNSURE), advice.other_length(222.0))
    assert "1 of 2 joins" in said
    assert "222.0 s (3:42.0) has surer joins" in said


def test_what_is_not_known_to_be_better_is_not_offered() -> None:
    assert advice.other_length(None) == ""
    (said,) = advice.doubts((UNSURE,), "")
    assert "No take or length nearby" in said


def test_an_even_sound_goes_round() -> None:
    assert "goes round 3 times" in advice.round_and_round((SURE,) * 3, 100)
    assert "left out in one piece" in advice.round_and_round((Crossfade(300, 800, 10, 20, 0.9),), 100)


def test_where_the_loop_begins_is_told_in_samples() -> None:
    assert "loop start 320, length 500 samples" in advice.marks(Timeline(820, (SURE,), 0, None, 320), 100)
