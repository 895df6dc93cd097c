"""Lengths and moments as people say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fermata_mcp.cli.presenting.clock import age, ago, minutes, size

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "-"), (0, "0:00"), (59.6, "1:00"), (65, "1:05"), (3599.7, "1:00:00"), (3723, "1:02:03")],
)
def test_minutes(seconds: float | None, said: str) -> None:
    assert minutes(seconds) == said


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(seconds=-5), "just now"), (timedelta(seconds=59), "just now"), (timedelta(minutes=2), "2 min ago"),
        (timedelta(minutes=59), "59 min ago"), (timedelta(hours=23), "23 h ago"), (timedelta(days=1), "1 day ago"),
        (timedelta(days=13), "13 days ago"), (timedelta(days=30), "2026-02-08"),
    ],
)  # fmt: skip
def test_ago(passed: timedelta, said: str) -> None:
    moment = (NOW - passed).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert ago(moment, NOW) == said


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 KB"), (999_999, "1.0 MB"), (2_500_000, "2.5 MB"), (45e9, "45 GB")],
)
def test_sizes(count: int, words: str) -> None:
    assert size(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (90, "1.5 minutes"), (3600, "1 hour"), (86_400, "1 day"), (30 * 86_400, "30 days")],
)
def test_ages(seconds: float, words: str) -> None:
    assert age(seconds) == words
