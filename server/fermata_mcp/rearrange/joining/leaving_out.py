"""Where to leave and to enter so that the beat goes on, by leaving out what is between: as a jump within one track.

If what is new begins like a place of what came before, and that place is like another that is some bars later, what is
new follows the later one too. So how well it goes on after any place is the best product of two agreements: of what is
new with what came before, and of the end of that with itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.rearrange.features.spectra import BANDS
from fermata_mcp.rearrange.transitions.alignment import peak_offset

if TYPE_CHECKING:
    from fermata_mcp.rearrange.features.analysis import Analysis
    from fermata_mcp.rearrange.samples import F32, Floats, Ints

    from .passage import Passage

# Chosen 2026-11-28; judged by benchmarks/generated_joins.py.
MOST_SECONDS = 4.0  # left out of either side
_WINDOW, _SHORTEST = 4.0, 0.4  # seconds compared, and the least of them
_UNSURE = 0.5  # seconds compared at which the agreement counts half
_PER_SECOND = 0.1  # of agreement that a second less left out is worth
_RHYTHM = 0.5  # share of rhythm; the other is that of timbre and harmony
_AGREES = 0.3  # least agreement
_SURE_AT_LEAST, _SURER = 0.5, 0.8  # what is claimed at the most without any agreement, and what that adds
_TRIED = 4  # ways of which the places are looked at
_AROUND = 0.25  # seconds around a place that are compared
_IN_VOICE, _ON_ONSET = 0.8, 0.01  # distance for which a place is moved out of a voice, or before an onset


@dataclass(frozen=True)
class LeavingOut:
    """`frames` of both together are left out, to a fraction; `agreement`: how well they would have agreed, 0 to 1."""

    frames: float
    agreement: float

    @property
    def most_claimed(self) -> float:
        """Share of listeners, 0 to 1, beyond which nobody can be sure."""
        return min(1.0, _SURE_AT_LEAST + _SURER * self.agreement)

    def place(self, passage: Passage, last: int) -> tuple[int, int]:
        """Frames to leave, `last` at the latest, and to enter, counted in the second: where both are most alike."""
        most, whole = int(MOST_SECONDS * passage.analysis.fps), round(self.frames)
        enters: Ints = np.arange(max(0, whole - most), min(whole, most) + 1)
        leaves = last - whole + enters
        best = int(np.argmin(_heard(passage, leaves, enters)))
        return int(leaves[best]), int(enters[best])


def _heard(passage: Passage, leaves: Ints, enters: Ints) -> Floats:
    """[n] how different both sides are around frames `leaves` and `enters` [n]; less before an onset of both."""
    analysis, there = passage.analysis, enters + passage.border
    width = 2 * int(_AROUND * analysis.fps) + 1
    apart = passage.distance.between(leaves, there)
    padded = np.pad(apart, width // 2, mode="edge")
    smooth = np.convolve(padded, np.full(width, 1 / width), "valid")
    voice = np.maximum(analysis.voice[leaves], analysis.voice[there])
    both = np.minimum(_onset(analysis, leaves + 2), _onset(analysis, there + 2))
    return smooth + _IN_VOICE * voice - _ON_ONSET * np.minimum(both, 4)


def _onset(analysis: Analysis, frames: Ints) -> F32:
    return analysis.onset[np.minimum(frames, analysis.frames - 1)]


def ways(passage: Passage, last: int) -> list[LeavingOut]:
    """The best first, of what came before up to frame `last`."""
    fps = passage.analysis.fps
    window, most = int(_WINDOW * fps), int(2 * MOST_SECONDS * fps)
    if last < 2 * window or passage.analysis.frames - passage.border < 1.5 * window:
        return []
    agrees = np.zeros(most + 1)
    for rows, share in ((_rhythm(passage), _RHYTHM), (_sound(passage), 1 - _RHYTHM)):
        agrees += share * _chained(*_agreements(rows[:last], rows[passage.border :], window, fps), most)
    liked = agrees - _PER_SECOND * np.arange(most + 1) / fps
    peaks = [at for at in range(1, most) if liked[at] >= max(liked[at - 1], liked[at + 1]) and agrees[at] >= _AGREES]
    peaks.sort(key=lambda at: -liked[at])
    return [LeavingOut(at + peak_offset(liked, at), float(agrees[at])) for at in peaks[:_TRIED]]


def _agreements(old: F32, new: F32, window: int, fps: float) -> tuple[Floats, Floats]:
    """Of the end of what came before with itself, and of what is new with it, by frames before that end."""
    return _along(old[-window:], old, window, fps)[window:], _along(new[:window], old, 0, fps)


def _along(needle: F32, hay: F32, least: int, fps: float) -> Floats:
    """[frames + 1] correlation of `needle` with `hay` from so many frames before its end on."""
    found = np.zeros(len(hay) + 1)
    for back in range(max(least, int(_SHORTEST * fps)), len(hay) + 1):
        size = min(len(needle), back)
        there, here = hay[len(hay) - back :][:size], needle[:size]
        scale = float(np.sqrt(np.vdot(there, there) * np.vdot(here, here))) + 1e-9
        found[back] = max(0.0, float(np.vdot(there, here)) / scale) * size / (size + _UNSURE * fps)
    return found


def _chained(own: Floats, other: Floats, most: int) -> Floats:
    """[most + 1] the best product of both whose distances come to so many frames."""
    best = np.zeros(most + 1)
    own = own / max(own[0], 1e-9)
    for back in range(len(own)):
        part = other[back : back + most + 1]
        best[: len(part)] = np.maximum(best[: len(part)], own[back] * part)
    return best


def _rhythm(passage: Passage) -> F32:
    """[frames, 8] onsets and changes of the spectrum, without their means."""
    analysis = passage.analysis
    groups = analysis.mel.reshape(analysis.frames, 4, BANDS // 4).mean(2)
    change = np.diff(groups, axis=0, prepend=groups[:1])
    rows = np.concatenate([analysis.onsets, change], 1)
    return ((rows - rows.mean(0)) / (rows.std(0) + 1e-6)).astype(np.float32)


def _sound(passage: Passage) -> F32:
    """[frames, n] timbre and harmony, without their means."""
    analysis = passage.analysis
    groups = analysis.mel.reshape(analysis.frames, 16, BANDS // 16).mean(2)
    chroma = np.repeat(analysis.chroma, analysis.cell, axis=0)
    chroma = np.concatenate([chroma, np.repeat(chroma[-1:], max(0, analysis.frames - len(chroma)), axis=0)])
    rows = np.concatenate([groups, chroma[: analysis.frames]], 1)
    return ((rows - rows.mean(0)) / (rows.std(0) + 1e-6)).astype(np.float32)
