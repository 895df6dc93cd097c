"""From a request to a task: the source found and measured, the provider's facts checked, quoted, capped, worked out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fermata_mcp.config import Settings
from fermata_mcp.domain.change import NewStep
from fermata_mcp.domain.credits import Quote
from fermata_mcp.domain.errors import MissingKey
from fermata_mcp.domain.moments import counted
from fermata_mcp.domain.pages import SongPage, song_page
from fermata_mcp.domain.requests.plan import expected_cost, identity_of
from fermata_mcp.domain.requests.request import ChainRequest, Request, request_hash
from fermata_mcp.domain.requests.wishes import ending_wish
from fermata_mcp.domain.source import ClipSource, UrlSource, parse_source
from fermata_mcp.domain.task import SourceFacts, Task, TaskKind, new_id
from fermata_mcp.engine.audio.uploads import Uploads
from fermata_mcp.engine.clock import Clock
from fermata_mcp.media.places.destination import check_destination, check_name, wanted_ending
from fermata_mcp.providers.registry import Registry

from .earlier_joins import EarlierJoins
from .others import check_named
from .provider_choice import ProviderChoice, ProviderChooser
from .sources import Sources


@dataclass(frozen=True)
class Proposal:
    """A task and its first step, neither stored yet."""

    task: Task
    step: NewStep


@dataclass(frozen=True)
class Preparer:
    """See `prepare`."""

    registry: Registry
    sources: Sources
    settings: Settings
    clock: Clock
    principal: str
    joins: EarlierJoins
    uploads: Uploads

    async def prepare(self, request: Request) -> Proposal:
        """What carrying out a request comes to.

        Raises:
            FermataError: The request cannot be carried out; everything that is wrong with it is named at once.
        """
        if request.save_as is not None:
            self._check_destination(request.save_as)
        if not self.sources.any_clip:
            await check_named(request, self.principal, self.joins.store, self.registry)
        resolved = await self.joins.resolve(request)
        request = resolved.request
        source = parse_source(request.source)
        page = song_page(source.url, self.registry.specs()) if isinstance(source, UrlSource) else None
        clip = source if page is None else ClipSource(page.clip_id)
        choice = await ProviderChooser(self.registry, self.sources, self.settings).choose(request, clip, page)
        usual = await self._usual_step(request, choice)
        warnings = (
            *resolved.warnings,
            *_warnings(request, choice, page),
            *_short_of(request, choice.lookup.facts, usual),
        )
        task = self._new_task(request, choice, _with_expected(request, choice, usual), warnings)
        refusal = choice.lookup.refusal or await self.uploads.full(self.principal)
        if refusal is not None and not await self._repeats(task):
            raise refusal
        provider = choice.provider
        if not provider.configured:
            raise MissingKey(
                f"{provider.spec.name} needs {provider.spec.needed}.",
                f"set {provider.spec.set_by}, or use provider {' or '.join(self.registry.candidates())}.",
            )
        return Proposal(task, NewStep(new_id("stp"), 0, choice.first.work, provider.spec.here))

    def _check_destination(self, save_as: str) -> None:
        if self.settings.audio_is_shared:
            check_name(save_as)
        else:
            check_destination(save_as, self.settings.output_dir, anywhere=self.sources.callers_are_local)

    async def _usual_step(self, request: Request, choice: ProviderChoice) -> float | None:
        """Seconds that each step of a paid chain usually adds; None for every other request."""
        spec = choice.provider.spec
        if not isinstance(request, ChainRequest) or spec.lengths.any_result:
            return None
        return await self.sources.usual_step(spec, choice.first.work.fields.get("model"))

    async def _repeats(self, task: Task) -> bool:
        """A call that repeats an earlier one gets its task, whatever has become of the link."""
        return await self.sources.repeats(task.request_hash, task.idempotency_key, task.created_at)

    def _new_task(self, request: Request, choice: ProviderChoice, quote: Quote, warnings: tuple[str, ...]) -> Task:
        kind: TaskKind = "chain" if isinstance(request, ChainRequest) else "extend"
        spec, account = choice.provider.spec, choice.provider.account_id
        source = choice.lookup.facts.model_copy(update={"chosen": choice.reason})
        now = self.clock.now()
        identity = identity_of(request, spec, source) | {"source": source.identity, "provider": spec.name}
        identity |= _other_format(request, choice)
        return Task(
            id=choice.first.task_id,
            principal=self.principal,
            kind=kind,
            provider=spec.name,
            account_id=account,
            request=request.model_dump(exclude_none=True),
            request_hash=request_hash(kind, spec.name, account, source.identity, identity),
            idempotency_key=request.idempotency_key,
            source=source,
            status="queued",
            fraction=None,
            message="waiting to start",
            audio=None,
            error=None,
            warnings=(*warnings, *choice.provider.notes(choice.first.work)),
            quote=quote,
            held=0,
            charged=0,
            refunded=0,
            disputed=0,
            cancel_at=None,
            created_at=now,
            updated_at=now,
            finished_at=None,
        )


def _other_format(request: Request, choice: ProviderChoice) -> dict[str, str]:
    """Where a result is saved is no part of what is asked for, but its format is, where it is written here."""
    ending = wanted_ending(request.save_as)
    here = choice.provider.spec.lengths.any_result
    return {"format": ending} if here and ending and ending != choice.lookup.facts.suffix else {}


def _with_expected(request: Request, choice: ProviderChoice, usual: float | None) -> Quote:
    """Beside the most that a chain can cost, what it will if its steps are as long as usual."""
    spec, quote = choice.provider.spec, choice.first.plan.quote
    if usual is None:
        return quote
    return replace(quote, expected=expected_cost(request, spec, choice.lookup.facts, usual))


def _short_of(request: Request, facts: SourceFacts, usual: float | None) -> Iterator[str]:
    """Told where all the steps that a chain may have would usually not reach its target."""
    known = facts.duration_seconds
    if usual is None or known is None or not isinstance(request, ChainRequest):
        return
    reach = known + request.max_steps * usual
    if reach < request.target_seconds:
        yield (
            f"{counted(request.max_steps, 'extension', 'comes', 'come')} usually to about {reach:.0f} s, short of the "
            f"{request.target_seconds:g} s that were asked for; raise max_steps for more."
        )


def _warnings(request: Request, choice: ProviderChoice, page: SongPage | None) -> tuple[str, ...]:
    """What the caller should know of how the source was taken."""
    warnings = [*choice.lookup.warnings]
    if page is not None:
        warnings.append(f"The link is a song page of {page.host}; it was taken as clip:{page.clip_id}.")
    facts = choice.lookup.facts
    if wish := ending_wish(request.prompt, choice.provider.spec):
        warnings.append(wish)
    if request.dry_run and choice.provider.spec.lengths.any_result and facts.duration_seconds is None:
        warnings.append("How long this link's audio is will be known once the work starts.")
    ending = wanted_ending(request.save_as)
    if ending and not choice.provider.spec.lengths.any_result:
        warnings.append(f"The result is saved with the ending of the audio that comes, be it {ending} or another.")
    return tuple(warnings)
