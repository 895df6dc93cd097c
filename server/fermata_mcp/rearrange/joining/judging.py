"""How sure a join is that a provider made by itself, and where to branch off instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import soundfile

from fermata_mcp.domain.errors import NotAudio
from fermata_mcp.media.audio import open_audio, probe
from fermata_mcp.media.facts import SeamFacts

from .transition import judged

if TYPE_CHECKING:
    from pathlib import Path

    from fermata_mcp.media.audio import Opened
    from fermata_mcp.rearrange.samples import F32

_BEFORE, _AFTER = 16.0, 8.0  # seconds looked at
_BLOCK = 65_536


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
            if exact:
                file.seek(start)
            else:
                _mono(file, start, keep=False)
            old, new = _mono(file, round(at * rate) - start), _mono(file, round(_AFTER * rate))
    except soundfile.SoundFileError as error:
        raise NotAudio(f"{path.name} cannot be decoded up to second {at:g}.") from error
    if min(len(old), len(new)) < rate:
        raise NotAudio(f"There is too little around second {at:g} of {path.name}.")
    sure, better = judged(old, new, rate)
    return SeamFacts(sure, None if better is None else round((start + better) / rate, 2))


def _mono(file: Opened, frames: int, *, keep: bool = True) -> F32:
    """[samples] the mean of all channels of the next `frames`."""
    blocks = [np.empty(0, np.float32)]
    while frames > 0 and len(block := file.read(min(_BLOCK, frames), dtype="float32", always_2d=True)):
        frames -= len(block)
        if keep:
            blocks.append(block.mean(1))
    return np.concatenate(blocks)
