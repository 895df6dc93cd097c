"""Peaks where two sounds are blended, and what a sample format can hold.

numpy is imported on first use: who asks for a name only need not pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    Samples: TypeAlias = np.ndarray[Any, np.dtype[Any]]
    Floats: TypeAlias = np.ndarray[Any, np.dtype[np.floating[Any]]]

# Formats that hold more than full scale; others take a float beyond it for a number of the other sign.
_UNBOUNDED = ("FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG_LAYER")
_CLEAR = 126 / 128  # of full scale: the next step of 8 bits would be at it
_SMOOTH = 0.25  # share of a blend over which the power is taken back and given again


def storable(block: Samples, subtype: str) -> Samples:
    """`block` as it can be written in libsndfile's `subtype`: what is beyond full scale is held there, not wrapped."""
    import numpy as np

    if block.dtype.kind != "f" or subtype.startswith(_UNBOUNDED):
        return block
    return np.clip(block, -1, 1)


def blended(old: Floats, new: Floats, weight: Floats, gain: Floats, full: float) -> Floats:
    """`old` over into `new`, both [frames, channels], with no new sample at full scale and none beyond their own peaks.

    At equal gain no sample can be larger than the larger side's. What is added to that for power to stay constant is
    taken back, smoothly, where it would be too much; at both ends it is nothing anyway.

    Args:
        weight: [frames, 1] share of the new side at equal gain.
        gain: [frames, 1] what that is to be multiplied by, at least 1.
        full: The value that stands for full scale.
    """
    import numpy as np

    even = old * (1 - weight) + new * weight
    own = np.maximum(np.abs(old), np.abs(new))
    ceiling = np.maximum(own, min(float(own.max(initial=0)), _CLEAR * full))
    room = ceiling / np.maximum(np.abs(even), 1e-12 * full)
    share = np.clip((room.min(axis=1) - 1) / np.maximum(gain[:, 0] - 1, 1e-12), 0, 1)
    if share.min(initial=1) < 1:
        gain = 1 + (gain - 1) * _smoothed(share)[:, None]
    return even * gain


def _smoothed(share: Floats) -> Floats:
    """[frames] nowhere above `share`, and without its steps."""
    import numpy as np

    reach = max(1, round(_SMOOTH * len(share) / 2))
    around = np.pad(share, 2 * reach, constant_values=1.0)
    least = np.lib.stride_tricks.sliding_window_view(around, 2 * reach + 1).min(axis=1)
    window = np.hanning(2 * reach + 3)[1:-1]
    return np.minimum(share, np.convolve(least, window / window.sum(), "valid"))
