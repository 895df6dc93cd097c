"""Moments in music as players show them."""

from __future__ import annotations


def clock(seconds: float, *, tenths: bool = True) -> str:
    """`2:05.3`, to the nearest tenth; or `2:05`, to the nearest second."""
    if tenths:
        count = round(seconds * 10)
        return f"{count // 600}:{count % 600 / 10:04.1f}"
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"
