"""Numbers of things, as people say them."""

from __future__ import annotations


def counted(count: float, thing: str, one: str = "", many: str = "", *, none: str = "no") -> str:
    """`no tasks`, `1 task`, `2 tasks`; with a verb in its two forms, `1 task is`, `2 tasks are`.

    Args:
        thing: One of them; what is said of each may go before, as in `open upload`.
        none: What stands for zero.
    """
    said = f"{count:g} {thing}" if count == 1 else f"{f'{count:g}' if count else none} {thing}s"
    return f"{said} {one if count == 1 else many}".rstrip()
