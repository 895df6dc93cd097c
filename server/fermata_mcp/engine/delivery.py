"""From a provider's links to files the user keeps: saved at once, measured, and joined where only a part came back."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path

import anyio
import anyio.to_thread

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError, NotAudio, ProviderUnavailable
from fermata_mcp.domain.task import Clip, Step, Task, TaskPatch, Work
from fermata_mcp.media import join, tags

_LETTERS = "abcdefghijklmnop"


def load_audio_room() -> None:
    """Import now what saving audio would import otherwise. Takes a tenth of a second; safe in a thread."""
    for name in ("numpy", "soundfile", "mutagen.mp3", "fermata_mcp.media.download"):
        import_module(name)


@dataclass(frozen=True)
class Delivered:
    """Clips as they can be handed out. `missing` are errors of audio that could not be fetched yet."""

    clips: tuple[Clip, ...]
    warnings: tuple[str, ...] = ()
    missing: tuple[FermataError, ...] = ()


async def deliver(clips: tuple[Clip, ...], step: Step, task: Task, settings: Settings) -> Delivered:
    """Save every clip that has only a link so far, and join new parts to their source where that is at hand."""
    if step.work.action == "upload":
        return Delivered(clips)
    stem = _stem(task, step, settings)
    work = await _with_source(step, task, settings) if any(map(_is_wanted, clips)) else step.work
    found: dict[int, tuple[Clip, list[str], FermataError | None]] = {}

    async def save(index: int, clip: Clip) -> None:
        found[index] = await _kept(clip, index, stem, replace(step, work=work), task, settings)

    async with anyio.create_task_group() as group:
        for index, clip in enumerate(clips):
            group.start_soon(save, index, clip)
    ordered = [found[index] for index in range(len(clips))]
    warnings = dict.fromkeys(said for _, told, _ in ordered for said in told)
    return Delivered(
        tuple(clip for clip, _, _ in ordered), tuple(warnings), tuple(error for _, _, error in ordered if error)
    )


async def _kept(
    clip: Clip, index: int, stem: Path, step: Step, task: Task, settings: Settings
) -> tuple[Clip, list[str], FermataError | None]:
    try:
        return *await _saved(clip, index, stem, step, task, settings), None
    except FermataError as error:
        return clip, [], error
    except OSError as error:
        return clip, [], ProviderUnavailable(f"a file could not be written ({error.strerror}).")


def _is_wanted(clip: Clip) -> bool:
    return clip.file is None and clip.url is not None


def _stem(task: Task, step: Step, settings: Settings) -> Path:
    """The final name, except for the links of a chain: they wait among the working files until the chain is over."""
    return Path(step.work.save_as) if task.kind == "extend" else settings.data_dir / "audio" / f"{task.id}-{step.seq}"


async def _with_source(step: Step, task: Task, settings: Settings) -> Work:
    """The work with its source at hand where that was a link: so its length is known and a part can be joined."""
    work, url = step.work, task.source.url
    if work.before_file is not None or url is None or work.before_seconds not in (None, work.source_seconds):
        return work
    from fermata_mcp.media.download import download

    try:
        stem = settings.data_dir / "audio" / f"{task.id}-source-{secrets.token_hex(4)}"
        stem.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        source = await download(url, stem, trusted=settings.trusted_addresses())
    except FermataError:
        return work
    seconds = await anyio.to_thread.run_sync(join.measured_seconds, source.path)
    known = {"before_file": str(source.path), "before_seconds": seconds, "source_seconds": seconds}
    return work.model_copy(update=known)


async def _saved(
    clip: Clip, index: int, stem: Path, step: Step, task: Task, settings: Settings
) -> tuple[Clip, list[str]]:
    if not _is_wanted(clip) or clip.url is None:
        return clip, []
    from fermata_mcp.media.download import download

    folder = settings.data_dir / "audio"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    raw = await download(
        clip.url, folder / f"{step.id}-{index}-{secrets.token_hex(4)}", trusted=settings.trusted_addresses()
    )
    joinable = (
        step.work if task.request.get("stitch") != "never" else step.work.model_copy(update={"before_file": None})
    )
    placed = partial(_place, raw.path, clip, _numbered(stem, index), joinable)
    try:
        file, changes, warnings = await anyio.to_thread.run_sync(placed)
    finally:
        await anyio.to_thread.run_sync(partial(raw.path.unlink, missing_ok=True))
    await anyio.to_thread.run_sync(tags.label, file, clip.title, f"Fermata {task.id}, {task.provider}")
    kept = clip.model_copy(update={**changes, "file": str(file)})
    return kept, [*warnings, *_cut_short(clip.duration_seconds, kept.own_seconds)]


def _cut_short(told: float | None, own: float | None) -> list[str]:
    if told is None or own is None or own >= told - max(2.0, 0.03 * told):
        return []
    return [f"The audio ends after {own:.0f} s, but the provider said {told:.0f} s: it may be incomplete."]


def _numbered(stem: Path, index: int) -> Path:
    return stem.with_name(stem.name + (f", take {_LETTERS[index]}" if index else ""))


def _place(raw: Path, clip: Clip, stem: Path, work: Work) -> tuple[Path, dict[str, object], list[str]]:
    """Measure the audio, join it if it is only a part, and put it where it belongs. Runs in a thread."""
    own = join.measured_seconds(raw) or clip.duration_seconds
    point = work.continue_at if work.continue_at is not None else work.source_seconds
    facts: dict[str, object] = {"own_seconds": own, "duration_seconds": own, "continue_at": point}
    before = Path(work.before_file) if work.before_file and Path(work.before_file).is_file() else None
    if work.action == "concat":
        return move(raw, stem), facts | {"whole_track": True}, []
    if (point is None or own is None) and clip.whole_track is not None:
        return move(raw, stem), facts | {"whole_track": clip.whole_track}, []
    if point is None or own is None:
        return move(raw, stem), facts | {"whole_track": None}, [_CANNOT_TELL]
    offset = max(0.0, (work.before_seconds or 0.0) - (work.source_seconds or 0.0)) if work.before_seconds else 0.0
    whole_of_source = join.holds_whole_track(raw, own, point, before if offset < 1 else None)
    if whole_of_source and offset < 1:
        return move(raw, stem), facts | {"whole_track": True}, []
    at = offset if whole_of_source else offset + point
    return _joined(raw, before, at, stem, facts)


_CANNOT_TELL = "The length of the source is not known, so nobody can tell whether this is the whole track or a part."
_ONLY_A_PART = "The provider returned only the new part"


def _joined(
    raw: Path, before: Path | None, at: float, stem: Path, facts: dict[str, object]
) -> tuple[Path, dict[str, object], list[str]]:
    facts = facts | {"whole_track": False}
    if before is None:
        return move(raw, stem), facts, []
    try:
        whole = join.join(before, at, raw, stem)
    except NotAudio as error:
        return move(raw, stem), facts, [f"{_ONLY_A_PART}, and it could not be joined: {error.message}"]
    raw.unlink(missing_ok=True)
    seconds = join.measured_seconds(whole)
    return whole, facts | {"whole_track": True, "duration_seconds": seconds, "continue_at": at}, []


def not_saved(error: FermataError) -> str:
    return f"The audio could not be saved ({error.message.rstrip('.')}); get_task tries again."


async def publish(patch: TaskPatch, task: Task, settings: Settings) -> TaskPatch:
    """Once a task is over, put its deliverable among the user's finished audio, under the name the task chose."""
    audio = patch.get("audio")
    if "finished_at" not in patch or audio is None or audio.file is None:
        return patch
    kept = Path(audio.file)
    if kept.parent != settings.data_dir / "audio":
        return patch
    stem = Path(task.save_as)
    target = stem.with_name(stem.name + kept.suffix)
    saved = await anyio.to_thread.run_sync(copy, kept, target)
    return patch | {"audio": audio.model_copy(update={"file": str(saved)})}


def move(file: Path, stem: Path) -> Path:
    """Put `file` at `stem` with its own ending, whole or not at all, also across disks."""
    target = stem.with_name(stem.name + file.suffix)
    copied = copy(file, target)
    file.unlink(missing_ok=True)
    return copied


def copy(file: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".fermata-", suffix=".part", delete=False) as part:
        shutil.copyfile(file, part.name)
    Path(part.name).chmod(0o644)
    return Path(part.name).replace(target)
