"""What is said of a track in which somebody speaks most of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.domain.moments import clock

if TYPE_CHECKING:
    from fermata_mcp.rearrange.features.analysis import Analysis

_MOSTLY = 0.5  # share of the time
_VOICELESS = 0.3  # probability of a voice under which there is none
_BED = 4.0  # seconds that a passage without a voice must last to be proposed


def talk_warning(analysis: Analysis, longer: bool) -> tuple[str, ...]:
    """A sentence where more than half of the track is speech, with what to do instead; else nothing."""
    if analysis.spoken <= _MOSTLY:
        return ()
    lost = "sentences are heard again" if longer else "sentences are missing"
    bed = _bed(analysis)
    loop = (
        f"repeat only {clock(bed[0], tenths=False)}-{clock(bed[1], tenths=False)}, where nobody speaks"
        if bed
        else "loop music without speech"
    )
    return (
        f"More than half of the track seems to be speech, so {lost} where it was made "
        f"{'longer' if longer else 'shorter'}. Better {loop}, let it fade out, or leave it as it is.",
    )


def _bed(analysis: Analysis) -> tuple[float, float] | None:
    """The longest passage without a voice, in seconds of the track; None where all are short."""
    padded = np.concatenate([[True], analysis.voice >= _VOICELESS, [True]])
    edges = np.flatnonzero(padded)
    longest = int(np.argmax(np.diff(edges)))
    start, stop = (float(edge) / analysis.fps for edge in (edges[longest], edges[longest + 1] - 1))
    offset = analysis.start / (analysis.rate * analysis.step)
    return (start + offset, stop + offset) if stop - start >= _BED else None
