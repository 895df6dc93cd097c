"""Each principal has a bucket of requests that fills up within a minute."""

from __future__ import annotations

import pytest

from fermata_mcp.transports.web import limits
from fermata_mcp.transports.web.limits import Rate


def test_a_bucket_is_used_up_and_fills_again() -> None:
    rate = Rate(60)
    assert [rate.take("anna", 0.0) for _ in range(61)] == [0] * 60 + [1]
    assert rate.take("bert", 0.0) == 0
    assert rate.take("anna", 1.0) == 0
    assert rate.take("anna", 1.0) == 1
    assert [rate.take("anna", 600.0) for _ in range(61)].count(0) == 60


def test_a_slow_bucket_says_how_long_to_wait() -> None:
    rate = Rate(2)
    assert [rate.take("anna", 0.0) for _ in range(3)] == [0, 0, 30]
    assert rate.take("anna", 10.0) in (20, 21)


def test_no_number_of_principals_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_PRINCIPALS", 3)
    rate = Rate(1)
    for number in range(9):
        assert rate.take(f"oauth:{number}", 0.0) == 0
    assert rate.take("oauth:8", 0.0) == 60
