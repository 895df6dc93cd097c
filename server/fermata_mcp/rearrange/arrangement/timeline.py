"""What is played when: the source through its seams, to the exact frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.media.tagging.timed import Moves, Passage

if TYPE_CHECKING:
    from fermata_mcp.rearrange.transitions.crossfade import Crossfade


@dataclass(frozen=True)
class Timeline:
    """The source played through crossfades, cut or continued with silence to the exact length.

    Attributes:
        frames: Length of the result in sample frames.
        crossfades: In the order in which they are played.
        fade: So many frames at the end fade out.
        wrap: With it the result begins where this crossfade enters and ends with it, so that its end leads into its
            beginning.
        loop_start: Frame of the result into which its end leads; None where that is not meant.
    """

    frames: int
    crossfades: tuple[Crossfade, ...]
    fade: int
    wrap: Crossfade | None = None
    loop_start: int | None = None

    @property
    def origin(self) -> int:
        """Frame of the source with which the result begins."""
        return self.wrap.enter + self.wrap.after if self.wrap else 0

    def seams(self) -> list[tuple[int, Crossfade]]:
        """Every crossfade, and the frame of the result at which its cut lies."""
        crossfades = (*self.crossfades, self.wrap) if self.wrap else self.crossfades
        added = np.cumsum([-self.origin, *(crossfade.lag for crossfade in crossfades)])
        return [(each.leave + int(before), each) for each, before in zip(crossfades, added[:-1], strict=True)]

    def moves(self, rate: int, frames: int) -> Moves:
        """Where the source, which has so many frames, is heard in the result."""
        passages: list[Passage] = []
        begin, at = self.origin, 0
        for cut, crossfade in self.seams():
            passages.append(Passage(at, begin, crossfade.leave))
            begin, at = crossfade.enter, cut
        passages.append(Passage(at, begin, begin + self.wrap.after if self.wrap else frames))
        blends = tuple((cut - each.before, cut + each.after) for cut, each in self.seams())
        return Moves(rate, tuple(passages), self.frames, blends, self.fade)


def loop_timeline(crossfades: tuple[Crossfade, ...], wrap: Crossfade) -> Timeline:
    """That of a file that plays end to start for ever; what its crossfades add up to is its length."""
    return Timeline(sum(crossfade.lag for crossfade in (*crossfades, wrap)), crossfades, 0, wrap, 0)


def intro_loop_timeline(wrap: Crossfade) -> Timeline:
    """That of a file that plays from the source's beginning once, and then from where its last crossfade has led."""
    return Timeline(wrap.leave + wrap.after, (wrap,), 0, None, wrap.enter + wrap.after)
