"""Where seams lie in the result, to the frame."""

from __future__ import annotations

from fermata_mcp.rearrange.arrangement.timeline import Timeline, loop_timeline
from fermata_mcp.rearrange.transitions.crossfade import Crossfade

BACK, AGAIN = Crossfade(800, 300, 10, 20, 0.9), Crossfade(900, 500, 5, 5, 0.8)


def test_each_seam_lies_as_much_later_as_the_ones_before_added() -> None:
    assert Timeline(1900, (BACK, AGAIN), 0).seams() == [(800, BACK), (900 + 500, AGAIN)]


def test_a_loop_begins_where_its_last_crossfade_has_led() -> None:
    timeline = loop_timeline((BACK,), AGAIN)
    assert (timeline.frames, timeline.origin) == (500 + 400, 505)
    assert timeline.seams() == [(800 - 505, BACK), (900 + 500 - 505, AGAIN)]


def test_what_plays_from_the_beginning_has_no_origin() -> None:
    assert Timeline(1000, (), 0).origin == 0
