"""What the music is like, moment by moment.

Two time grids: *frames* of about 12 ms (spectrum, onsets) and *cells* of about 90 ms (timbre, harmony, loudness).
Everything is a plain array, so that an analysis can be stored and used again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.rearrange.samples import BLOCK, to_float

from .means import moving_mean
from .spectra import BANDS, chroma_weights, decibels, mel_weights, power_spectra
from .voices import detector, find_voices, has_detector

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata_mcp.rearrange.cache import Arrays, Cache
    from fermata_mcp.rearrange.samples import F32, Floats, Samples

# Chosen 2026-11-22 when the engine was written, but for `_CHROMA_ROOTS`, which was tuned the same day with benchmarks/
# quality.py on the 26 tracks of fetch_music.TUNED.
_ANALYSIS_RATE = 22050  # Hz, nearly; an integer fraction of the source's rate
_CELL_FRAMES = 8
_MOST_CELLS = 2000  # the distance matrix has this many rows
_ONSET_GROUPS = 4
_ANTI_PHASE = 0.02  # a mix with less than this share of the power has cancelled itself
_SILENCE = 1e-7  # mel power, about -70 dB under full scale
_CHROMA_ROOTS = 2  # the ear hears a chord's soft notes too
_LONG_LOUDNESS = 3.0  # seconds
# Chosen 2026-11-28, between rain (0.9, 0.003, 0.9) and the evenest music of fetch_music.TUNED (2.6, 0.011, 1.8).
_EVEN = (1.8, 0.008, 1.5)  # standard deviation over chunks of three seconds: timbre in dB, harmony, loudness in dB
_FEWEST_CHUNKS = 3


@dataclass(frozen=True)
class Analysis:
    """Features of the stretch of the source from frame `start` on.

    Attributes:
        start: Source sample at which the analysed stretch begins.
        step: Source samples per analysis sample.
        rate: Analysis samples per second.
        hop: Analysis samples per frame.
        cell: Frames per cell.
        mono: [samples] the analysed signal.
        power: [frames] mel power.
        mel: [frames, BANDS] dB over a floor that follows the track's level.
        floor: That floor, as power.
        onsets: [frames, 4] rise of the spectrum, low to high bands.
        chroma: [cells, 12] strength of each pitch class; rows of length 1.
        voice: [frames] probability that somebody sings or speaks.
        spoken: Share of the stretch in which somebody speaks.
    """

    start: int
    step: int
    rate: float
    hop: int
    cell: int
    mono: F32
    power: F32
    mel: F32
    floor: float
    onsets: F32
    chroma: F32
    voice: F32
    spoken: float

    @property
    def frames(self) -> int:
        return len(self.mel)

    @property
    def cells(self) -> int:
        return len(self.chroma)

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.rate / self.hop

    @property
    def cell_seconds(self) -> float:
        return self.cell / self.fps

    @property
    def seconds(self) -> float:
        return len(self.mono) / self.rate

    @property
    def window(self) -> int:
        """Samples of one spectrum's window."""
        return 4 * self.hop

    @property
    def silent(self) -> bool:
        return bool(self.power.max(initial=0) < _SILENCE)

    @cached_property
    def even(self) -> bool:
        """Whether one stretch of it is as good as another: rain, wind, noise, in which nothing comes back."""
        groups = [self._three_seconds(rows) for rows in (self.by_cell(self.mel), self.chroma, self.level[:, None])]
        if len(groups[0]) < _FEWEST_CHUNKS:
            return False
        return all(float(rows.std(0).mean()) < most for rows, most in zip(groups, _EVEN, strict=True))

    def _three_seconds(self, rows: F32) -> F32:
        """[chunks, n] means over three seconds each of [cells, n], but for the first and the last."""
        width = max(1, int(_LONG_LOUDNESS / self.cell_seconds))
        count = min(len(rows), self.cells) // width
        return rows[: count * width].reshape(count, width, rows.shape[1]).mean(1)[1:-1]

    @cached_property
    def onset(self) -> F32:
        """[frames] onset strength over all bands, in standard deviations."""
        total = self.onsets.mean(1)
        return total / (total.std() + 1e-6)

    @cached_property
    def cell_power(self) -> F32:
        """[cells] mean power."""
        return self.by_cell(self.power[:, None])[:, 0]

    @cached_property
    def level(self) -> F32:
        """[cells] loudness in dB."""
        return decibels(self.cell_power, 1e-9)

    @cached_property
    def long_level(self) -> F32:
        """[cells] loudness in dB over three seconds."""
        return decibels(moving_mean(self.cell_power, max(1, int(_LONG_LOUDNESS / self.cell_seconds))), 1e-9)

    @cached_property
    def body(self) -> float:
        """dB; the loudness of the track's body."""
        return float(np.median(self.long_level))

    @cached_property
    def summed_power(self) -> Floats:
        """[frames + 1] running sum of power."""
        return np.concatenate([[0.0], np.cumsum(self.power, dtype=np.float64)])

    def by_cell(self, features: F32) -> F32:
        """Mean over each cell of [frames, n] features: [cells, n]."""
        used = features[: self.cells * self.cell]
        return used.reshape(self.cells, self.cell, features.shape[1]).mean(1)


