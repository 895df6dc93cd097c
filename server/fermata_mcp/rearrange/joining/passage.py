"""What is around a join in both recordings, and what a listener makes of going over from one to the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.rearrange.cache import Cache
from fermata_mcp.rearrange.features.analysis import analyse
from fermata_mcp.rearrange.samples import held
from fermata_mcp.rearrange.transitions.distance import FrameDistance, acceptance

from .beat import Beat, beat_of

if TYPE_CHECKING:
    from fermata_mcp.rearrange.features.analysis import Analysis
    from fermata_mcp.rearrange.samples import F32, Ints

# Chosen 2026-11-28; judged by benchmarks/generated_joins.py.
_AFTER, _BEFORE = 2.5, 8.0  # seconds of what follows that must be like something in what came before
_STRIDE = 4  # frames between those compared
_ALIKE = 0.25  # distance at which what follows is as near to what came before as that is to itself
_LEVEL_SECONDS, _USUAL_PERCENTILE = 1.5, 90


@dataclass(frozen=True)
class Passage:
    """The end of what came before, and the beginning of what is to follow.

    Attributes:
        analysis: Of both, one behind the other.
        border: Frame at which the second begins.
    """

    analysis: Analysis
    border: int

    @classmethod
    def of(cls, old: F32, new: F32, rate: int) -> Passage:
        """Of `old` [samples] and `new` [samples]."""
        samples = held(np.concatenate([old, new])[:, None], rate)
        found = analyse(samples, 0, samples.frames, Cache(None, Path()), lambda _: None)
        return cls(found, round(len(old) / rate * found.fps))

    @cached_property
    def distance(self) -> FrameDistance:
        return FrameDistance(self.analysis)

    @cached_property
    def beat(self) -> Beat | None:
        """That of what came before."""
        return beat_of(self.analysis.onset[: self.border], self.analysis.fps)

    def off_beat(self, leave: int, enter: int) -> float:
        """Seconds by which the beat comes early or late; see `confidence`."""
        return 0.0 if self.beat is None else self.beat.off(self.analysis.onset, leave, enter + self.border)

    def confidence(self, leave: int, enter: int) -> float:
        """Share of listeners, 0 to 1, who would not mind going from frame `leave` to `enter`, counted in the second."""
        off = self.off_beat(leave, enter)
        enter += self.border
        unlike, step = self._unlike(leave, enter), self._level_step(leave, enter)
        accepted = acceptance(np.array([unlike]), np.array([step]), np.array([off]))[0]
        return float(accepted) * (1 - 0.3 * self._voice_cut(leave, enter))

    def _voice_cut(self, leave: int, enter: int) -> float:
        voice = self.analysis.voice
        return float(max(voice[min(max(0, leave - 1), len(voice) - 1)], voice[min(enter, len(voice) - 1)]))

    def _unlike(self, leave: int, enter: int) -> float:
        """How far what follows is from anything that came before, beyond how far that is from itself."""
        fps = self.analysis.fps
        before = np.arange(max(0, leave - int(_BEFORE * fps)), leave, _STRIDE)
        after = np.arange(enter, min(self.analysis.frames, enter + int(_AFTER * fps)), _STRIDE)
        if len(before) < 8 or len(after) < 8:
            return _ALIKE
        last = before[-max(8, int(_AFTER * fps) // _STRIDE) :]
        usual = self._nearest(last, before, apart=int(0.3 * fps))
        return _ALIKE + max(0.0, self._nearest(after, before, apart=0) - usual)

    def _nearest(self, some: Ints, others: Ints, apart: int) -> float:
        """Mean distance of each of the frames `some` [n] to the nearest of `others` [m] that is not beside it."""
        distance = self.distance.between(some[:, None] + 0 * others[None], others[None] + 0 * some[:, None])
        if apart:
            distance = np.where(np.abs(some[:, None] - others[None]) < apart, np.inf, distance)
        least: F32 = distance.min(1)
        found = least[np.isfinite(least)]
        return float(np.mean(found)) if len(found) else 0.0

    def _level_step(self, leave: int, enter: int) -> float:
        """dB by which the level changes more than it does by itself."""
        width = int(_LEVEL_SECONDS * self.analysis.fps)
        step = abs(self.level(enter, enter + width) - self.level(leave - width, leave))
        places = range(width, max(width + 1, self.border - width), 7)
        usual: list[float] = [abs(self.level(at, at + width) - self.level(at - width, at)) for at in places]
        return max(0.0, step - float(np.percentile(usual, _USUAL_PERCENTILE)))

    def level(self, start: int, stop: int) -> float:
        """dB of frames `start` to `stop`."""
        power = self.analysis.power[max(0, start) : max(0, stop)]
        return float(10 * np.log10(float(power.mean()) + 1e-9)) if len(power) else -90.0
