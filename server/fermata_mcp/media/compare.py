"""Whether two recordings begin with the same audio, however they were encoded.

numpy and soundfile are imported on first use; everything here is to be run where a decoder may end its process.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fermata_mcp.domain.errors import NotAudio, TooLarge
from fermata_mcp.domain.placement import Likeness

from .audio import Opened, open_audio
from .codecs.reader import go_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    Samples = np.ndarray[Any, np.dtype[np.float32]]

# Re-encoded audio keeps its waveform: normalised correlation is above 0.95 after MP3 at 64 kbit/s and after resampling,
# and below 0.3 between takes of one model over the same chords. Between the two nothing is claimed.
SAME_WAVEFORM = 0.8
OTHER_WAVEFORM = 0.4
_RATE = 4_000
_WINDOW_SECONDS = 2.0
_MOST_WINDOWS = 6
# Encoders put up to a tenth of a second of silence in front.
_SHIFT_SECONDS = 0.25
_SHORTEST_SECONDS = 0.5
_BLENDED_SECONDS = 6.0
_SILENCE = 1e-3
_BLOCK = 16_384


def likeness(result: Path, reference: Path, begins_at: float, seconds: float) -> Likeness | None:
    """Whether `result` begins with what `reference` holds from second `begins_at` on, for `seconds`.

    `same` if it is the same recording wherever it was looked at, but for the last seconds, where providers blend;
    `different` if it begins with another one. None where neither is certain, or there is nothing to compare: silence,
    too little audio, a kind that cannot be decoded.
    """
    try:
        one = _padded(_mono(result, 0.0, seconds + _SHIFT_SECONDS))
        other = _mono(reference, begins_at, seconds)
    except NotAudio:
        return None
    heard = [(place, value) for place in _places(len(other)) if (value := _at(one, other, place)) is not None]
    if not heard:
        return None
    first = heard[0][1]
    if first < SAME_WAVEFORM:  # two melodies may meet for one window, and do so once in a hundred; hardly for two
        return "different" if min(value for _, value in heard) < OTHER_WAVEFORM else None
    early = [value for place, value in heard if place <= len(other) - _BLENDED_SECONDS * _RATE]
    return "same" if min(early or [first]) >= SAME_WAVEFORM else None


def _places(length: int) -> list[int]:
    """First samples of the windows to look at, spread over `length` samples, the first and the last included."""
    window = min(length, round(_WINDOW_SECONDS * _RATE))
    if window < _SHORTEST_SECONDS * _RATE:
        return []
    last = length - window
    count = max(1, min(_MOST_WINDOWS, 1 + last // window))
    return sorted({round(last * index / max(1, count - 1)) for index in range(count)})


def _padded(samples: Samples) -> Samples:
    """With silence in front, so that the result may begin a little later than what it is compared with."""
    import numpy as np

    return np.concatenate([np.zeros(round(_SHIFT_SECONDS * _RATE), np.float32), samples])


def _at(one: Samples, other: Samples, place: int) -> float | None:
    """The best correlation of one window over all shifts, or None where the reference is silent there.

    `one` is padded, so that sample n of the other lies in the middle of its samples n to n + twice the shift.
    """
    import numpy as np

    window = np.asarray(other[place : place + round(_WINDOW_SECONDS * _RATE)], np.float64)
    window -= float(np.mean(window))
    energy = float(np.vdot(window, window))
    around = one[place : place + len(window) + 2 * round(_SHIFT_SECONDS * _RATE)]
    if energy < _SILENCE**2 * len(window):
        return None
    if len(around) < len(window):
        return 0.0
    size = 1 << (len(around) + len(window)).bit_length()
    one_spectrum, other_spectrum = np.fft.rfft(around, size), np.fft.rfft(window, size)
    product: Any = np.fft.irfft(one_spectrum * other_spectrum.conj(), size)[: len(around) - len(window) + 1]
    return float(np.max(np.abs(product) / _energies(around, len(window), energy)))


def _energies(around: Samples, length: int, own: float) -> Any:
    """What the correlation would be if the two were the same, for every shift."""
    import numpy as np

    squares = np.concatenate([[0.0], np.cumsum(around.astype(np.float64) ** 2)])
    return np.sqrt(np.maximum((squares[length:] - squares[:-length]) * own, 1e-12))


def _mono(path: Path, begins_at: float, seconds: float) -> Samples:
    """That much of the file, mono, at 4 kHz: what every encoder keeps."""
    import numpy as np
    import soundfile

    try:
        with open_audio(path) as file:
            go_to(file, round(begins_at * file.samplerate), exact=False)
            step = max(1, file.samplerate // _RATE)
            blocks = [np.empty(0, np.float32), *_averages(file, round(seconds * file.samplerate), step)]
            return _slower(np.concatenate(blocks), file.samplerate, step)
    except (soundfile.SoundFileError, OSError, RuntimeError, ValueError, TooLarge) as error:
        raise NotAudio(f"{path.name} cannot be decoded here.") from error


def _averages(file: Opened, frames: int, step: int) -> Iterator[Samples]:
    """Means over channels and over `step` frames at a time."""
    while frames > 0:
        samples: Any = file.read(min(frames, step * _BLOCK), dtype="float32", always_2d=True)
        usable = len(samples) // step * step
        if usable == 0:
            return
        frames -= len(samples)
        yield samples[:usable].mean(axis=1).reshape(-1, step).mean(axis=1)


def _slower(blocks: Samples, rate: int, step: int) -> Samples:
    import numpy as np

    places = np.arange(int(len(blocks) * _RATE * step / rate)) * (rate / (step * _RATE))
    return np.asarray(np.interp(places, np.arange(len(blocks)), blocks), np.float32)
