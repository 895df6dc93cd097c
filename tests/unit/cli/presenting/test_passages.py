"""Which part of its source a result plays when, and what of it was heard before."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fermata_mcp.cli.presenting.passages import Join, Passage, delivered, passages


def test_without_joins_all_is_new() -> None:
    assert passages([], 8) == [Passage(0, 8, 0, False)]


def test_going_back_is_heard_again_until_it_comes_to_what_is_new() -> None:
    told = passages([Join(4, 4, 1, 0.9)], 10)
    assert told == [Passage(0, 4, 0, False), Passage(4, 7, 1, True), Passage(7, 10, 4, False)]


def test_skipping_ahead_is_new_and_what_was_skipped_is_new_later() -> None:
    told = passages([Join(2, 2, 6, 0.9), Join(4, 8, 1, 0.9)], 10)
    assert [(one.source, one.again) for one in told] == [(0, False), (6, False), (1, True), (2, False), (6, True)]


def test_what_comes_after_the_source_is_none_of_it() -> None:
    assert passages([Join(4, 4, 1, 0.9)], 20, 5) == [
        Passage(0, 4, 0, False),
        Passage(4, 7, 1, True),
        Passage(7, 8, 4, False),
    ]


@pytest.mark.parametrize("count", [1, 5, 60])
def test_nothing_is_left_out_and_nothing_told_twice(count: int) -> None:
    told = passages([Join(3.0 * n, 5, (7 * n) % 4, 0.5) for n in range(1, count + 1)], 3.0 * (count + 1))
    assert told[0].start == 0
    assert told[-1].end == pytest.approx(3.0 * (count + 1))
    assert all(before.end == pytest.approx(after.start) for before, after in pairwise(told))


def test_a_seam_as_a_view_tells_it() -> None:
    assert Join.of({"at": 1.0, "from": 2.0, "to": 3.0, "confidence": 0.5, "blend_ms": 9}) == Join(1, 2, 3, 0.5)


def test_what_was_delivered() -> None:
    """Not always the first clip; and a chain's joined file is none of its clips."""
    clips = [{"file": "a", "seams": [1]}, {"file": "b", "seams": [2]}]
    assert delivered({"audio": {"file": "b"}, "clips": clips}) == clips[1]
    assert delivered({"audio": {"file": "joined"}, "clips": clips}) == {
        "file": "joined",
        "seams": [],
        "continue_at": None,
    }
    assert delivered({"audio": None, "clips": clips}) is None
