"""From a request to a task: the source found and measured, the provider's facts checked, quoted, capped, worked out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import MissingKey, OverBudget
from fermata_mcp.domain.plan import Plan, check_fields, check_source_form, clean_text, fill_in, make_plan, uploads_first
from fermata_mcp.domain.request import ChainRequest, Request, request_hash
from fermata_mcp.domain.source import parse_source
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import NewStep, SourceFacts, Task, TaskKind, Work, new_id
from fermata_mcp.media import files
from fermata_mcp.providers.base import Provider
from fermata_mcp.providers.registry import Registry

from .chain import SHORTEST_ADD_SECONDS
from .clock import Clock
from .sources import Sources


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
            FermataError: The request cannot be carried out; everything that is wrong with its fields is named at once.
        """
        source = parse_source(request.source)
        provider = self.registry.get(request.provider or self.registry.default())
        check_fields(request, provider.spec)
        check_source_form(source, provider.spec)
        facts = await self.sources.facts(source, provider)
        plan = make_plan(request, provider.spec, facts)
        self._check_caps(plan)
        task, step = self._new_task(request, provider, facts, plan)
        if not provider.configured:
            raise MissingKey(
                f"{provider.spec.name} needs a key.", f"set {provider.spec.key_variable}, or use provider local."
            )
        provider.check(step.work)
        return task, step

    def _check_caps(self, plan: Plan) -> None:
        cap = self.settings.max_credits_per_call
        if cap is not None and plan.at_least.credits > cap:
            raise OverBudget(
                f"this costs {plan.at_least.credits:g} credits; FERMATA_MAX_CREDITS_PER_CALL is {cap:g}.",
                "ask for less, or have the operator raise the cap.",
            )

    def _new_task(self, request: Request, provider: Provider, source: SourceFacts, plan: Plan) -> tuple[Task, NewStep]:
        kind: TaskKind = "chain" if isinstance(request, ChainRequest) else "extend"
        now = self.clock.now()
        task_id = new_id("tsk")
        asked = request.identity() | {"source": source.identity, "provider": provider.spec.name}
        task = Task(
            id=task_id,
            principal=self.principal,
            kind=kind,
            provider=provider.spec.name,
            account_id=provider.account_id,
            request=request.model_dump(exclude_none=True),
            request_hash=request_hash(kind, provider.spec.name, provider.account_id, source.identity, asked),
            idempotency_key=request.idempotency_key,
            source=source,
            status="queued",
            fraction=None,
            message="waiting to start",
            audio=None,
            error=None,
            warnings=(),
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
        return task, NewStep(new_id("stp"), 0, self._work(request, provider.spec, source, plan, task_id))

    def _work(self, request: Request, spec: ProviderSpec, source: SourceFacts, plan: Plan, task_id: str) -> Work:
        named = source.model_copy(update={"title": source.title or (Path(source.file).stem if source.file else None)})
        sent = fill_in(request, spec, named)
        title = clean_text(sent["title"]) if sent.get("title") else None
        stem = files.stem_for(title, source.file or source.title or source.ref)
        suffix = Path(source.file or "").suffix.lower() if spec.any_length else ""
        target = files.output_path(self.settings.output_dir, stem, task_id[4:10], suffix)
        fields = {name: value for name, value in sent.items() if name not in ("continue_at", "add_seconds", "title")}
        if isinstance(request, ChainRequest) and request.prompts:
            fields["prompt"] = request.prompts[0]
        point = sent.get("continue_at")
        ahead = (source.duration_seconds or 0.0) - (source.clip_seconds or source.duration_seconds or 0.0)
        return Work(
            action="upload" if uploads_first(spec, source) else "extend",
            source_file=None if source.clip else source.file,
            source_url=source.url,
            source_clip=source.clip,
            source_seconds=source.clip_seconds or source.duration_seconds,
            before_file=source.file,
            before_seconds=source.duration_seconds,
            continue_at=None if point is None else max(0.0, point - ahead),
            add_seconds=self._add_seconds(request, spec, source, plan),
            length_seconds=plan.length_seconds,
            fields=fields | ({"title": title} if title else {}),
            options=request.options or {},
            take=request.take,
            save_as=str(target),
        )

    def _add_seconds(self, request: Request, spec: ProviderSpec, source: SourceFacts, plan: Plan) -> float | None:
        """A chain asks each step for what is missing, where the provider lets one choose."""
        if isinstance(request, ChainRequest) and "add_seconds" in spec.fields and not spec.any_length:
            missing = request.target_seconds - (source.duration_seconds or 0.0)
            return min(spec.longest_add_seconds, max(SHORTEST_ADD_SECONDS, missing))
        return plan.add_seconds
