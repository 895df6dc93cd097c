"""Which provider carries out a request: the one that was named, or the first that can; and what the others lack."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import CannotTake, FermataError, InvalidRequest, TooLarge, UnsupportedField, together
from fermata_mcp.domain.pages import SongPage
from fermata_mcp.domain.requests.fields import ANOTHER, field_problems, source_problems
from fermata_mcp.domain.requests.plan import Plan
from fermata_mcp.domain.requests.request import Request
from fermata_mcp.domain.requests.wishes import free_wish
from fermata_mcp.domain.source import KIND_WORDS, ClipSource, FileSource, Source, TaskSource, UrlSource
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import SourceFacts, Work, new_id
from fermata_mcp.providers.base import Provider
from fermata_mcp.providers.registry import Registry

from .other_ways import brief, far_too_short, limits, out_of_reach, page_error, with_ways, with_wish
from .sources import SourceLookup, Sources
from .work import problems_of, work_of


@dataclass(frozen=True)
class FirstStep:
    """What the first step of the task `task_id` would be."""

    task_id: str
    plan: Plan
    work: Work


@dataclass(frozen=True)
class Trial:
    """How one provider would fare with a request.

    Attributes:
        lookup: None where there is no source for it.
        first: What its first step would be, in the task `task_id`; None where there are problems.
    """

    provider: Provider
    problems: tuple[FermataError, ...]
    lookup: SourceLookup | None = None
    first: FirstStep | None = None

    @property
    def cannot(self) -> bool:
        """Whether it is the provider's nature that stands in the way, and not a value that can be corrected."""
        return any(isinstance(one, CannotTake | UnsupportedField) for one in self.problems)

    @property
    def too_small(self) -> bool:
        """Whether another provider might do what this one cannot."""
        return self.cannot or any(isinstance(one, TooLarge) for one in self.problems)

    @property
    def error(self) -> FermataError:
        return together(self.problems)


@dataclass(frozen=True)
class ProviderChoice:
    """The provider that can, what it is to lengthen, and why it was chosen where nobody named it."""

    provider: Provider
    lookup: SourceLookup
    first: FirstStep
    reason: str | None


