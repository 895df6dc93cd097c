"""By how much the level changes at a jump, beyond what the track does by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fermata_mcp.rearrange.features.analysis import Analysis
    from fermata_mcp.rearrange.samples import Floats, Ints

# Tuned 2026-11-22 with benchmarks/quality.py on the 26 tracks of fetch_music.TUNED and 20 s clips of them.
_STEP_WINDOWS = (0.45, 3.0)  # seconds
_USUAL_STEP = 95  # percentile of the track's own steps that are its habit


def level_steps(analysis: Analysis, leave: Ints, lag: Floats) -> Floats:
    """[jumps] dB by which the level changes more than the track's own habit."""
    worst = np.zeros(len(leave))
    enter = np.maximum(0, np.round(leave - lag / analysis.hop).astype(np.int64))
    for seconds in _STEP_WINDOWS:
        width = int(seconds * analysis.fps)
        worst = np.maximum(worst, _level_step(analysis, leave, enter, width) - _usual_step(analysis, width))
    return worst


def _level_step(analysis: Analysis, leave: Ints, enter: Ints, width: int) -> Floats:
    """[jumps] dB between `width` frames before the place left, and after the place entered; [jumps] frames both."""
    power = analysis.summed_power
    start, stop = np.maximum(0, leave - width), np.minimum(analysis.frames, enter + width)
    before = (power[leave] - power[start]) / np.maximum(1, leave - start)
    after = (power[stop] - power[enter]) / np.maximum(1, stop - enter)
    return np.abs(10 * np.log10((after + 1e-9) / (before + 1e-9)))


def _usual_step(analysis: Analysis, width: int) -> float:
    """dB."""
    places = np.arange(width, analysis.frames - width, 11)
    return float(np.percentile(_level_step(analysis, places, places, width), _USUAL_STEP)) if len(places) else 3.0
