"""Where finished audio ends up: under the name that the task chose, its working files gone."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import anyio.to_thread

from fermata_mcp.config import Settings
from fermata_mcp.domain.change import TaskPatch
from fermata_mcp.domain.task import Clip, Step, Task
from fermata_mcp.media.files import copy

from .chain import chosen

_LETTERS = "abcdefghijklmnop"


def numbered(stem: Path, index: int) -> Path:
    return stem.with_name(stem.name + (f", take {_LETTERS[index]}" if index else ""))


async def publish(
    patch: TaskPatch, clips: tuple[Clip, ...], task: Task, settings: Settings
) -> tuple[TaskPatch, tuple[Clip, ...]]:
    """Once a task is over, put what it made among the user's finished audio, under the name the task chose."""
    audio = patch.get("audio")
    if "finished_at" not in patch or audio is None or audio.file is None:
        return patch, clips
    moved: dict[str, str] = {}
    wanted = [audio.file, *_files((chosen(task, clips),) if clips else ()), *_files(clips)]
    for number, file in enumerate(dict.fromkeys(wanted)):
        if Path(file).parent == settings.data_dir / "audio":
            moved[file] = await _put(Path(file), numbered(Path(task.save_as), number))
    kept = tuple(clip.model_copy(update={"file": moved.get(clip.file or "", clip.file)}) for clip in clips)
    return patch | {"audio": audio.model_copy(update={"file": moved.get(audio.file, audio.file)})}, kept


async def _put(file: Path, stem: Path) -> str:
    return str(await anyio.to_thread.run_sync(copy, file, stem.with_name(stem.name + file.suffix)))


def _files(clips: tuple[Clip, ...]) -> list[str]:
    return [clip.file for clip in clips if clip.file is not None]


async def tidy(task: Task, clips: tuple[Clip, ...], settings: Settings) -> None:
    """Remove the working files of a task that is over: links of its chain, and its source where that was fetched."""
    await anyio.to_thread.run_sync(_remove_working_files, task, frozenset(_files(clips)), settings.data_dir / "audio")


def _remove_working_files(task: Task, kept: frozenset[str], folder: Path) -> None:
    for file in folder.glob(f"{task.id}-*"):
        if str(file) not in kept:
            with suppress(OSError):
                file.unlink()


async def with_earlier_parts(patch: TaskPatch, task: Task, last: Step, settings: Settings) -> TaskPatch:
    """Where a chain's parts were to stay apart, those before the last are put beside it, and named."""
    if "finished_at" not in patch or task.kind != "chain" or task.request.get("stitch") != "never":
        return patch
    parts = [
        chosen_file
        for step in task.steps
        if step.seq < last.seq and step.work.action == "extend" and (chosen_file := _chosen_file(task, step))
    ]
    saved = [await _beside(part, number, task) for number, part in enumerate(parts, 1)]
    if not saved:
        return patch
    names = ", ".join(saved)
    said = f"The parts before it are saved beside it, as asked (stitch never): {names}."
    return patch | {"warnings": (*patch.get("warnings", task.warnings), said)}


def _chosen_file(task: Task, step: Step) -> Path | None:
    clip = chosen(task, step.clips) if step.clips else None
    return Path(clip.file) if clip is not None and clip.file is not None and Path(clip.file).is_file() else None


async def _beside(part: Path, number: int, task: Task) -> str:
    stem = Path(task.save_as)
    return await _put(part, stem.with_name(f"{stem.name}, part {number}"))
