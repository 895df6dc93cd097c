"""Which places of a source are meant by "not this join": seconds of earlier results, looked up where they were made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError, InvalidRequest
from fermata_mcp.domain.requests.option_forms import places
from fermata_mcp.domain.requests.request import MANNER, ChainRequest, ExtendRequest, Request
from fermata_mcp.domain.source import Source, TaskSource, UrlSource, parse_source
from fermata_mcp.domain.task import Seam, Task
from fermata_mcp.providers.base import Provider
from fermata_mcp.providers.registry import Registry
from fermata_mcp.store.base import Store

from .sources import Sources

OPTION = "avoid"
# A join is meant that lies this near, in seconds: people round, and press a button a moment late.
NEAR_SECONDS = 0.5
# Earlier results are looked for among so many of the newest tasks.
PAGES, PAGE = 5, 100
MOST_NAMED = 8


@dataclass(frozen=True)
class Resolved:
    """The request with places of the source instead of seconds of results, and what to say of it."""

    request: Request
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class EarlierJoins:
    """See `resolve`."""

    store: Store
    registry: Registry
    sources: Sources
    settings: Settings
    principal: str

    async def resolve(self, request: Request) -> Resolved:
        """Seconds in `options.avoid` become pairs of places of the source, by its newest results that have joins there.

        Where those joins are of the very result that is given as source, its own source is meant, and what it was asked
        for, as far as nothing else is said.

        Raises:
            InvalidRequest: No earlier result has a join there; those there are, are named.
        """
        given = places((request.options or {}).get(OPTION))
        seconds = [one for one in given or () if isinstance(one, float)]
        provider = self._owner(request) if seconds else None
        if provider is None:
            return Resolved(request)
        source = parse_source(request.source)
        earlier = await self._results_of(source, provider)
        own = await self._own(source, provider)
        candidates = [*earlier, *([own] if own else [])]
        found = {at: next(_joins_at(at, candidates), None) for at in seconds}
        missing = [at for at, join in found.items() if join is None]
        if missing:
            raise _no_such_join(missing, candidates)
        joins = [join for join in found.values() if join is not None]
        pairs = [list(one) for one in given or () if isinstance(one, tuple)]
        for task, seam in joins:
            pairs += [[seam.from_, seam.to], *_avoided(task)]
        pairs = [pair for place, pair in enumerate(pairs) if pair not in pairs[:place]]
        if own is not None and all(task is own for task, _ in joins):
            count = f"{len(joins)} of its joins" if len(joins) > 1 else "that join"
            return Resolved(_anew(request, own, pairs), (f"Made from the source of {own.id} again, without {count}.",))
        return Resolved(request.model_copy(update={"options": {**(request.options or {}), OPTION: pairs}}))

    def _owner(self, request: Request) -> Provider | None:
        """The provider whose option that is, unless another one was named, whose own business it is then."""
        for name in self.registry.names():
            if self.registry.spec(name).option_forms.get(OPTION) and request.provider in (None, name):
                return self.registry.get(name)
        return None

    async def _results_of(self, source: Source, provider: Provider) -> list[Task]:
        """Finished tasks of this provider with joins, made from this source, newest first."""
        identity = await self._identity(source, provider)
        found: list[Task] = []
        cursor = None
        for _ in range(PAGES if identity else 0):
            page = await self.store.page(
                principal=self.principal, status=None, provider=provider.spec.name, limit=PAGE, cursor=cursor
            )
            alike = [task.id for task in page.tasks if task.source.identity == identity]
            found += [whole for task_id in alike if (whole := await self._with_joins(task_id))]
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    async def _identity(self, source: Source, provider: Provider) -> str | None:
        """That of the source; None where it cannot be had, which is told when it is looked at in earnest."""
        if isinstance(source, UrlSource):
            return source.url
        try:
            return (await self.sources.find(source, provider, self.settings.trusted_addresses())).facts.identity
        except FermataError:
            return None

    async def _own(self, source: Source, provider: Provider) -> Task | None:
        """The task whose result is the source, where this provider made it by joins."""
        task = await self._with_joins(source.task_id) if isinstance(source, TaskSource) else None
        return task if task is not None and task.provider == provider.spec.name else None

    async def _with_joins(self, task_id: str) -> Task | None:
        task = await self.store.get(task_id, principal=self.principal)
        return task if task is not None and any(_seams(task)) else None


def _seams(task: Task) -> Iterator[Seam]:
    return (seam for clip in task.clips for seam in clip.seams)


def _joins_at(at: float, tasks: list[Task]) -> Iterator[tuple[Task, Seam]]:
    """The join nearest to second `at` of each result that has one there."""
    for task in tasks:
        seam = min(_seams(task), key=lambda seam: abs(seam.at - at))
        if abs(seam.at - at) <= NEAR_SECONDS:
            yield task, seam


def _avoided(task: Task) -> list[list[float]]:
    """What an earlier result did not want already."""
    options: dict[str, Any] = task.request.get("options") or {}
    given = places(options.get(OPTION)) or ()
    return [list(one) for one in given if isinstance(one, tuple)]


def _anew(request: Request, own: Task, pairs: list[list[float]]) -> Request:
    """What led to a result, with what is said now over it, from the same source."""
    said = {name: getattr(request, name) for name in request.model_fields_set - {"source", "options"}}
    length = isinstance(request, ChainRequest) or request.add_seconds is not None
    kind = type(request) if length else ChainRequest if own.kind == "chain" else ExtendRequest
    before = {name: value for name, value in own.request.items() if name in kind.model_fields and name not in MANNER}
    options: dict[str, Any] = {**(own.request.get("options") or {}), **(request.options or {}), OPTION: pairs}
    return kind.model_validate(
        {**before, **said, "source": own.source.ref, "provider": own.provider, "options": options}
    )


def _no_such_join(missing: list[float], candidates: list[Task]) -> InvalidRequest:
    where = ", ".join(f"{at:g}" for at in missing)
    if not candidates:
        return InvalidRequest(
            f"options.avoid: there is no earlier result of this source with a join, so none at {where} s.",
            "make it once without options.avoid, then name the seconds of its joins.",
        )
    named = sorted(_seams(candidates[0]), key=lambda seam: seam.confidence)[:MOST_NAMED]
    joins = ", ".join(f"{seam.at:.2f}" for seam in sorted(named, key=lambda seam: seam.at))
    return InvalidRequest(
        f"options.avoid: no earlier result of this source has a join at {where} s.",
        f"name seconds of its joins: {candidates[0].id} has them at {joins}.",
    )
