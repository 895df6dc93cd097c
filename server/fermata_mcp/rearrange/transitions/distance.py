"""How far apart two moments of the music are, and what a listener makes of a jump between them.

Three things are compared over about a tenth of a second: timbre, harmony and rhythm. Each is measured by the distance
of places taken at random, so that 0 is the same sound and 1 has nothing to do with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.rearrange.features.means import moving_rows

if TYPE_CHECKING:
    from fermata_mcp.rearrange.features.analysis import Analysis
    from fermata_mcp.rearrange.samples import F32, Floats, Ints

# Tuned 2026-11-22 with benchmarks/quality.py on the 26 tracks of fetch_music.TUNED and 20 s clips of them; the widths
# of acceptance by the correlation of its confidence with the score that benchmarks/judge gives the same seam.
_SPAN = 8  # frames a moment lasts
BETTER, WORSE = 0.7, 0.3  # shares of the side, before or after a jump, that is more alike, and of the other
UNKNOWN = 0.72  # distance of what lies outside the track
_FLOORS = (3.0, 0.12, 0.4)  # dB, share, dB: distances below which even random places are alike
_ALIKE, _ALIKE_WIDTH = 0.29, 0.35  # a mismatch nobody hears, and how much more half of the listeners hear
_IN_TIME, _IN_TIME_WIDTH = 0.012, 0.028  # seconds off the pulse that nobody hears, and how much more half do
_STEP_WIDTH = 3.5  # dB beyond the track's habit that half of the listeners hear


class FrameDistance:
    """How different the music is at pairs of frames of one analysis, each taken with the eight around it."""

    def __init__(self, analysis: Analysis) -> None:
        self._groups = (
            moving_rows(analysis.mel, _SPAN),
            moving_rows(np.repeat(analysis.chroma, analysis.cell, axis=0)[: analysis.frames], _SPAN),
            moving_rows(analysis.onsets, _SPAN),
        )
        self._last = min(len(group) for group in self._groups) - 1
        self._scales = self._random_distances()

    def between(self, old: Ints, new: Ints) -> Floats:
        """Between frames `old` and `new` [any shape, the same]: 0 the same sound, 1 as places taken at random."""
        total: Floats = np.zeros(old.shape)
        for group, scale in zip(self._groups, self._scales, strict=True):
            total += self._rms(group, old, new) / scale
        return total / len(self._groups)

    def _rms(self, group: F32, old: Ints, new: Ints) -> F32:
        """Root mean square difference of the rows `old` and `new` [any shape, the same] of `group` [frames, n]."""
        difference = group[np.minimum(old, self._last)] - group[np.minimum(new, self._last)]
        return np.sqrt(np.einsum("...k,...k->...", difference, difference) / group.shape[1])

    def _random_distances(self) -> list[float]:
        """The usual distance of random places in each group."""
        places = np.random.default_rng(0).integers(0, self._last + 1, (2, 3000))
        usual = [float(np.median(self._rms(group, *places))) for group in self._groups]
        return [max(floor, value) for floor, value in zip(_FLOORS, usual, strict=True)]


def either_side(before: Floats, after: Floats) -> Floats:
    """Mismatch by what leads to both places and what follows them, [any shape, the same]; 1 for places at random.

    Where one side agrees, the music goes on.
    """
    return BETTER * np.minimum(before, after) + WORSE * np.maximum(before, after)


def acceptance(mismatch: Floats, steps: Floats, off_pulse: Floats) -> Floats:
    """[jumps] share 0..1 of listeners who would not mind.

    Args:
        mismatch: [jumps] 1 for places taken at random.
        steps: [jumps] dB of level beyond the track's habit.
        off_pulse: [jumps] seconds by which the pulse stumbles.
    """
    return (
        _psychometric((mismatch - _ALIKE) / _ALIKE_WIDTH)
        * _psychometric(steps / _STEP_WIDTH)
        * _psychometric((off_pulse - _IN_TIME) / _IN_TIME_WIDTH)
    )


def _psychometric(excess: Floats) -> Floats:
    """1 up to 0, ½ at 1, then soon nothing."""
    return 1 / (1 + np.maximum(0, excess) ** 4)
