"""A jump between passages of unlike loudness is heard as a step, either way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.media.audio import probe
from fermata_mcp.rearrange.cache import Cache
from fermata_mcp.rearrange.features.analysis import analyse
from fermata_mcp.rearrange.samples import open_samples
from fermata_mcp.rearrange.transitions.level_steps import level_steps
from support.audio_signals import noise, save

if TYPE_CHECKING:
    from pathlib import Path


def test_a_step_is_what_goes_beyond_the_tracks_own(tmp_path: Path) -> None:
    sound = noise(40)
    sound[len(sound) // 2 :] *= 0.1
    source = save(tmp_path / "a.wav", sound)
    samples = open_samples(source, probe(source), tmp_path, lambda _share: None)
    analysis = analyse(samples, 0, samples.frames, Cache(None, source), lambda _share: None)
    leave = np.array([8, 30, 10, 30]) * round(analysis.fps)
    lag = np.array([4.0, 20.0, -20.0, 4.0]) * round(analysis.fps) * analysis.hop
    steps = level_steps(analysis, leave, lag)
    assert steps[[0, 3]].max() < 2
    assert steps[[1, 2]].min() > 10
