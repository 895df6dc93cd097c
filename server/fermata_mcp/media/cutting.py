"""The stretch of a track that a provider is to hear, as a file of its own.

numpy, soundfile and soxr are imported on first use; everything here is to be run where a decoder may end its process.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fermata_mcp.domain.errors import NotAudio
from fermata_mcp.domain.spec import SentForm, Window

from .atomic import told_in_words, whole_file
from .audio import Opened, open_audio, probe
from .codecs.reader import blocks_of, go_to
from .codecs.resampling import as_channels, resampled
from .encoding.peaks import storable
from .facts import WindowFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    Samples = np.ndarray[Any, np.dtype[np.float32]]

_FORMATS: dict[SentForm, tuple[str, str]] = {
    "wav float32": ("WAV", "FLOAT"), "wav16": ("WAV", "PCM_16"), "flac": ("FLAC", "PCM_24"),
}  # fmt: skip
_ROUNDED_SECONDS = 1e-6
_MOST_HELD = 4  # frames


def cut(path: Path, until: float, window: Window, target: Path) -> WindowFacts:
    """Write what `path` has before second `until` to `target`, which appears whole or not at all.

    At most `window.context` seconds, as many as there are of its grid. Samples are not touched where the file has the
    rate and channels of the window already.

    Raises:
        NotAudio: Nothing can be decoded before that second, or less than one grid of it.
        TooLarge: The file is longer than anybody can use.
        StoreUnavailable: `target` cannot be written.
    """
    import soundfile

    try:
        with open_audio(path) as file:
            stop = min(file.frames, round(until * file.samplerate))
            frames = _frames(stop / file.samplerate, window)
            start = max(0, stop - round(frames * file.samplerate / window.rate))
            go_to(file, start, exact=probe(path).lossless)
            _write(_exactly(_as_wanted(blocks_of(file, stop - start), file, window), frames), window, target)
            return WindowFacts(target, start / file.samplerate, frames / window.rate)
    except soundfile.SoundFileError as error:
        raise NotAudio(f"{path.name} cannot be decoded before second {until:g}.") from error


def _frames(seconds: float, window: Window) -> int:
    """Length in frames of the window's rate."""
    most = min(seconds, window.context) + _ROUNDED_SECONDS
    whole = most if not window.grid else math.floor(most / window.grid) * window.grid
    frames = round(whole * window.rate)
    if frames <= 0:
        raise NotAudio(f"There are only {seconds:.2f} s before the point: too little to go on from.")
    return frames


def _as_wanted(blocks: Iterator[Samples], file: Opened, window: Window) -> Iterator[Samples]:
    mixed = (as_channels(block, window.channels) for block in blocks)
    return mixed if file.samplerate == window.rate else resampled(mixed, file.samplerate, window.rate, window.channels)


def _exactly(blocks: Iterator[Samples], frames: int) -> Iterator[Samples]:
    """So many of them; where a rounded length lacks one, the last is held."""
    import numpy as np

    last: Samples | None = None
    for block in blocks:
        last = block[-1:] if len(block) else last
        yield block[:frames]
        frames -= min(frames, len(block))
    if last is None or frames > _MOST_HELD:
        raise NotAudio("What is before the point cannot be decoded.")
    yield np.repeat(last, frames, axis=0)


def _write(blocks: Iterator[Samples], window: Window, target: Path) -> None:
    import soundfile

    container, subtype = _FORMATS[window.form]
    with (
        whole_file(target, ending=target.suffix, durable=False) as part,
        told_in_words(target.parent),
        soundfile.SoundFile(str(part), "w", window.rate, window.channels, subtype, format=container) as file,
    ):
        for block in blocks:
            file.write(storable(block, subtype))
