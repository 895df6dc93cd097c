"""Whole or part: known from what fixes it, or not known at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from fermata_mcp.domain.placement import Evidence, Likeness, Start, start_of

LENGTHS = some.none() | some.floats(0.1, 600)
LIKE = some.sampled_from([None, "same", "different"])


@pytest.mark.parametrize(
    ("known", "start"),
    [
        # Nothing but a length says nothing, unless it is too short to hold what came before.
        (Evidence(120, 60), "unknown"),
        (Evidence(60.5, 60), "new"),
        (Evidence(20, 60), "new"),
        (Evidence(None, 60), "unknown"),
        (Evidence(120, None), "unknown"),
        # What was asked for fixes the length.
        (Evidence(90, 60, asked=30), "track"),
        (Evidence(60.4, 57, asked=60), "new"),
        (Evidence(61.2, 58, asked=60), "new"),
        (Evidence(118, 58, asked=60), "track"),
        (Evidence(75, 58, asked=60), "unknown"),
        (Evidence(31, 1.2, asked=30), "unknown"),
        (Evidence(68, 8, ahead=100, asked=60), "clip"),
        (Evidence(168, 8, ahead=100, asked=60), "track"),
        # The audio itself is believed before any length.
        (Evidence(120, 60, like_track="same", like_clip="same"), "track"),
        (Evidence(120, 60, like_track="different", like_clip="different"), "new"),
        (Evidence(120, 60, asked=60, like_track="different", like_clip="different"), "new"),
        (Evidence(40, 28, asked=40, like_track="same", like_clip="same"), "track"),
        (Evidence(30, 8, ahead=100, like_track="different", like_clip="same"), "clip"),
        (Evidence(30, 8, ahead=100, like_track="same", like_clip="different"), "track"),
        (Evidence(8, 6, ahead=18, like_track="different", like_clip="different"), "new"),
        # What the provider says.
        (Evidence(120, 60, told=True), "track"),
        (Evidence(120, 60, told=False), "new"),
        (Evidence(30, 60, told=True), "new"),
        (Evidence(None, None, told=True), "track"),
        (Evidence(120, 60, told=True, like_track="different", like_clip="different"), "new"),
    ],
)
def test_where_a_result_begins(known: Evidence, start: Start) -> None:
    assert start_of(known) == start


@given(
    own=LENGTHS, point=LENGTHS, ahead=some.floats(0, 300), asked=LENGTHS, like=LIKE, told=some.none() | some.booleans()
)
def test_the_whole_is_never_claimed_without_evidence(
    own: float | None, point: float | None, ahead: float, asked: float | None, like: Likeness | None, told: bool | None
) -> None:
    start = start_of(Evidence(own, point, ahead, asked, told, like, like))
    if start in ("track", "clip"):
        assert told or like == "same" or asked is not None
    if own is not None and point is not None and own < point:
        assert start == "new"
    if like == "different" and own is not None and point is not None:
        assert start == "new"
