"""When to look at running work: learned from what the same provider and model took before."""

from __future__ import annotations

from contextlib import suppress
from statistics import quantiles

from fermata_mcp.domain.errors import FermataError, ProviderError
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Step
from fermata_mcp.providers.base import Provider
from fermata_mcp.store.base import Store

# What was learned is mixed with this many copies of the prior, so that one odd task does not mislead.
PRIOR_WEIGHT = 8
# A look a little early costs less than one much too late.
EAGERNESS = 0.9
# The slow looks begin this much later than what is documented, until it is known how long work really takes.
PATIENCE = 1.5
FRESH_MS = 5_000
# Where a provider's posts come, looks are only for those that do not.
FIRST_BESIDE_POSTS, AGAIN_BESIDE_POSTS = 120.0, 60.0
# What a provider asks for by Retry-After is believed up to here.
LONGEST_RETRY_SECONDS = 300.0


class Paces:
    """First look at the 5 % quantile, then steadily until the 95 % quantile, then slowly.

    Where a provider's posts were heard since this program began, looks are fewer, until an end is found that no post
    told of.

    Args:
        scale: Multiplies the provider's own numbers; what was learned is real time already.
        listens_since: When this program began to listen to posts, in Unix milliseconds; None where nobody does.
    """

    def __init__(self, store: Store, scale: float = 1.0, *, listens_since: int | None = None) -> None:
        self._store = store
        self._scale = scale
        self._listens_since = listens_since
        self._told: dict[str, tuple[int, bool]] = {}
        self._learned: dict[tuple[str, str | None], tuple[float, tuple[float, float]]] = {}

    async def turn(self, provider: Provider, *, urgent: bool, now: int) -> int:
        """Milliseconds until the provider's account may make its next request; 0 takes the turn."""
        rate = provider.spec.rate
        return 0 if rate is None else await self._store.take_turn(provider.account_id, rate, urgent=urgent, now=now)

    async def first(self, step: Step, spec: ProviderSpec, now: int) -> float:
        """Seconds from acceptance to the first look."""
        if spec.submit == "repeatable":
            return spec.pace.first * self._scale
        early, _ = await self._quantiles(step, spec, now)
        return max(early, FIRST_BESIDE_POSTS * self._scale) if await self._is_told(spec, now) else early

    async def again(self, step: Step, spec: ProviderSpec, now: int) -> float:
        """Seconds until the next look."""
        if spec.submit == "repeatable":
            return spec.pace.interval * self._scale
        _, late = await self._quantiles(step, spec, now)
        elapsed = (now - (step.submitted_at or now)) / 1000
        usual = spec.pace.interval if elapsed < late else spec.pace.slow_interval
        told = await self._is_told(spec, now)
        return self._scale * (max(usual, AGAIN_BESIDE_POSTS) if told else usual)

    async def _is_told(self, spec: ProviderSpec, now: int) -> bool:
        """Whether the provider's posts come; what was found out is kept for a while."""
        if self._listens_since is None or spec.hook is None:
            return False
        at, told = self._told.get(spec.name, (0, False))
        if not at <= now < at + FRESH_MS:
            told = await self._store.news_came(spec.name, since=self._listens_since)
            self._told[spec.name] = now, told
        return told

    async def found_end(self, step: Step, spec: ProviderSpec, now: int) -> None:
        """A look found the work over: had its provider told of that?"""
        if self._listens_since is None or spec.hook is None or step.attempt_id is None:
            return
        with suppress(FermataError):  # one more look too many, or too few
            await self._store.news_missed(spec.name, step.attempt_id, now=now)
            self._told.pop(spec.name, None)

    async def _quantiles(self, step: Step, spec: ProviderSpec, now: int) -> tuple[float, float]:
        """Real seconds; what is learned is kept for a while, since it changes slowly."""
        key = (spec.name, step.work.fields.get("model"))
        at, marks = self._learned.get(key, (0.0, (0.0, 0.0)))
        if not at <= now < at + FRESH_MS:
            if at:  # whoever asks meanwhile goes by what was known
                self._learned[key] = (float(now), marks)
            marks = _marks(await self._store.durations(*key), spec, self._scale)
            self._learned[key] = (float(now), marks)
        return marks


def left_alone(error: ProviderError, backoff: float) -> float:
    """Seconds until the next try after `error`: our own back-off, or longer where the provider asks for it."""
    return max(backoff, min(LONGEST_RETRY_SECONDS, error.retry_after or 0))


def _marks(taken: list[float], spec: ProviderSpec, scale: float) -> tuple[float, float]:
    first, late = spec.pace.first * scale, spec.pace.slow_after * scale * PATIENCE
    if not taken:
        return first, late
    prior = [first + (late - first) * k / PRIOR_WEIGHT for k in range(PRIOR_WEIGHT)]
    cuts = quantiles([*taken, *prior[: max(0, PRIOR_WEIGHT - len(taken) // 4)]], n=20, method="inclusive")
    return cuts[0] * EAGERNESS, cuts[-1]


def backoff(tries: int, first: float, longest: float) -> float:
    """Seconds to wait after so many failed tries in a row: twice as long each time."""
    return min(longest, first * 2 ** min(tries, 20))
