"""What is played when: the source through its seams, to the exact frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fermata_mcp.rearrange.transitions.crossfade import Join


@dataclass(frozen=True)
class Plan:
    """What to play: the source through `joins`, cut or continued with silence to `frames`, the last `fade` fading.

    With `wrap` it begins where that join enters and ends with it, so that its end leads into its beginning.
    """

    frames: int
    joins: tuple[Join, ...]
    fade: int
    wrap: Join | None = None

    @property
    def origin(self) -> int:
        """Frame of the source with which the result begins."""
        return self.wrap.enter + self.wrap.after if self.wrap else 0

    def seams(self) -> list[tuple[int, Join]]:
        """Every join, and the frame of the result at which its cut lies."""
        joins = (*self.joins, self.wrap) if self.wrap else self.joins
        gained = np.cumsum([-self.origin, *(join.gain for join in joins)])
        return [(join.leave + int(before), join) for join, before in zip(joins, gained[:-1], strict=True)]


def looping(joins: tuple[Join, ...], wrap: Join) -> Plan:
    """The plan of a file that plays end to start for ever; what its joins add up to is its length."""
    return Plan(sum(join.gain for join in (*joins, wrap)), joins, 0, wrap)
