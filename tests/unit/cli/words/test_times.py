"""Times as people write them."""

from __future__ import annotations

import argparse

import pytest

from fermata_mcp.cli.words.times import age, seconds


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90", 90), ("1.5", 1.5), ("0:05", 5), ("1:30", 90), ("01:02", 62), ("2:05.5", 125.5), ("2:05,5", 125.5),
        ("1:02:03", 3723), ("1:02:03.25", 3723.25), ("75:00", 4500), (" 3 ", 3), ("0", 0),
    ],
)  # fmt: skip
def test_seconds(text: str, meant: float) -> None:
    assert seconds(text) == meant


@pytest.mark.parametrize(
    "text", ["", "x", "1:", ":30", "1:60", "1:5", "1:75:00", "-1", "-1:00", "nan", "inf", "1:2:3:4"]
)
def test_no_time(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("30d", 2_592_000), ("12h", 43_200), ("2w", 1_209_600), ("45min", 2700), ("1.5h", 5400), ("1:00", 60), ("90", 90)],
)
def test_age(text: str, meant: float) -> None:
    assert age(text) == meant


@pytest.mark.parametrize("text", ["", "d", "30 parsecs", "-3d", "30D1", "nan"])
def test_no_age(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        age(text)
