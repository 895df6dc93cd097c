"""Moving means keep a constant, and their length."""

from __future__ import annotations

import numpy as np
import pytest

from fermata_mcp.rearrange.features.means import moving_mean, moving_rows


@pytest.mark.parametrize("width", [1, 2, 7, 64])
def test_the_mean_of_a_constant_is_itself(width: int) -> None:
    assert moving_mean(np.full(50, 3.0, np.float32), width) == pytest.approx(np.full(50, 3.0))


@pytest.mark.parametrize("width", [2, 8, 32])
def test_rows_are_averaged_by_column(width: int) -> None:
    rows = np.stack([np.full(100, 1.0), np.arange(100.0)], axis=1).astype(np.float32)
    means = moving_rows(rows, width)
    assert means.shape == rows.shape
    assert means[:, 0] == pytest.approx(np.ones(100))
    assert means[width:-width, 1] == pytest.approx(rows[width:-width, 1] - 0.5)


def test_moving_means_go_on_at_the_ends() -> None:
    steps = np.repeat([0.0, 1.0], 50).astype(np.float32)
    for smooth in (moving_mean(steps, 8), moving_rows(steps[:, None], 8)[:, 0]):
        assert len(smooth) == pytest.approx(100, abs=1)
        assert (smooth[:40] == 0).all()
        assert (smooth[-40:] == 1).all()
    assert moving_mean(steps[:3], 8).tolist() == [0, 0, 0]
