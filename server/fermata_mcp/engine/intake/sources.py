"""What is known of a source before anything is spent: where its audio is, how long it is, who made it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import anyio

from fermata_mcp.domain.errors import (
    CannotTake,
    FermataError,
    InvalidRequest,
    NotAudio,
    ProviderUnavailable,
    UnknownTrack,
)
from fermata_mcp.domain.foreign.paths import written
from fermata_mcp.domain.moments import counted
from fermata_mcp.domain.requests.fields import ANOTHER
from fermata_mcp.domain.source import ClipSource, FileSource, Source, TaskSource, UploadSource, UrlSource
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Clip, SourceFacts, Step, Task, Work
from fermata_mcp.engine.audio.library import Library
from fermata_mcp.engine.audio.uploads import Uploads
from fermata_mcp.media import files
from fermata_mcp.media.codecs.targets import kept
from fermata_mcp.media.decoding.client import Decoder
from fermata_mcp.media.facts import AudioReport
from fermata_mcp.media.formats.kinds import suffix_in
from fermata_mcp.media.objects.keys import content_of, key_in
from fermata_mcp.media.places.naming import as_text
from fermata_mcp.providers.base import Provider
from fermata_mcp.store.base import REPLAY_WINDOW_MS, Store

# A provider's own look-up of a clip is worth this much waiting, and no error.
CLIP_SECONDS = 5.0
# Repetitions of a call are looked for among so many of the newest tasks.
RECENT_TASKS = 100


@dataclass(frozen=True)
class SourceLookup:
    """What is known of a source.

    Attributes:
        refusal: What is wrong with the link; it is no obstacle to a call that repeats an earlier one.
    """

    facts: SourceFacts
    warnings: tuple[str, ...] = ()
    refusal: FermataError | None = None


class Sources:
    """Finds the sources of one principal.

    Args:
        shelf: Which files may be read.
        any_clip: Whether clips of the provider's account may be named that no task of this principal's made: they may
            be anybody's.
    """

    def __init__(
        self,
        store: Store,
        principal: str,
        decoder: Decoder,
        shelf: files.Shelf,
        library: Library,
        uploads: Uploads,
        *,
        any_clip: bool = True,
    ) -> None:
        self._store = store
        self._principal = principal
        self._decoder = decoder
        self._shelf = shelf
        self._library = library
        self._uploads = uploads
        self.any_clip = any_clip

    @property
    def callers_are_local(self) -> bool:
        """Whether callers may name any place of this machine."""
        return self._shelf.roots is None

    async def find(self, source: Source, provider: Provider, trusted: frozenset[str]) -> SourceLookup:
        """What is known of `source` for `provider`.

        Args:
            trusted: host or host:port entries that may be private addresses.

        Raises:
            InvalidRequest: There is no such source, or the provider cannot take what there is.
        """
        match source:
            case FileSource(path):
                return await self._file_facts(self._shelf.readable(path), path, provider)
            case UploadSource(upload_id):
                return await self._upload_facts(upload_id, provider)
            case TaskSource():
                return await self._task_facts(source, provider)
            case ClipSource(clip_id):
                return SourceLookup(await self._clip_facts(clip_id, provider))
            case UrlSource(url):
                return await self._link_facts(url, provider, trusted)

    async def usual_step(self, spec: ProviderSpec, model: str | None) -> float:
        """Seconds that one extension of this provider and model usually adds: the median of those that we have seen."""
        added = await self._store.lengths_added(spec.name, model)
        longest = spec.lengths.longest_add
        return median(added) if added else longest if math.isfinite(longest) else spec.lengths.usual_add

    async def makers(self, clip_id: str, providers: Iterable[str]) -> list[str]:
        """Those providers that made a clip of this id for us."""
        return [one for one in providers if await self._store.find_clip(one, clip_id, principal=self._principal)]

    async def repeats(self, request_hash: str, key: str | None, now: int) -> bool:
        """Whether the store will answer a call with an earlier task, instead of making a new one."""
        page = await self._store.page(
            principal=self._principal, status=None, provider=None, limit=RECENT_TASKS, cursor=None
        )
        return any(self._answers(task, key, now) for task in page.tasks if task.request_hash == request_hash)

    async def _link_facts(self, url: str, provider: Provider, trusted: frozenset[str]) -> SourceLookup:
        """A link that cannot be reached from here may still be within the reach of a provider, but not of ours."""
        from fermata_mcp.media.network import links

        facts = SourceFacts(ref=url, url=url, audio_url=url, identity=url, suffix=suffix_in(url) or None)
        try:
            seen = await links.look(url, trusted=trusted)
        except ProviderUnavailable as error:
            if provider.spec.here:
                return SourceLookup(facts, refusal=error)
            said = error.message.rstrip(".")
            return SourceLookup(facts, (f"The link could not be looked at ({said}); the provider may still reach it.",))
        except InvalidRequest as error:
            return SourceLookup(facts, refusal=error)
        told = () if seen.certain or provider.spec.here else ("What the link leads to may not be audio.",)
        return SourceLookup(facts.model_copy(update={"suffix": seen.suffix or facts.suffix}), told)

    async def _file_facts(self, path: Path, ref: str, provider: Provider, name: str | None = None) -> SourceLookup:
        seal, name = files.seal_of(path), name or files.name_of(ref, path)
        seconds, ending, note = await self._measured(path, name, provider)
        found = SourceFacts(
            ref=written(ref),
            duration_seconds=seconds,
            file=str(path),
            seal=seal,
            title=as_text(Path(name).stem),
            name=name,
            suffix=ending,
            identity=files.identity(path),
        )
        files.check_seal(path, seal)
        return SourceLookup(found, () if note is None else (note,))

    async def _kept_facts(self, path: Path, ref: str, provider: Provider, name: str | None = None) -> SourceLookup:
        """What is known of audio of our own, which its content names wherever it lies."""
        found = await self._file_facts(path, ref, provider, name)
        key = key_in(path)
        if key is None:
            return found
        known = {"seal": None, "identity": f"sha256:{content_of(key)}"}
        return replace(found, facts=found.facts.model_copy(update=known))

    async def _upload_facts(self, upload_id: str, provider: Provider) -> SourceLookup:
        if "file" not in provider.spec.sources:
            raise CannotTake(f"{provider.spec.name} cannot take an uploaded file.", f"give a link or a clip, {ANOTHER}")
        path, name = await self._uploads.file(upload_id, self._principal)
        return await self._kept_facts(path, upload_id, provider, name)

    async def _measured(self, path: Path, name: str, provider: Provider) -> tuple[float | None, str | None, str | None]:
        """How long a file is, the ending of a result in its format, and what to tell of it.

        A provider elsewhere has decoders of its own: what is audio of a kind that nothing here reads is left to it.

        Raises:
            NotAudio: Nothing in it can be heard, or it is to be read here and cannot.
        """
        try:
            facts = await self._decoder.probe(path)
        except NotAudio:
            heard = None if provider.spec.here else await self._decoder.hear(path)
            if heard is None or heard.needs_decoder is None:
                raise
            return heard.seconds, None, _unmeasured(path, heard)
        called = replace(facts, suffix=Path(name).suffix.lower())
        return facts.duration_seconds, kept(called).ending, facts.note

    async def _clip_facts(self, clip_id: str, provider: Provider) -> SourceFacts:
        """What our own history knows about a provider's clip, else what the provider tells; else nothing but its id."""
        known = await self._store.find_clip(provider.spec.name, clip_id, principal=self._principal)
        if known is None and not self.any_clip:
            raise UnknownTrack(
                f"no task of yours made a clip {clip_id:.80} with {provider.spec.name}.",
                "give a tsk_… of list_tasks, a link or an upload; the operator may name any clip of the account.",
            )
        bare = SourceFacts(ref=f"clip:{clip_id}", clip=clip_id, identity=f"clip:{clip_id}")
        task = await self._store.get(known[0], principal=self._principal) if known else None
        for step in task.steps if task and known else ():
            if known and known[1] < len(step.clips) and step.clips[known[1]].provider_clip_id == clip_id:
                return bare.model_copy(update=self._heard(step.clips[known[1]], step, provider.spec))
        told = await _asked(provider, clip_id)
        return bare if told is None else bare.model_copy(update=_told(told))

    async def _task_facts(self, source: TaskSource, provider: Provider) -> SourceLookup:
        ref = source.task_id if source.index is None else f"{source.task_id}/{source.index}"
        task = await self._store.get(source.task_id, principal=self._principal)
        if task is None:
            raise UnknownTrack(f"there is no task {source.task_id}.")
        made, index = task.deliveries, source.index or 0
        if index >= len(made):
            raise UnknownTrack(f"{ref} has no audio: the task is {task.status} and has {counted(len(made), 'clip')}.")
        step, clip = made[index]
        if task.provider == provider.spec.name and clip.provider_clip_id and "clip" in provider.spec.sources:
            identity = f"clip:{clip.provider_clip_id}"
            facts = SourceFacts(ref=ref, clip=clip.provider_clip_id, identity=identity)
            return SourceLookup(facts.model_copy(update=self._heard(clip, step, provider.spec)))
        return await self._saved_facts(clip, ref, provider, step)

    async def _saved_file(self, written: str) -> Path:
        return self._shelf.saved(written) if key_in(written) is None else await self._library.at_hand(written)

    async def _saved_facts(self, clip: Clip, ref: str, provider: Provider, step: Step) -> SourceLookup:
        if "file" not in provider.spec.sources:
            raise CannotTake(
                f"{provider.spec.name} cannot take the audio of another provider's task.",
                f"give its own task or clip, {ANOTHER}",
            )
        if clip.file is None or not self._library.is_there(clip.file):
            raise UnknownTrack(f"the saved audio of {ref} is no longer there.", "give the file where it is now.")
        found = await self._kept_facts(await self._saved_file(clip.file), ref, provider)
        told = {"title": clip.title or found.facts.title, "style": step.work.fields.get("style")}
        return replace(found, facts=found.facts.model_copy(update=told))

    def _heard(self, clip: Clip, step: Step, spec: ProviderSpec) -> dict[str, Any]:
        """What is known of a clip we have received: what the user hears, and how long it is on the provider's side."""
        part = {"clip": step.work.source_clip, "clip_seconds": step.work.source_seconds}
        whole = clip.file is not None and self._library.is_there(clip.file)
        return {
            "audio_url": None if whole else clip.url,
            "duration_seconds": clip.duration_seconds,
            "clip_seconds": clip.own_seconds,
            "file": clip.file if whole else None,
            "title": clip.title or step.work.fields.get("title"),
            "style": step.work.fields.get("style"),
            "model": _model(step.work, spec),
        } | (part if step.work.action == "concat" and not spec.extends_joined else {})

    def _answers(self, task: Task, key: str | None, now: int) -> bool:
        saved = task.audio.file if task.audio else None
        if task.status in ("failed", "cancelled") or (task.finished and saved and not self._library.is_there(saved)):
            return False
        recent = not task.finished or (task.status == "succeeded" and now - (task.finished_at or 0) < REPLAY_WINDOW_MS)
        return recent or (key is not None and key == task.idempotency_key)


def _unmeasured(path: Path, heard: AudioReport) -> str:
    """What is told of a file that only the provider can decode."""
    length = "how long it is is not known" if heard.seconds is None else "its length is what its header says"
    return f"{path.name} holds {heard.needs_decoder}, which nothing here decodes: {length}."


def _model(work: Work, spec: ProviderSpec) -> str | None:
    """The model that was asked for a clip, by the caller or because none was named; None where no clip was composed."""
    told = work.fields.get("model") or spec.asked_in_options(work.options).get("model")
    default = spec.default_model if work.action == "extend" else None
    return told if isinstance(told, str) else default


async def _asked(provider: Provider, clip_id: str) -> Clip | None:
    """What the provider tells of a clip. Raises UnknownTrack where it says that there is none."""
    with anyio.move_on_after(CLIP_SECONDS):
        try:
            return await provider.find_clip(clip_id)
        except UnknownTrack:
            raise
        except FermataError:
            return None
    return None


def _told(clip: Clip) -> dict[str, Any]:
    return {
        "duration_seconds": clip.duration_seconds,
        "title": clip.title,
        "model": clip.model,
        "audio_url": clip.url,
    }
