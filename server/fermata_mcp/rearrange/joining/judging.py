"""How sure a join is that a provider made by itself, and where to branch off instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import soundfile

from fermata_mcp.domain.errors import NotAudio
from fermata_mcp.media.audio import open_audio, probe
from fermata_mcp.media.codecs.reader import blocks_of, go_to
from fermata_mcp.media.facts import SeamFacts

from .transition import judged

if TYPE_CHECKING:
    from pathlib import Path

    from fermata_mcp.media.audio import Opened
    from fermata_mcp.rearrange.samples import F32

_BEFORE, _AFTER = 16.0, 8.0  # seconds looked at


def judge(path: Path, at: float) -> SeamFacts:
    """Look at what is around second `at` of a track.

    Raises:
        NotAudio: It cannot be decoded up to there, or there is too little on either side.
        TooLarge: It is longer than anybody can use.
    """
    exact = probe(path).lossless
    try:
        with open_audio(path) as file:
            rate = file.samplerate
            start = round(max(0.0, at - _BEFORE) * rate)
            go_to(file, start, exact=exact)
            old, new = _mono(file, round(at * rate) - start), _mono(file, round(_AFTER * rate))
    except soundfile.SoundFileError as error:
        raise NotAudio(f"{path.name} cannot be decoded up to second {at:g}.") from error
    if min(len(old), len(new)) < rate:
        raise NotAudio(f"There is too little around second {at:g} of {path.name}.")
    sure, better = judged(old, new, rate)
    return SeamFacts(sure, None if better is None else round((start + better) / rate, 2))


def _mono(file: Opened, frames: int) -> F32:
    """[samples] the mean of all channels of the next `frames`."""
    return np.concatenate([np.empty(0, np.float32), *(block.mean(1) for block in blocks_of(file, frames))])
