"""Kept audio: put where all replicas find it, and brought to this machine when a file is needed.

A path in a task is one of the machine that wrote it. Where it ends in a key (`media.objects.keys`) it means the same
audio everywhere, and `here` tells where this machine has it, or will.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import NotFound, StoreUnavailable
from fermata_mcp.domain.task import Clip, Step, Task, Work
from fermata_mcp.media import files
from fermata_mcp.media.formats.kinds import media_type
from fermata_mcp.media.objects.base import ObjectStore
from fermata_mcp.media.objects.keys import FOLDER, key_in, key_of, name_of_key, sha256_of
from fermata_mcp.media.objects.scratch import Scratch
from fermata_mcp.store.objects import Objects


@dataclass(frozen=True)
class Library:
    """The audio of all principals of one engine. `now` gives Unix milliseconds."""

    rows: Objects
    objects: ObjectStore
    scratch: Scratch
    settings: Settings
    now: Callable[[], int]

    # --- where it is ----------------------------------------------------------------------------------------------

    def here(self, path: str) -> Path:
        """Where this machine has what `path` means, or will once it was brought."""
        key = key_in(path)
        return Path(path) if key is None else self.scratch.path(key)

    async def at_hand(self, path: str) -> Path:
        """The same, brought here where it was not.

        Raises:
            NotFound: It is kept no more.
            ObjectsUnavailable: It cannot be fetched now.
        """
        key = key_in(path)
        return Path(path) if key is None else await self.scratch.at_hand(key)

    def is_there(self, path: str) -> bool:
        """Whether a file that was saved still is, as far as that can be told without asking elsewhere."""
        return key_in(path) is not None or files.is_there(path)

    def lacks(self, path: str | None) -> bool:
        """Whether a finished file is on this machine alone, and should not be."""
        return self.settings.audio_is_shared and path is not None and key_in(path) is None

    def is_working_file(self, path: str, task: Task) -> bool:
        """Whether it is a part of a chain, which nobody was given yet."""
        key = key_in(path)
        if key is not None:
            return name_of_key(key).startswith(f"{task.id}-")
        return Path(path).parent == self.settings.data_dir / "audio"

    # --- for work that any process may carry out --------------------------------------------------------------------

    def task_here(self, task: Task) -> Task:
        """The task with the places of this machine."""
        return replace(task, steps=tuple(self.step_here(step) for step in task.steps))

    def step_here(self, step: Step) -> Step:
        return replace(step, work=self._work_here(step.work, step.task_id))

    def _work_here(self, work: Work, task_id: str) -> Work:
        found: dict[str, str] = {
            name: str(self.here(path))
            for name, path in (("source_file", work.source_file), ("before_file", work.before_file))
            if path is not None
        }
        if self.settings.audio_is_shared:
            found["save_as"] = str(self.settings.saved_dir / task_id / Path(work.save_as).name)
        changed = {name: path for name, path in found.items() if path != getattr(work, name)}
        return work.model_copy(update=changed) if changed else work

    async def bring(self, work: Work) -> None:
        """Have every file here that the work begins with, and room for its result. Raises as `at_hand`."""
        for path in {work.source_file, work.before_file} - {None}:
            await self.at_hand(str(path))
        if self.settings.audio_is_shared:
            await anyio.to_thread.run_sync(partial(Path(work.save_as).parent.mkdir, parents=True, exist_ok=True))

    # --- keeping ----------------------------------------------------------------------------------------------------

    async def keep(self, file: Path, *, owner: str, principal: str) -> Path:
        """Put a file where all find it; it goes away where it lay. Returns where it is now.

        Args:
            owner: The task or upload that needs it.

        Raises:
            StoreUnavailable: It cannot be put there now; the file stays.
        """
        sha256 = await anyio.to_thread.run_sync(sha256_of, file)
        size, key = (await anyio.Path(file).stat()).st_size, key_of(sha256, file.name)
        kept = await self.rows.keep_object(
            owner=owner, principal=principal, sha256=sha256, size=size, key=key, now=self.now()
        )
        if not kept.stored:
            await self.objects.put(file, kept.key, media_type(kept.key))
            await self.rows.object_is_stored(kept.key, now=self.now())
        return await self.scratch.take_in(file, kept.key)

    async def stored(self, clip: Clip, task: Task) -> tuple[Clip, StoreUnavailable | None]:
        """The clip with its file where all find it; or as it is, and why it could not be put there."""
        if clip.file is None or not self.lacks(clip.file):
            return clip, None
        try:
            kept = await self.keep(Path(clip.file), owner=task.id, principal=task.principal)
        except StoreUnavailable as error:
            return clip.model_copy(update={"unstored": True}), error
        return clip.model_copy(update={"file": str(kept), "unstored": False}), None

    async def also_needs(self, owner: str, path: str | None) -> None:
        """Note that a task needs a file that is kept for something else already."""
        key = None if path is None else key_in(path)
        if key is not None and not await self.rows.also_needs(owner, key):
            raise NotFound(f"{name_of_key(key)} is no longer there.", "upload it anew.")

    async def release(self, owner: str, *, but: Collection[str | None] = ()) -> None:
        """What a task or an upload needed goes, but for these files and what others need.

        The rows go first: what is cut off then leaves files that nobody knows, and the next sweep takes.
        """
        stay = {key for path in but if path is not None and (key := key_in(path)) is not None}
        gone = await self.rows.release_objects(owner, but=stay)
        if gone:
            await self.objects.delete(gone)
            await self.scratch.forget(gone)

    async def check(self) -> None:
        """Raise ObjectsUnavailable where kept audio cannot be asked for."""
        await self.objects.size(f"{FOLDER}/{'0' * 64}/{'0' * 16}/check")

    async def clear(self, task_id: str) -> None:
        """Remove the empty folder in which a result of this task was made."""
        if self.settings.audio_is_shared:
            with suppress(OSError):
                await anyio.Path(self.settings.saved_dir / task_id).rmdir()
