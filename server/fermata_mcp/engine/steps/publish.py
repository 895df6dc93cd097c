"""Where finished audio ends up: under the name that the task chose, its working files gone."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import anyio.to_thread

from fermata_mcp.domain.change import TaskPatch
from fermata_mcp.domain.errors import FermataError, StoreUnavailable
from fermata_mcp.domain.task import Audio, Clip, Step, Task
from fermata_mcp.engine.audio.library import Library
from fermata_mcp.media.files import copy

_LETTERS = "abcdefghijklmnop"


def numbered(stem: Path, index: int) -> Path:
    return stem.with_name(stem.name + (f", take {_LETTERS[index]}" if index else ""))


async def publish(
    patch: TaskPatch, clips: tuple[Clip, ...], task: Task, library: Library
) -> tuple[TaskPatch, tuple[Clip, ...]]:
    """Once a task is over, put what it made among the user's finished audio, under the name the task chose."""
    audio = patch.get("audio")
    if "finished_at" not in patch or audio is None or audio.file is None:
        return patch, clips
    moved: dict[str, str] = {}
    wanted = [audio.file, *_files((task.carried_on(clips),) if clips else ()), *_files(clips)]
    for number, file in enumerate(dict.fromkeys(wanted)):
        if library.is_working_file(file, task):
            moved[file] = await _put(file, numbered(Path(task.save_as), number), task, library)
    kept = tuple(clip.model_copy(update={"file": moved.get(clip.file or "", clip.file)}) for clip in clips)
    return patch | {"audio": audio.model_copy(update={"file": moved.get(audio.file, audio.file)})}, kept


async def _put(file: str, stem: Path, task: Task, library: Library) -> str:
    """The file under its name for people; where it cannot be put among the finished ones now, it is kept as it was."""
    named = stem.with_name(stem.name + Path(file).suffix)
    if not library.settings.audio_is_shared:
        return str(await anyio.to_thread.run_sync(copy, Path(file), named))
    with suppress(FermataError, OSError):
        made = await anyio.to_thread.run_sync(copy, await library.at_hand(file), named)
        return str(await library.keep(made, owner=task.id, principal=task.principal))
    await anyio.Path(named).unlink(missing_ok=True)
    return file


def _files(clips: tuple[Clip, ...]) -> list[str]:
    return [clip.file for clip in clips if clip.file is not None]


async def tidy(task: Task, clips: tuple[Clip, ...], audio: Audio | None, library: Library) -> None:
    """Remove the working files of a task that is over: links of its chain, and its source where that was fetched."""
    folder = library.settings.data_dir / "audio"
    await anyio.to_thread.run_sync(_remove_working_files, task, frozenset(_files(clips)), folder)
    if not library.settings.audio_is_shared:
        return
    others = [clip for step in task.steps[-2:] if task.steps[-1].work.action == "concat" for clip in step.clips]
    needed = (*_files((*clips, *others)), audio.file if audio else None, task.source.file)
    with suppress(StoreUnavailable):  # what stays meanwhile goes with the task
        await library.release(task.id, but=needed)
    await library.clear(task.id)


def _remove_working_files(task: Task, kept: frozenset[str], folder: Path) -> None:
    for file in folder.glob(f"{task.id}-*"):
        if str(file) not in kept:
            with suppress(OSError):
                file.unlink()


async def with_earlier_parts(
    patch: TaskPatch, clips: tuple[Clip, ...], task: Task, last: Step, library: Library
) -> tuple[TaskPatch, tuple[Clip, ...]]:
    """Where a chain's parts were to stay apart, those before the last are put beside it, and named.

    Where no folder holds them, they are further clips of the task.
    """
    if "finished_at" not in patch or task.kind != "chain" or task.request.get("stitch") != "never":
        return patch, clips
    steps = [step for step in task.steps if step.seq < last.seq and step.work.action == "extend" and step.clips]
    parts = [part for step in steps if (part := task.carried_on(step.clips)).file and library.is_there(part.file)]
    saved = [await _beside(part, number, task, library) for number, part in enumerate(parts, 1)]
    if not saved:
        return patch, clips
    names, more = ", ".join(_files(tuple(saved))), clips
    if library.settings.audio_is_shared:
        names, more = ", ".join(f"{task.id}/{len(clips) + place}" for place in range(len(saved))), (*clips, *saved)
    said = f"The parts before it are saved beside it, as asked (stitch never): {names}."
    return patch | {"warnings": (*patch.get("warnings", task.warnings), said)}, more


async def _beside(part: Clip, number: int, task: Task, library: Library) -> Clip:
    assert part.file is not None
    stem = Path(task.save_as)
    file = await _put(part.file, stem.with_name(f"{stem.name}, part {number}"), task, library)
    return part.model_copy(update={"file": file})
