"""Samples at another rate, and with other channels, a block at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    Samples = np.ndarray[Any, np.dtype[np.float32]]


def resampled(blocks: Iterator[Samples], rate: int, wanted: int, channels: int) -> Iterator[Samples]:
    """`blocks` [frames, channels] at `wanted` instead of `rate` Hz: n frames become n * wanted / rate, rounded."""
    import numpy as np
    import soxr

    resampler = soxr.ResampleStream(rate, wanted, channels, dtype="float32", quality="VHQ")
    taken = given = 0
    for block in blocks:
        taken += len(block)
        piece = resampler.resample_chunk(block)
        given += len(piece)
        yield piece
    rest = resampler.resample_chunk(np.empty((0, channels), np.float32), last=True)
    missing = round(taken * wanted / rate) - given
    yield np.concatenate([rest, np.zeros((max(0, missing - len(rest)), channels), np.float32)])[: max(0, missing)]


def as_channels(samples: Samples, channels: int) -> Samples:
    """`samples` [frames, channels of theirs] with so many channels; where they differ, each is the mean of all."""
    import numpy as np

    if samples.shape[1] == channels:
        return samples
    return np.repeat(samples.mean(axis=1, keepdims=True), channels, axis=1)
