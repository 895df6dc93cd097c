"""Jumps, analyses and samples to feed to the stages of the offline engine one by one."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.media.audio import probe
from fermata_mcp.rearrange.arrangement.objective import Objective
from fermata_mcp.rearrange.arrangement.search import find_sequence
from fermata_mcp.rearrange.cache import Cache
from fermata_mcp.rearrange.features.analysis import Analysis, analyse
from fermata_mcp.rearrange.samples import Samples, open_samples
from fermata_mcp.rearrange.transitions.jumps import Jumps

if TYPE_CHECKING:
    from pathlib import Path

    from fermata_mcp.rearrange.arrangement.search import JumpSequence
    from fermata_mcp.rearrange.job import Ending

_FRAMES_PER_SECOND = 100


def jumps_of(*jumps: tuple[float, float, float]) -> Jumps:
    """From (second left, seconds back, share of listeners who accept it)."""
    leave, lag, share = (np.array(column, float) for column in zip(*jumps, strict=True))
    frames = np.round(leave * _FRAMES_PER_SECOND).astype(np.int64)
    lags = lag * _FRAMES_PER_SECOND * 10
    return Jumps(frames, lags, 1 - share, share, np.zeros(len(lag)), _FRAMES_PER_SECOND * 10.0, 10)


def samples_of(source: Path) -> Samples:
    return open_samples(source, probe(source), source.parent, lambda _share: None)


def analysed(source: Path) -> Analysis:
    with closing(samples_of(source)) as samples:
        return analyse(samples, 0, samples.frames, Cache(None, source), lambda _share: None)


def sequence_for(jumps: Jumps, added: float, ending: Ending = "auto") -> JumpSequence:
    """What is chosen in a track of 100 s that has an ending of its own."""
    objective = Objective(added=added, seconds=100, start=4, soon=False, spacing=4, tail=0, ending=ending)
    sequence = find_sequence(jumps, objective, lambda _share: None)
    assert sequence is not None
    return sequence
