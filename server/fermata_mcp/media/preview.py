"""A compressed copy of an audio file, small enough for a message: Opus in Ogg (RFC 7845), as good as fits.

numpy, soundfile and soxr are imported on first use; everything here is to be run where a decoder may end its process.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fermata_mcp.domain.errors import NotAudio
from fermata_mcp.domain.foreign import paths

from .atomic import sweep, told_in_words, whole_file
from .audio import Opened, open_audio, probe
from .codecs.reader import blocks_of
from .codecs.resampling import as_channels, resampled
from .facts import AudioFacts, PreviewFacts
from .files import seal_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENDING = ".opus"
BEST_BIT_RATE = 128_000  # beyond it nobody hears a difference
STEREO_BIT_RATE = 40_000  # below it one channel sounds better than two
WORST_BIT_RATE = 12_000  # below it a part of the track says more than all of it
# Opus knows few rates; of these every one holds what its bit rate can carry.
_RATE = 48_000
# The encoder varies its bit rate around what it is told, and the container adds its pages.
_AIM = 0.94
_SMALLER = 0.85
_MOST_KEPT = 24
_VERSION = 1
# What libsndfile makes of its compression level, for each channel.
_HIGHEST, _RANGE = 256_000, 250_000


@dataclass(frozen=True)
class Encoding:
    """How a preview is encoded: bits a second for all channels together, and seconds from the beginning."""

    bit_rate: float
    channels: int
    seconds: float

    @property
    def compression_level(self) -> float:
        """The same in libsndfile's terms."""
        return min(1.0, max(0.0, (_HIGHEST - self.bit_rate / self.channels) / _RANGE))


def preview(path: Path, folder: Path, most: int) -> PreviewFacts:
    """A copy of `path` in `folder` with at most `most` bytes: the one made before, if the file is still the same.

    Raises:
        InvalidRequest, NotAudio, TooLarge: As `probe` does.
        StoreUnavailable: The folder cannot be written.
    """
    facts, target = probe(path), folder / _name_for(path, most)
    if not target.is_file():
        with told_in_words(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make(path, facts, target, most)
        _tidy(folder)
    with suppress(OSError):
        os.utime(target)
    made, size = probe(target), target.stat().st_size
    rate = round(size * 8 / made.duration_seconds)
    return PreviewFacts(target.name, size, rate, made.channels, made.duration_seconds, facts.duration_seconds)


def encoding_for(seconds: float, channels: int, most: int) -> Encoding:
    """As good as fits into `most` bytes: stereo while that is worth it, then mono, then a part of the track."""
    rate = min(BEST_BIT_RATE, _AIM * most * 8 / seconds)
    if rate < WORST_BIT_RATE:
        return Encoding(WORST_BIT_RATE, 1, _AIM * most * 8 / WORST_BIT_RATE)
    return Encoding(rate, 2 if channels == 2 and rate >= STEREO_BIT_RATE else 1, seconds)


def _name_for(path: Path, most: int) -> str:
    named = f"{_VERSION} {most} {paths.written(str(path))} {seal_of(path)}"
    return hashlib.blake2b(named.encode(), digest_size=16).hexdigest() + ENDING


def _make(path: Path, facts: AudioFacts, target: Path, most: int) -> None:
    import soundfile

    try:
        with whole_file(target, ending=ENDING, durable=False) as part, told_in_words(target.parent):
            for encoding in _ever_smaller(encoding_for(facts.duration_seconds, facts.channels, most)):
                _encode(path, encoding, part)
                if part.stat().st_size <= most:
                    return
    except soundfile.SoundFileError as error:
        raise NotAudio(f"no preview of {path.name} can be made.") from error


def _ever_smaller(encoding: Encoding) -> Iterator[Encoding]:
    while True:
        yield encoding
        if encoding.bit_rate > WORST_BIT_RATE:
            encoding = replace(encoding, bit_rate=max(WORST_BIT_RATE, encoding.bit_rate * _SMALLER), channels=1)
        else:
            encoding = replace(encoding, seconds=encoding.seconds * _SMALLER)


def _encode(path: Path, encoding: Encoding, part: Path) -> None:
    import numpy as np
    import soundfile

    with (
        open_audio(path) as source,
        soundfile.SoundFile(
            os.fspath(part), "w", _RATE, encoding.channels,
            format="OGG", subtype="OPUS", compression_level=encoding.compression_level,
        ) as file,
    ):  # fmt: skip
        for block in _samples(source, encoding):
            file.write(np.clip(block, -1, 1))


def _samples(source: Opened, encoding: Encoding) -> Iterator[Any]:
    frames = min(source.frames, round(encoding.seconds * source.samplerate))
    blocks = (as_channels(block, encoding.channels) for block in blocks_of(source, frames))
    if source.samplerate == _RATE:
        return blocks
    return resampled(blocks, source.samplerate, _RATE, encoding.channels)


def _tidy(folder: Path) -> None:
    """Previews are made again when they are wanted: the oldest go."""
    with suppress(OSError):
        sweep(folder)
        made = sorted(folder.glob(f"*{ENDING}"), key=lambda one: one.stat().st_mtime)
        for old in made[:-_MOST_KEPT]:
            old.unlink(missing_ok=True)
