"""A claim, in whichever database: who asks for what, and what came of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from fermata_mcp.domain.task import Step

from .base import Unreadable


@dataclass(frozen=True)
class Taker:
    """Who asks for steps, at what time, and of which tasks alone; None for any.

    `renders`: how many renders there is room for; None for any number.
    """

    home: str
    now: int
    tasks: Collection[str] | None = None
    renders: int | None = None


@dataclass
class Claimed:
    """What a claim has taken, what it has put out of the way, and the tasks of which another process lost a step."""

    steps: list[Step] = field(default_factory=list[Step])
    taken_over: list[str] = field(default_factory=list[str])
    unreadable: list[Unreadable] = field(default_factory=list[Unreadable])
