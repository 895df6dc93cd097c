"""Old tasks and caches, found and removed on a person's word. Finished audio stays unless that is asked for, too."""

from __future__ import annotations

import stat
import time
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio.to_thread

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.domain.task import FINISHED, TASK_STATUSES, Task, TaskStatus
from fermata_mcp.engine.audio.library import Library
from fermata_mcp.engine.clock import Clock
from fermata_mcp.engine.credits import beginnings
from fermata_mcp.media.atomic import sweep
from fermata_mcp.media.files import Shelf
from fermata_mcp.media.objects.keys import FOLDER, key_in
from fermata_mcp.providers.base import ARRIVED
from fermata_mcp.store.base import Store

A_PAGE = 100
ABANDONED_SECONDS = 86_400
# Half an answer that was paid for is kept so long for whoever wants it.
KEPT_ANSWER_SECONDS = 30 * 86_400
# A file that was written to this much later than its task ended is not what Fermata saved any more.
CHANGED_AFTER_SECONDS = 120


@dataclass(frozen=True)
class Wanted:
    """What a person wants gone.

    Attributes:
        older_than: Seconds since the end of the tasks; None for no tasks.
        audio: Their finished audio as well.
        caches: What is made anew when it is needed.
        most: No more tasks than these, the oldest; None for all.
        objects: Their audio that lies where all replicas find it as well, but nothing in an output folder.
    """

    older_than: float | None
    audio: bool
    caches: bool
    most: int | None = None
    objects: bool = False


@dataclass(frozen=True)
class Files:
    """Some files, and how many bytes they take."""

    paths: tuple[Path, ...] = ()
    bytes: int = 0

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Files:
        """Those of them that are there."""
        sizes = {path: size for path in dict.fromkeys(paths) if (size := _size(path)) is not None}
        return cls(tuple(sizes), sum(sizes.values()))


@dataclass(frozen=True)
class Found:
    """What would go, or went.

    Attributes:
        tasks: Whole, oldest first.
        kept: How many tasks are as old and stay.
        working: Files of those tasks that nobody was given.
        audio: Their finished audio in our own folders: it goes only if that is wanted.
        before: What the tasks had to end before; Unix milliseconds.
        objects: The same where all replicas find it; only the last task that needs it takes it along.
    """

    tasks: tuple[Task, ...] = ()
    kept: int = 0
    working: Files = field(default_factory=Files)
    audio: Files = field(default_factory=Files)
    caches: Files = field(default_factory=Files)
    before: int = 0
    objects: Files = field(default_factory=Files)

    @property
    def finished(self) -> Files:
        """Their finished audio, wherever it lies."""
        return Files((*self.audio.paths, *self.objects.paths), self.audio.bytes + self.objects.bytes)