def analyse(samples: Samples, start: int, stop: int, cache: Cache, progress: Callable[[float], None]) -> Analysis:
    """Analyse the source from frame `start` to `stop`, or remember having done so.

    Timbre is a mel spectrogram in dB, harmony a chroma vector, rhythm the rise of the spectrum (half-wave rectified
    spectral flux) in four groups of bands: M. Müller, "Fundamentals of Music Processing" (2015), chapters 3 and 6.
    """
    step = max(1, round(samples.rate / _ANALYSIS_RATE))
    rate = samples.rate / step
    hop = 256 * max(1, round(rate / _ANALYSIS_RATE)) if rate > 16000 else 128
    mono = _mono(samples, start, stop, step, lambda part: progress(part * 0.5))
    what = f"analysis {samples.frames} {start} {stop} {has_detector()}"
    arrays = cache.arrays(what, lambda: _transform(mono, rate, hop))
    progress(1.0)
    power, mel, chroma, floor = arrays["power"], arrays["mel"], arrays["chroma"], float(arrays["floor"])
    voice, spoken = arrays["presence"], float(arrays["spoken"])
    cell = _cell_frames(len(mel))
    return Analysis(start, step, rate, hop, cell, mono, power, mel, floor, _onsets(mel), chroma, voice, spoken)


def _transform(mono: F32, rate: float, hop: int) -> Arrays:
    """What takes long: the spectra of the whole signal `mono` [samples], as arrays of `Analysis` by their names."""
    power = power_spectra(mono, 4 * hop, hop, mel_weights(4 * hop, rate))
    floor = float(np.percentile(power[::7], 95)) * 1e-5 + 1e-9
    mel = decibels(power, floor)
    cell = _cell_frames(len(mel))
    chroma = _chroma(mono, rate, hop, cell)[: len(mel) // cell]
    voices = find_voices(mono, rate, mel, hop, detector())
    return {"power": power.sum(1, dtype=np.float32), "mel": mel, "chroma": chroma, "floor": floor} | voices._asdict()


def _cell_frames(frames: int) -> int:
    cell = _CELL_FRAMES
    while frames / cell > _MOST_CELLS:
        cell += 2
    return cell


def _mono(samples: Samples, start: int, stop: int, step: int, progress: Callable[[float], None]) -> F32:
    """[samples] frames `start` to `stop` mixed to one channel, each the mean of `step` frames."""
    count = (stop - start) // step
    weights = np.repeat(_mix_weights(samples, start, stop)[None] / step, step, 0).ravel().astype(np.float32)
    mono = np.empty(count, np.float32)
    stride = BLOCK // step
    for at in range(0, count, stride):
        n = min(stride, count - at)
        block = to_float(samples.read(start + at * step, start + (at + n) * step))
        mono[at : at + n] = block.reshape(n, step * samples.channels) @ weights
        progress((at + n) / count)
    return mono


def _mix_weights(samples: Samples, start: int, stop: int) -> F32:
    """[channels] shares: the mean of all channels; of anti-phase stereo the first, because the mean is silence."""
    even = np.full(samples.channels, 1 / samples.channels, np.float32)
    probes = [
        to_float(samples.read(at, min(at + 4096, stop))) for at in range(start, stop, max(1, (stop - start) // 24))
    ]
    sound = np.concatenate(probes)
    if samples.channels > 1 and np.mean((sound @ even) ** 2) < _ANTI_PHASE * np.mean(sound**2):
        even[:] = 0
        even[int(np.argmax((sound**2).mean(0)))] = 1
    return even


def _onsets(mel: F32) -> F32:
    """[frames, 4] dB by which `mel` [frames, BANDS] rises over two frames, low to high bands."""
    rise = np.zeros((len(mel), _ONSET_GROUPS), np.float32)
    if len(mel) > 2:
        grouped = np.maximum(mel[2:] - mel[:-2], 0).reshape(-1, _ONSET_GROUPS, BANDS // _ONSET_GROUPS)
        rise[1:-1] = grouped.mean(2)
    return rise


def _chroma(mono: F32, rate: float, hop: int, cell: int) -> F32:
    """[cells, 12] strength of each pitch class in `mono` [samples], rows of length 1."""
    size = 16 * hop
    shares = power_spectra(mono, size, hop * cell, chroma_weights(size, rate), _CHROMA_ROOTS)
    centred = shares + np.concatenate([shares[1:], shares[-1:]])  # frames sit on the cells' edges
    return centred / np.sqrt((centred**2).sum(1, keepdims=True) + 1e-9)
