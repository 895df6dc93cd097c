"""From a request to a task: the source found and measured, the provider's facts checked, quoted, capped, worked out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fermata_mcp.config import Settings
from fermata_mcp.domain.credits import Quote
from fermata_mcp.domain.errors import MissingKey
from fermata_mcp.domain.pages import SongPage, song_page
from fermata_mcp.domain.requests.plan import expected_cost, identity_of
from fermata_mcp.domain.requests.request import ChainRequest, Request, request_hash
from fermata_mcp.domain.source import ClipSource, UrlSource, parse_source
from fermata_mcp.domain.task import NewStep, Task, TaskKind, Work, new_id
from fermata_mcp.engine.clock import Clock
from fermata_mcp.providers.registry import Registry

from .provider_choice import ProviderChoice, ProviderChooser
from .sources import Sources
from .work import work_of


@dataclass(frozen=True)
class Intake:
    """See `take_in`."""

    registry: Registry
    sources: Sources
    settings: Settings
    clock: Clock
    principal: str

    async def take_in(self, request: Request) -> tuple[Task, NewStep]:
        """A task and its first step, neither stored yet.

        Raises:
            FermataError: The request cannot be carried out; everything that is wrong with it is named at once.
        """
        source = parse_source(request.source)
        page = song_page(source.url) if isinstance(source, UrlSource) else None
        clip = source if page is None else ClipSource(page.clip_id)
        chosen = await ProviderChooser(self.registry, self.sources, self.settings).choose(request, clip, page)
        task, step = self._new_task(request, chosen, _told(request, chosen, page))
        task = replace(task, quote=await self._with_expected(request, chosen, task.quote, step.work))
        refusal = chosen.found.refusal
        if refusal is not None and not await self._repeats(task):
            raise refusal
        provider = chosen.provider
        if not provider.configured:
            raise MissingKey(
                f"{provider.spec.name} needs a key.", f"set {provider.spec.key_variable}, or use provider local."
            )
        return task, step

    async def _with_expected(self, request: Request, chosen: ProviderChoice, quoted: Quote, work: Work) -> Quote:
        """Beside the most that a chain can cost, what it will if its steps are as long as usual."""
        spec = chosen.provider.spec
        if not isinstance(request, ChainRequest) or spec.any_length:
            return quoted
        usual = await self.sources.usual_step(spec, work.fields.get("model"))
        return replace(quoted, expected=expected_cost(request, spec, chosen.found.facts, usual))

    async def _repeats(self, task: Task) -> bool:
        """A call that repeats an earlier one gets its task, whatever has become of the link."""
        return await self.sources.repeats(task.request_hash, task.idempotency_key, task.created_at)

    def _new_task(self, request: Request, chosen: ProviderChoice, warnings: tuple[str, ...]) -> tuple[Task, NewStep]:
        kind: TaskKind = "chain" if isinstance(request, ChainRequest) else "extend"
        spec, account = chosen.provider.spec, chosen.provider.account_id
        source = chosen.found.facts.model_copy(update={"chosen": chosen.reason})
        now = self.clock.now()
        task_id = new_id("tsk")
        plan, work = work_of(request, spec, source, self.settings, task_id)
        asked = identity_of(request, spec, source) | {"source": source.identity, "provider": spec.name}
        task = Task(
            id=task_id,
            principal=self.principal,
            kind=kind,
            provider=spec.name,
            account_id=account,
            request=request.model_dump(exclude_none=True),
            request_hash=request_hash(kind, spec.name, account, source.identity, asked),
            idempotency_key=request.idempotency_key,
            source=source,
            status="queued",
            fraction=None,
            message="waiting to start",
            audio=None,
            error=None,
            warnings=(*warnings, *chosen.provider.notes(work)),
            quote=plan.quote,
            held=0,
            charged=0,
            refunded=0,
            disputed=0,
            cancel_at=None,
            created_at=now,
            updated_at=now,
            finished_at=None,
        )
        return task, NewStep(new_id("stp"), 0, work)


def _told(request: Request, chosen: ProviderChoice, page: SongPage | None) -> tuple[str, ...]:
    """What the caller should know of how the source was taken."""
    said = [*chosen.found.warnings]
    if page is not None:
        said.append(f"The link is a song page of {page.host}; it was taken as clip:{page.clip_id}.")
    facts = chosen.found.facts
    if request.dry_run and chosen.provider.spec.any_length and facts.duration_seconds is None:
        said.append("How long this link's audio is will be known once the work starts.")
    return tuple(said)
