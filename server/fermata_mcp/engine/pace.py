"""When to look at running work: learned from what the same provider and model took before."""

from __future__ import annotations

from statistics import quantiles

from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Step
from fermata_mcp.store.base import Store

# What was learned is mixed with this many copies of the prior, so that one odd task does not mislead.
PRIOR_WEIGHT = 8
# A look a little early costs less than one much too late.
EAGERNESS = 0.9
FEWEST_SAMPLES = 3


class Paces:
    """First look at the 5 % quantile, then steadily until the 95 % quantile, then slowly."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def first(self, step: Step, spec: ProviderSpec) -> float:
        """Seconds from acceptance to the first look."""
        if spec.submit == "repeatable":
            return spec.pace.first
        early, _ = await self._quantiles(step, spec)
        return early

    async def again(self, step: Step, spec: ProviderSpec, now: int) -> float:
        """Seconds until the next look."""
        if spec.submit == "repeatable":
            return spec.pace.interval
        _, late = await self._quantiles(step, spec)
        elapsed = (now - (step.submitted_at or now)) / 1000
        return spec.pace.interval if elapsed < late else spec.pace.slow_interval

    async def _quantiles(self, step: Step, spec: ProviderSpec) -> tuple[float, float]:
        taken = await self._store.durations(spec.name, step.work.fields.get("model"))
        if len(taken) < FEWEST_SAMPLES:
            return spec.pace.first, spec.pace.slow_after
        prior = [
            spec.pace.first + (spec.pace.slow_after - spec.pace.first) * k / PRIOR_WEIGHT for k in range(PRIOR_WEIGHT)
        ]
        weight = max(0, PRIOR_WEIGHT - len(taken) // 4)
        marks = quantiles([*taken, *prior[:weight]], n=20)
        return marks[0] * EAGERNESS, marks[-1]
