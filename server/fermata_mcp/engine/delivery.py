"""From a provider's links to files the user keeps: saved at once, measured, and joined where only a part came back."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path

import anyio
import anyio.to_thread

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError, ProviderUnavailable
from fermata_mcp.domain.task import Clip, Step, Task, TaskPatch
from fermata_mcp.media.decoding import Decoder
from fermata_mcp.media.facts import Heard
from fermata_mcp.media.files import copy

from .chain import chosen
from .placing import Placing
from .source_audio import with_source

_LETTERS = "abcdefghijklmnop"
# The first fetch of a file gets this long, each further one twice as long: some hosts are slower than real time.
FETCH_SECONDS, LONGEST_FETCH_SECONDS = 120.0, 1800.0
# Providers round, and count what an encoder adds.
CUT_SECONDS, CUT_SHARE = 2.0, 0.03


async def load_audio_room(decoder: Decoder) -> None:
    """Have ready what saving audio needs: what fetches it is imported, what looks at it is started."""
    await anyio.to_thread.run_sync(import_module, "fermata_mcp.media.download")
    await decoder.warm()


@dataclass(frozen=True)
class Delivered:
    """Clips as they can be handed out. `missing` are the reasons why audio is not there, or not whole, yet."""

    clips: tuple[Clip, ...]
    warnings: tuple[str, ...] = ()
    missing: tuple[FermataError, ...] = ()


async def deliver(
    clips: tuple[Clip, ...], step: Step, task: Task, settings: Settings, decoder: Decoder, *, insist: bool = False
) -> Delivered:
    """Save every clip whose audio is not here yet, and join new parts to their source where that is at hand.

    Args:
        insist: A file that ends early counts as not there. Otherwise it is taken, and marked as cut.
    """
    if step.work.action == "upload":
        return Delivered(clips)
    if any(clip.missing and clip.url for clip in clips):
        step = replace(step, work=await with_source(step, task, settings, decoder))
    found: dict[int, tuple[Clip, list[str], FermataError | None]] = {}

    async def save(index: int, clip: Clip) -> None:
        found[index] = await _kept(clip, index, step, task, settings, decoder, insist)

    async with anyio.create_task_group() as group:
        for index, clip in enumerate(clips):
            group.start_soon(save, index, clip)
    ordered = [found[index] for index in range(len(clips))]
    warnings = dict.fromkeys(said for _, told, _ in ordered for said in told)
    return Delivered(
        tuple(clip for clip, _, _ in ordered), tuple(warnings), tuple(error for _, _, error in ordered if error)
    )


async def _kept(
    clip: Clip, index: int, step: Step, task: Task, settings: Settings, decoder: Decoder, insist: bool
) -> tuple[Clip, list[str], FermataError | None]:
    if not clip.missing:
        return clip, [], None
    if clip.url is None:
        return clip, [], ProviderUnavailable(f"{task.provider} names no link to it")
    try:
        return *await _saved(clip, clip.url, index, step, task, settings, decoder, insist), None
    except FermataError as error:
        return clip, [], error
    except OSError as error:
        return clip, [], ProviderUnavailable(f"a file could not be written ({error.strerror}).")


async def _saved(
    clip: Clip, url: str, index: int, step: Step, task: Task, settings: Settings, decoder: Decoder, insist: bool
) -> tuple[Clip, list[str]]:
    from fermata_mcp.media.download import download

    folder = settings.data_dir / "audio"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = min(LONGEST_FETCH_SECONDS, FETCH_SECONDS * 2 ** min(step.error_streak, 10))
    name = folder / f"{step.id}-{index}-{secrets.token_hex(4)}"
    raw = await download(url, name, trusted=settings.trusted_addresses(), deadline_seconds=deadline)
    try:
        heard = await decoder.hear(raw.path)
        warnings = _incomplete(clip, heard)
        if warnings and (insist or (clip.own_seconds or 0) >= (heard.seconds or 0)):
            raise ProviderUnavailable(warnings[0])
        stem = _numbered(_stem(task, step, settings), index)
        join = task.request.get("stitch") != "never"
        placed = await Placing(decoder, raw.path, heard, clip, step.work, stem, join).place()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(partial(raw.path.unlink, missing_ok=True))
    if heard.decodable or heard.seconds is not None:
        await decoder.label(placed.file, clip.title, f"Fermata {task.id}, {task.provider}")
    return placed.clip(clip, cut=bool(warnings)), [*warnings, *placed.warnings]


def _incomplete(clip: Clip, heard: Heard) -> list[str]:
    """What is wrong with a file that is not all there."""
    own, told = heard.seconds, clip.told_seconds or clip.duration_seconds
    if not heard.complete:
        return [f"The audio ends early, after {own or 0:.0f} s: it is incomplete."]
    if told is None or own is None or own >= told - max(CUT_SECONDS, CUT_SHARE * told):
        return []
    return [f"The audio ends after {own:.0f} s, but the provider said {told:.0f} s: it may be incomplete."]


def _stem(task: Task, step: Step, settings: Settings) -> Path:
    """The final name, except for the links of a chain: they wait among the working files until the chain is over."""
    return Path(step.work.save_as) if task.kind == "extend" else settings.data_dir / "audio" / f"{task.id}-{step.seq}"


def _numbered(stem: Path, index: int) -> Path:
    return stem.with_name(stem.name + (f", take {_LETTERS[index]}" if index else ""))


NOT_SAVED = "The audio could not be saved"


def not_saved(error: FermataError) -> str:
    return f"{NOT_SAVED} ({error.message.rstrip('.')}); it is tried again for a day, and by get_task at once."


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
            moved[file] = await _put(Path(file), _numbered(Path(task.save_as), number))
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