@dataclass(frozen=True)
class Purging:
    """Finds, and removes what was found."""

    store: Store
    settings: Settings
    clock: Clock
    principal: str
    library: Library

    async def find(self, wanted: Wanted) -> Found:
        """What would go. Raises StoreUnavailable."""
        found = Found()
        if wanted.older_than is not None:
            found = await self._old_tasks(wanted)
        if not wanted.caches:
            return found
        known = await self._known_ids()
        caches = await anyio.to_thread.run_sync(lambda: Files.of(self._caches(known, set(found.working.paths))))
        return replace(found, caches=caches)

    async def carry_out(self, found: Found, *, audio: bool) -> Found:
        """Remove it, the rows first: what is cut off then leaves files, and no task without its files.

        Returns what went.
        """
        ids = [task.id for task in found.tasks]
        since = min(beginnings(self.clock.now()))
        gone = set(
            await self.store.remove(ids, principal=self.principal, before=found.before, counted_since=since)
            if ids else ()
        )  # fmt: skip
        tasks = tuple(task for task in found.tasks if task.id in gone)
        stay = {path for task in found.tasks if task.id not in gone for path in self._all_files(task)}
        working, caches = _without(found.working, stay), _without(found.caches, stay)
        finished = _without(found.audio, stay) if audio else Files()
        for some in (working, finished, caches):
            await anyio.to_thread.run_sync(_unlink, some.paths)
        objects = await self._objects(tasks)
        for task in tasks:
            await self.library.release(task.id)
        await anyio.to_thread.run_sync(self._sweep)
        kept = found.kept + len(found.tasks) - len(tasks)
        return Found(tasks, kept, working, finished, caches, found.before, objects)

    # --- tasks ----------------------------------------------------------------------------------------------------

    async def _old_tasks(self, wanted: Wanted) -> Found:
        now = self.clock.now()
        before = now - round((wanted.older_than or 0.0) * 1000)
        ids, kept = await self.store.removable(
            principal=self.principal, before=before, counted_since=min(beginnings(now))
        )
        tasks = [task for task in [await self._readable(task_id) for task_id in ids[: wanted.most]] if task is not None]
        # What was paid for would be found by nobody any more.
        tasks = [task for task in tasks if not any(self._is_lost(path, wanted) for path in _delivered(task))]
        needed = await self._needed()
        of_tasks = [path for task in tasks for path in self._working_files(task)]
        finished = [path for task in tasks for path in self._finished(task)]
        old_previews = self._previews_before(before)
        return Found(
            tuple(tasks), kept + len(ids) - len(tasks),
            Files.of(path for path in (*of_tasks, *old_previews) if path not in {*needed, *finished}),
            Files.of(path for path in finished if path not in needed),
            before=before, objects=await self._objects(tasks),
        )  # fmt: skip

    async def _readable(self, task_id: str, principal: str | None = None) -> Task | None:
        with suppress(FermataError):
            return await self.store.get(task_id, principal=principal or self.principal)
        return None

    async def _needed(self) -> set[Path]:
        """What unfinished tasks are made from."""
        going_on: list[TaskStatus] = [status for status in TASK_STATUSES if status not in FINISHED]
        return {
            Path(task.source.file)
            for status in going_on
            for principal in await self.store.principals()
            async for task in self._all(status, principal)
            if task.source.file is not None
        }

    async def _all(self, status: TaskStatus | None, principal: str) -> AsyncGenerator[Task]:
        cursor = None
        while True:
            page = await self.store.page(principal=principal, status=status, provider=None, limit=A_PAGE, cursor=cursor)
            for task in page.tasks:
                yield task
            if (cursor := page.next_cursor) is None:
                return

    # --- files ----------------------------------------------------------------------------------------------------

    @property
    def _working_folder(self) -> Path:
        return self.settings.data_dir / "audio"

    def _is_lost(self, path: Path, wanted: Wanted) -> bool:
        """Whether only its task tells where it is, and it is not to go with it."""
        if key_in(path) is not None:
            return not (wanted.audio or wanted.objects)
        return not wanted.audio and self._is_working_file(path)

    async def _objects(self, tasks: Iterable[Task]) -> Files:
        """Their finished audio that lies where all replicas find it."""
        keys = {key: path for task in tasks for path in _delivered(task) if (key := key_in(path)) is not None}
        sizes = await self.library.rows.bytes_of(list(keys))
        return Files(tuple(keys[key] for key in sizes), sum(sizes.values()))

    def _is_working_file(self, path: Path) -> bool:
        return path.parent == self._working_folder and path.is_file()

    def _working_files(self, task: Task) -> Iterator[Path]:
        for owner in (task.id, *(step.id for step in task.steps)):
            yield from _files_in(self._working_folder, f"{owner}-*")

    def _finished(self, task: Task) -> Iterator[Path]:
        """What was delivered and lies in our own folders as it was saved; not what a person had saved elsewhere."""
        shelf = Shelf((self.settings.output_dir, self.settings.data_dir), ())
        for path in _delivered(task):
            with suppress(FermataError):
                saved = shelf.saved(str(path))
                if key_in(path) is None and str(path) != task.source.file and not _changed_since(saved, task):
                    yield path

    def _all_files(self, task: Task) -> Iterator[Path]:
        yield from self._working_files(task)
        yield from _delivered(task)

    def _previews_before(self, moment: int) -> list[Path]:
        found = _files_in(self.settings.data_dir / "previews", "*.opus")
        return [path for path in found if (at := _written_at(path)) is not None and at * 1000 < moment]

    def _caches(self, known: set[str], besides: set[Path]) -> Iterator[Path]:
        for folder, names in (("analysis", "*.npz"), ("previews", "*.opus"), ("scratch", f"{FOLDER}/*/*/*")):
            yield from (path for path in _files_in(self.settings.data_dir / folder, names) if path not in besides)
        long_ago = time.time() - ABANDONED_SECONDS
        arrived = _files_in(self.settings.data_dir / ARRIVED, "*")
        yield from (path for path in arrived if (_written_at(path) or long_ago) < time.time() - KEPT_ANSWER_SECONDS)
        for path in _files_in(self._working_folder, "*"):
            owner = path.name.partition("-")[0]
            if owner not in known and owner.startswith(("tsk_", "stp_")) and (_written_at(path) or long_ago) < long_ago:
                yield path

    async def _known_ids(self) -> set[str]:
        """Whose working files may still be wanted: tasks, and the steps of those that are not over."""
        known: set[str] = set()
        for principal in await self.store.principals():
            async for task in self._all(None, principal):
                whole = None if task.finished else await self._readable(task.id, principal)
                known |= {task.id, *(step.id for step in (whole.steps if whole else ()))}
        return known

    def _sweep(self) -> None:
        for folder in (self._working_folder, self.settings.data_dir / "analysis", self.settings.data_dir / "previews"):
            sweep(folder)


def _delivered(task: Task) -> Iterator[Path]:
    named = [task.audio.file if task.audio else None, *(clip.file for step in task.steps for clip in step.clips)]
    yield from dict.fromkeys(Path(file) for file in named if file is not None)


def _changed_since(path: Path, task: Task) -> bool:
    at = _written_at(path)
    return at is None or task.finished_at is None or at > task.finished_at / 1000 + CHANGED_AFTER_SECONDS


def _without(files: Files, stay: set[Path]) -> Files:
    return Files.of(path for path in files.paths if path not in stay)


def _files_in(folder: Path, names: str) -> list[Path]:
    with suppress(OSError):
        return sorted(path for path in folder.glob(names) if not path.name.startswith(".") and _size(path) is not None)
    return []


def _size(path: Path) -> int | None:
    """Of a regular file; links and folders are nobody's to remove."""
    with suppress(OSError):
        facts = path.lstat()
        return facts.st_size if stat.S_ISREG(facts.st_mode) else None
    return None


def _written_at(path: Path) -> float | None:
    with suppress(OSError):
        return path.lstat().st_mtime
    return None


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):  # somebody else was quicker, or it may not be removed
            path.unlink()
