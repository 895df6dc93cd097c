"""Moments in music as players show them, and numbers of things as people say them."""

from __future__ import annotations


def clock(seconds: float, *, tenths: bool = True) -> str:
    """`2:05.3`, to the nearest tenth; or `2:05`, to the nearest second."""
    if tenths:
        count = round(seconds * 10)
        return f"{count // 600}:{count % 600 / 10:04.1f}"
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def counted(count: float, thing: str, one: str = "", many: str = "", *, none: str = "no") -> str:
    """`no tasks`, `1 task`, `2 tasks`; with a verb in its two forms, `1 task is`, `2 tasks are`.

    Args:
        thing: One of them; what is said of each may go before, as in `open upload`.
        none: What stands for zero.
    """
    said = f"{count:g} {thing}" if count == 1 else f"{f'{count:g}' if count else none} {thing}s"
    return f"{said} {one if count == 1 else many}".rstrip()
