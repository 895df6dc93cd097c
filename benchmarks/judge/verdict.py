"""The judge's verdict on one result: an overall quality from its joins and from the whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .again import Again, heard_again
from .alignment import Aligner, Seam, joins
from .clipping import clipping_score, new_full_scale
from .scores import combined
from .seams import SeamJudge, SeamScore
from .whole import beginning_score, ending, length_score, repetition_score

if TYPE_CHECKING:
    from .signals import Array

BAD = 60.0  # a join below this is bad
_WORST_SHARE = 0.4  # of the joins' score is that of the worst
_SAME_PLACE = 0.6  # seconds within which a told and a found join are one
_NEW = ("again", "clipping")  # parts that the score did not have before
_CUT = 0.5  # how surely a voice is cut that is counted


@dataclass(frozen=True)
class Verdict:
    """Scores 0..100.

    again: of what comes again too soon. clipping: of samples driven to full scale. before: the overall score without
    these two and without voices, as it was once counted. told_missed: joins the tool told of that were not found in the
    samples (they change nothing audible, or were told wrongly). untold: joins found that it did not tell of. Both are 0
    for a tool that tells nothing. unknown: seconds of the result that are nowhere in the original. heard: what comes
    again how soon, in seconds. cut_voices: joins that cut one. clipped: new samples at full scale.
    """

    overall: float
    joins: float
    length: float
    repetition: float
    again: float
    clipping: float
    beginning: float
    ending: float
    before: float
    ending_kind: str
    seconds: float
    unknown: float
    heard: Again
    cut_voices: int
    clipped: int
    told_missed: int
    untold: int
    seams: list[SeamScore]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class Judge:
    """Judges results made from one original: samples [n, channels] at `rate` Hz."""

    def __init__(self, original: Array, rate: int) -> None:
        self.rate = rate
        self.seams = SeamJudge(original, rate)

    def verdict(self, result: Array, wanted: float, told: list[Seam] | None = None) -> Verdict:
        """Of `result` [n, channels], which should last `wanted` seconds."""
        mono, original = self.seams.mixed(result), self.seams.mono
        stretches = Aligner(original, mono, self.rate).stretches()
        found = joins(stretches)
        scored = [self.seams.judge(result, mono, seam) for seam in found]
        seconds, own_seconds = len(mono) / self.rate, len(original) / self.rate
        end = ending(original, mono, self.rate, stretches)
        heard = heard_again(stretches, own_seconds, seconds)
        clipped = new_full_scale(self.seams.original, result, self.rate, stretches)
        parts = {
            "joins": joined([one.score for one in scored]) if stretches else 0.0,
            "length": length_score(seconds, wanted, own_seconds),
            "repetition": repetition_score(stretches, own_seconds, wanted),
            "again": heard.score,
            "clipping": clipping_score(clipped),
            "beginning": beginning_score(original, mono, self.rate, found[0].at if found else seconds),
            "ending": end.score,
        }
        as_before = parts | {"joins": joined([one.without_voice for one in scored]) if stretches else 0.0}
        return Verdict(
            overall=combined(parts),
            before=combined({name: score for name, score in as_before.items() if name not in _NEW}),
            **parts,
            ending_kind=end.kind,
            seconds=seconds,
            unknown=max(0.0, seconds - sum(one.end - one.start for one in stretches)),
            heard=heard,
            cut_voices=sum((one.values["voice"] or 0) >= _CUT for one in scored),
            clipped=clipped,
            told_missed=_without(told or [], found),
            untold=_without(found, told) if told is not None else 0,
            seams=scored,
        )


def joined(scores: list[float]) -> float:
    """All joins as one score: their mean, and the worst for itself, because it is what is remembered."""
    return (1 - _WORST_SHARE) * float(np.mean(scores)) + _WORST_SHARE * min(scores) if scores else 100.0


def _without(some: list[Seam], others: list[Seam]) -> int:
    return sum(all(abs(one.at - other.at) > _SAME_PLACE for other in others) for one in some)
