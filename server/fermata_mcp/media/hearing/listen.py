"""What can be told of a file's music, to a model that goes on from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fermata_mcp.media.audio import open_audio
from fermata_mcp.media.facts import MusicFacts

from .tempo import tempo_of
from .tonality import key_of

# More than this adds nothing; it is the end that the model goes on from.
_SECONDS = 90.0
_RATE = 22_050  # nearly


def listen(path: Path) -> MusicFacts:
    """Tempo, key and metre of the last minute and a half. Raises NotAudio."""
    with open_audio(path) as file:
        step = max(1, round(file.samplerate / _RATE))
        samples = file.read(dtype="float32", always_2d=True)[-round(_SECONDS * file.samplerate) :]
        rate = file.samplerate / step
    mono = samples.mean(axis=1, dtype=np.float32)
    whole = mono[: len(mono) // step * step].reshape(-1, step).mean(axis=1)
    bpm, beats = tempo_of(whole, rate) if len(whole) > 4 * rate else (None, None)
    return MusicFacts(bpm, key_of(whole, rate), beats)
