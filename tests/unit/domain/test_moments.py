"""Moments in music as players show them."""

from __future__ import annotations

import pytest

from fermata_mcp.domain.moments import clock


@pytest.mark.parametrize(
    ("seconds", "exact", "short"),
    [
        (4.29, "0:04.3", "0:04"),
        (64.25, "1:04.2", "1:04"),
        (59.97, "1:00.0", "1:00"),
        (600.0, "10:00.0", "10:00"),
        (3599.96, "60:00.0", "60:00"),
    ],
)
def test_no_minute_has_sixty_seconds(seconds: float, exact: str, short: str) -> None:
    assert clock(seconds) == exact
    assert clock(seconds, tenths=False) == short