@dataclass(frozen=True)
class ProviderChooser:
    """See `choose`. To be made anew for each request: what it learns of the source it keeps."""

    registry: Registry
    sources: Sources
    settings: Settings
    _lookups: dict[str, SourceLookup] = field(default_factory=dict[str, SourceLookup])

    async def choose(self, request: Request, source: Source, page: SongPage | None) -> ProviderChoice:
        """The provider for a request; a song `page` is one that only some providers can know.

        Raises:
            FermataError: Names everything that is wrong at once, and which providers could, with which key.
        """
        if request.provider is None:
            trials = await self._try_in_order(request, source, page)
        elif page is None or self.registry.get(request.provider).spec.name in page.providers:
            trials = [await self._try(self.registry.get(request.provider), request, source)]
        else:
            trials = []
        best = trials[-1] if trials else None
        if best is not None and best.lookup is not None and best.first is not None:
            reason = None if request.provider else self._reason(request, trials, source)
            return ProviderChoice(best.provider, best.lookup, best.first, reason)
        raise self._error(request, source, page, trials)

    async def _try_in_order(self, request: Request, source: Source, page: SongPage | None) -> list[Trial]:
        """Trials up to the first that went well."""
        trials: list[Trial] = []
        names = await self._candidates(source, page)
        for name in self._owners(request, names) or names:
            trials.append(await self._try(self.registry.get(name), request, source))
            if not trials[-1].problems:
                break
        return trials

    async def _candidates(self, source: Source, page: SongPage | None) -> list[str]:
        names = self.registry.candidates()
        if page is not None:
            return [name for name in names if name in page.providers]
        if isinstance(source, ClipSource):
            makers = await self.sources.makers(source.clip_id, names)
            return makers or [name for name in names if self._may_know(name, source.clip_id)]
        return names

    def _owners(self, request: Request, names: Iterable[str]) -> list[str]:
        """Those that name an option of the request as theirs: others would only pass it on, and not know it."""
        given = set(request.options or {})
        return [name for name in names if not given.isdisjoint(self.registry.spec(name).options or ())]

    def _may_know(self, name: str, clip_id: str) -> bool:
        spec = self.registry.spec(name)
        return "clip" not in spec.sources or re.fullmatch(spec.clip_form, clip_id) is not None

    async def _try(self, provider: Provider, request: Request, source: Source) -> Trial:
        spec = provider.spec
        problems = [*source_problems(source, spec)]
        fields = [*field_problems(request, spec)]
        if problems:
            # Where nobody named the provider, what else it lacks is beside the point.
            return Trial(provider, (*problems, *(fields if request.provider else ())))
        try:
            lookup = await self._look_up(source, provider)
        except FermataError as error:
            return Trial(provider, (error, *fields))
        wrong = [*fields, *problems_of(request, spec, lookup.facts, self.settings)]
        wrong += far_too_short(request, spec, lookup.facts)
        if wrong:
            return Trial(provider, (*wrong, *([lookup.refusal] if lookup.refusal else [])), lookup)
        return self._first_step(provider, request, lookup)

    async def _look_up(self, source: Source, provider: Provider) -> SourceLookup:
        """What is known of the source: a file is looked at once, a link once for us and once for those far away."""
        key = _lookup_key(source, provider.spec)
        if key not in self._lookups:
            self._lookups[key] = await self.sources.find(source, provider, self.settings.trusted_addresses())
        return self._lookups[key]

    def _first_step(self, provider: Provider, request: Request, lookup: SourceLookup) -> Trial:
        """The trial of a request without problems, unless the adapter knows that its wire cannot say it."""
        task_id = new_id("tsk")
        plan, work = work_of(request, provider.spec, lookup.facts, self.settings, task_id)
        try:
            provider.check(work)
        except InvalidRequest as error:
            return Trial(provider, (error, *([lookup.refusal] if lookup.refusal else [])), lookup)
        return Trial(provider, (), lookup, FirstStep(task_id, plan, work))

    # --- saying why -----------------------------------------------------------------------------------------------

    def _reason(self, request: Request, trials: Sequence[Trial], source: Source) -> str:
        spec, word = trials[-1].provider.spec, KIND_WORDS[type(source)]
        default = self.settings.default_provider
        if spec.name == default:
            return f"{spec.name}: it is FERMATA_DEFAULT_PROVIDER"
        lacking = [_short(trial) for trial in trials[:-1]]
        if default and not self.registry.get(default).configured:
            lacking.insert(0, f"{default}, the default, has no {self.registry.spec(default).lacking}")
        why = f"the first with {spec.needed} that takes this {word}" if spec.set_by else f"it takes a {word}"
        keyed = any(self.registry.spec(name).set_by for name in self.registry.candidates())
        if keyed and not lacking and self._owners(request, [spec.name]):
            own = ", ".join(f"options.{name}" for name in request.options or {} if name in (spec.options or ()))
            return f"{spec.name}: it alone knows {own}"
        lacking = lacking or ([] if keyed else ["no key is set"])
        return "; ".join([f"{spec.name}: {why}", *lacking])

    def _error(self, request: Request, source: Source, page: SongPage | None, trials: Sequence[Trial]) -> FermataError:
        """The problems of the provider that comes closest, or of all; with the providers that could."""
        ways = self._other_ways(request, source, page, trials)
        close = [trial for trial in trials if not trial.cannot]
        if close:
            error = with_ways(close[0].error, ways) if close[0].too_small else close[0].error
            return with_wish(error, self._wish(request, source))
        if page is not None and not trials:
            return with_ways(page_error(page), ways)
        if len(trials) == 1:
            return with_ways(trials[0].error, ways)
        return with_ways(_all_of(trials), ways)

    def _wish(self, request: Request, source: Source) -> str | None:
        """Where nobody named a provider: how a free one does exactly what the prompt asks for."""
        if request.provider:
            return None
        specs = [self.registry.spec(name) for name in self.registry.candidates()]
        able = [spec for spec in specs if KIND_WORDS[type(source)] in spec.sources]
        return next((told for spec in able if (told := free_wish(request.prompt, spec))), None)

    def _other_ways(self, request: Request, source: Source, page: SongPage | None, trials: Sequence[Trial]) -> str:
        """`local can; sunoapi could with SUNOAPI_API_KEY set`: who could take this source and these fields."""
        tried = {trial.provider.spec.name: trial for trial in trials}
        facts = next((one.lookup.facts for one in trials if one.lookup and not one.lookup.facts.clip), None)
        names = [name for name in self.registry.names() if name not in tried]
        able = [name for name in names if self._could(name, request, source, page, facts)]
        ready = [name for name in able if self.registry.get(name).configured]
        keyed = [f"{name} could with {self.registry.spec(name).set_by} set" for name in able if name not in ready]
        return "; ".join([*([f"{', '.join(ready)} can"] if ready else []), *keyed])

    def _could(
        self, name: str, request: Request, source: Source, page: SongPage | None, facts: SourceFacts | None
    ) -> bool:
        spec = self.registry.spec(name)
        if page is not None and name not in page.providers:
            return False
        if isinstance(source, ClipSource) and not self._may_know(name, source.clip_id):
            return False
        problems = [*source_problems(source, spec), *field_problems(request, spec)]
        problems += [] if facts is None else limits(request, spec, facts)
        if facts is not None and out_of_reach(request, spec, facts):
            return False
        return not problems and not (isinstance(source, TaskSource) and "file" not in spec.sources)


def _lookup_key(source: Source, spec: ProviderSpec) -> str:
    """For whom else a look-up serves as well."""
    match source:
        case FileSource() | UrlSource():
            return "here" if spec.here else "there"
        case _:
            return spec.name


def _all_of(trials: Sequence[Trial]) -> FermataError:
    """Why each provider cannot; and for those that take the source, what would help."""
    near = [trial for trial in trials if trial.lookup] or trials
    told = [problem for trial in trials for problem in trial.problems]
    if not told:
        return CannotTake("no provider that is ready knows this clip.", f"give another source, {ANOTHER}")
    ways = [f"provider {trial.provider.spec.name}: {brief(trial.error.hint)}" for trial in near]
    said = together(told)
    return type(said)(said.message, f"{'; '.join(ways)}.")


def _short(trial: Trial) -> str:
    """Why a provider was passed over, in a few words."""
    said = trial.error.message.rstrip(".")
    return said if trial.provider.spec.name in said else f"{trial.provider.spec.name}: {said}"
