"""Collections of jumps, the lightest for each length."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fermata_mcp.rearrange.arrangement.knapsack import UNIT, Knapsack


@given(
    st.lists(st.tuples(st.integers(1, 12), st.floats(0.001, 1)), min_size=1, max_size=6),
    st.integers(1, 40),
)
@example([(3, 0.5), (3, 0.25), (5, 0.3)], 8)
def test_a_knapsack_holds_the_lightest_collections(kinds: list[tuple[int, float]], most: int) -> None:
    gain, penalty = np.array([units * UNIT for units, _ in kinds]), np.array([penalty for _, penalty in kinds])
    sack = Knapsack(gain, penalty, most * UNIT + UNIT / 2)
    least = [0.0] + [np.inf] * most
    for row in range(1, most + 1):
        least[row] = min((least[row - units] + penalty for units, penalty in kinds if units <= row), default=np.inf)
    assert sack.penalty == pytest.approx(np.array(least), rel=1e-4)
    for row in np.flatnonzero(np.isfinite(sack.penalty)).tolist():
        held = sack.collection(row)
        assert sum(kinds[jump][0] for jump in held) == row
        assert penalty[held].sum() == pytest.approx(least[row], rel=1e-4)


@given(
    st.lists(st.tuples(st.integers(1, 12), st.floats(0.001, 1), st.integers(-2, 9)), min_size=1, max_size=5),
    st.integers(1, 30),
)
def test_what_goes_beyond_the_goal_does_so_with_its_last_jump(kinds: list[tuple[int, float, int]], goal: int) -> None:
    gain, penalty, room = (np.array(column, float) for column in zip(*kinds, strict=True))
    sack = Knapsack(gain * UNIT, penalty, goal * UNIT + UNIT / 2)
    held = sack.overshoot(goal, (room + 0.5) * UNIT)
    if held is None:
        return
    added = sum(kinds[jump][0] for jump in held)
    last = held[-1]
    assert added - kinds[last][0] < goal <= added <= goal + max(0, kinds[last][2])
