"""Means over what is around each place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fermata_mcp.rearrange.samples import F32


def moving_mean(values: F32, width: int) -> F32:
    """[n] centred mean over `width` of the `values` [n], the ends continued."""
    if len(values) <= width:
        return np.full_like(values, values.mean() if len(values) else 0)
    padded = np.pad(values, (width // 2, width - width // 2 - 1), mode="edge")
    total = np.concatenate([[0.0], np.cumsum(padded, dtype=np.float64)])
    return ((total[width:] - total[:-width]) / width).astype(np.float32)


def moving_rows(rows: F32, width: int) -> F32:
    """[frames, n] centred means over `width` of the `rows` [frames, n], a power of two; the ends continued."""
    total = np.pad(rows, ((width // 2, width // 2 - 1), (0, 0)), mode="edge")
    done = 1
    while done < width:
        total = total[:-done] + total[done:]
        done *= 2
    total /= np.float32(width)
    return total
