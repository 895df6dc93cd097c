"""What is known of a source before anything is spent: where its audio is, how long it is, who made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio.to_thread

from fermata_mcp.domain.errors import InvalidRequest, UnknownTrack
from fermata_mcp.domain.source import ClipSource, FileSource, Source, TaskSource, UrlSource
from fermata_mcp.domain.task import Clip, SourceFacts, Step
from fermata_mcp.media import audio, files
from fermata_mcp.providers.base import Provider
from fermata_mcp.store.base import Store


class Sources:
    """Finds the sources of one principal.

    Args:
        input_roots: Folders that callers' files may be read from; None allows any, () none.
    """

    def __init__(self, store: Store, principal: str, input_roots: tuple[Path, ...] | None) -> None:
        self._store = store
        self._principal = principal
        self._input_roots = input_roots

    async def facts(self, source: Source, provider: Provider) -> SourceFacts:
        match source:
            case FileSource(path):
                return await self._file_facts(files.readable_file(path, self._input_roots), path)
            case TaskSource():
                return await self._task_facts(source, provider)
            case ClipSource(clip_id):
                return await self._clip_facts(clip_id, provider)
            case UrlSource(url):
                return SourceFacts(ref=url, url=url, identity=url)

    async def _file_facts(self, path: Path, ref: str) -> SourceFacts:
        facts = await anyio.to_thread.run_sync(audio.probe, path)
        return SourceFacts(
            ref=ref, duration_seconds=facts.duration_seconds, file=str(path), identity=files.identity(path)
        )

    async def _clip_facts(self, clip_id: str, provider: Provider) -> SourceFacts:
        """What our own history knows about a provider's clip; nothing more than its id otherwise."""
        known = await self._store.find_clip(provider.spec.name, clip_id, principal=self._principal)
        bare = SourceFacts(ref=f"clip:{clip_id}", clip=clip_id, identity=f"clip:{clip_id}")
        task = await self._store.get(known[0], principal=self._principal) if known else None
        if task is None or known is None:
            return bare
        for step in task.steps:
            if known[1] < len(step.clips) and step.clips[known[1]].provider_clip_id == clip_id:
                return bare.model_copy(update=_heard(step.clips[known[1]], step))
        return bare

    async def _task_facts(self, source: TaskSource, provider: Provider) -> SourceFacts:
        ref = source.task_id if source.index is None else f"{source.task_id}/{source.index}"
        task = await self._store.get(source.task_id, principal=self._principal)
        if task is None:
            raise UnknownTrack(f"there is no task {source.task_id}.")
        clips, index = task.clips, source.index or 0
        if index >= len(clips):
            raise UnknownTrack(f"{ref} has no audio: the task is {task.status} and has {len(clips)} clips.")
        clip = clips[index]
        step = next(step for step in reversed(task.steps) if clip in step.clips)
        if task.provider == provider.spec.name and clip.provider_clip_id and "clip" in provider.spec.sources:
            identity = f"clip:{clip.provider_clip_id}"
            facts = SourceFacts(ref=ref, clip=clip.provider_clip_id, identity=identity)
            return facts.model_copy(update=_heard(clip, step))
        return await self._saved_facts(clip, ref, provider, step)

    async def _saved_facts(self, clip: Clip, ref: str, provider: Provider, step: Step) -> SourceFacts:
        if "file" not in provider.spec.sources:
            raise InvalidRequest(
                f"{provider.spec.name} cannot take the audio of another provider's task.",
                "give its own task or clip, or choose a provider that takes files.",
            )
        if clip.file is None or not files.is_there(clip.file):
            raise UnknownTrack(f"the saved audio of {ref} is no longer there.", "give the file where it is now.")
        facts = await self._file_facts(Path(clip.file), ref)
        return facts.model_copy(update={"title": clip.title, "style": step.work.fields.get("style")})


def _heard(clip: Clip, step: Step) -> dict[str, Any]:
    """What is known of a clip we have received: what the user hears, and how long it is on the provider's side."""
    whole = clip.file is not None and files.is_there(clip.file)
    return {
        "duration_seconds": clip.duration_seconds,
        "clip_seconds": clip.own_seconds,
        "file": clip.file if whole else None,
        "title": clip.title or step.work.fields.get("title"),
        "style": step.work.fields.get("style"),
        "model": step.work.fields.get("model"),
    }
