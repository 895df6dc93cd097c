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
from fermata_mcp.domain.errors import FermataError, NotFound, ProviderUnavailable
from fermata_mcp.domain.task import Clip, Step, Task
from fermata_mcp.engine.audio.library import Library
from fermata_mcp.engine.intake.source_audio import with_source
from fermata_mcp.engine.pace import backoff
from fermata_mcp.engine.steps.audio.placing import Placing
from fermata_mcp.engine.steps.publish import numbered
from fermata_mcp.media.decoding.client import Decoder
from fermata_mcp.media.facts import AudioReport
from fermata_mcp.media.files import copy, is_there

# The first fetch of a file gets this long, each further one twice as long: some hosts are slower than real time.
FETCH_SECONDS, LONGEST_FETCH_SECONDS = 120.0, 1800.0
# Providers round, and count what an encoder adds.
CUT_SECONDS, CUT_SHARE = 2.0, 0.03


async def load_audio_room(decoder: Decoder) -> None:
    """Have ready what saving audio needs: what fetches it is imported, what looks at it is started."""
    await anyio.to_thread.run_sync(import_module, "fermata_mcp.media.network.download")
    await decoder.warm()


@dataclass(frozen=True)
class Delivery:
    """Clips as they can be handed out. `missing` are the reasons why audio is not there, or not whole, yet."""

    clips: tuple[Clip, ...]
    warnings: tuple[str, ...] = ()
    missing: tuple[FermataError, ...] = ()


async def deliver(
    clips: tuple[Clip, ...], step: Step, task: Task, settings: Settings, decoder: Decoder, library: Library,
    *, insist: bool = False,
) -> Delivery:  # fmt: skip
    """Save every clip whose audio is not here yet, and join new parts to their source where that is at hand.

    Args:
        insist: A file that ends early counts as not there. Otherwise it is taken, and marked as cut.
    """
    if step.work.action == "upload":
        return Delivery(clips)
    if any(clip.missing and (clip.url or clip.arrived) for clip in clips):
        await _bring_what_is_before(step, library)
        step = replace(step, work=await with_source(step, task, settings, decoder, library))
    found: dict[int, tuple[Clip, list[str], FermataError | None]] = {}

    async def save(index: int, clip: Clip) -> None:
        found[index] = await _kept(clip, index, step, task, settings, decoder, library, insist)

    async with anyio.create_task_group() as group:
        for index, clip in enumerate(clips):
            group.start_soon(save, index, clip)
    ordered = [found[index] for index in range(len(clips))]
    warnings = dict.fromkeys(said for _, told, _ in ordered for said in told)
    return Delivery(
        tuple(clip for clip, _, _ in ordered), tuple(warnings), tuple(error for _, _, error in ordered if error)
    )


async def _bring_what_is_before(step: Step, library: Library) -> None:
    """A new part can be joined without it only by its provider, so that its absence alone is no reason to wait."""
    with suppress(NotFound):
        await library.bring(step.work)


async def _kept(
    clip: Clip, index: int, step: Step, task: Task, settings: Settings, decoder: Decoder, library: Library,
    insist: bool,
) -> tuple[Clip, list[str], FermataError | None]:  # fmt: skip
    told: list[str] = []
    try:
        if clip.missing and not _only_unstored(clip):
            clip, told = await _saved(clip, index, step, task, settings, decoder, insist)
        clip, error = await library.stored(clip, task)
    except FermataError as error:
        return clip, told, error
    except OSError as error:
        return clip, told, ProviderUnavailable(f"a file could not be written ({error.strerror}).")
    return clip, told, error


def _only_unstored(clip: Clip) -> bool:
    """Whether its file is whole and here: what is left is to put it where all find it."""
    return clip.unstored and not clip.cut and clip.file is not None and is_there(clip.file)


async def _saved(
    clip: Clip, index: int, step: Step, task: Task, settings: Settings, decoder: Decoder, insist: bool
) -> tuple[Clip, list[str]]:
    folder = settings.data_dir / "audio"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    raw = await _brought(clip, folder / f"{step.id}-{index}-{secrets.token_hex(4)}", step, task, settings)
    try:
        heard = await decoder.hear(raw)
        warnings = _incomplete(clip, heard)
        # What came with an answer is all that ever comes.
        if warnings and not clip.arrived and (insist or (clip.own_seconds or 0) >= (heard.seconds or 0)):
            raise ProviderUnavailable(warnings[0])
        stem = numbered(_stem(task, step, settings), index)
        join = task.request.get("stitch") != "never"
        placed = await Placing(decoder, raw, heard, clip, step.work, stem, join).place()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(partial(raw.unlink, missing_ok=True))
    if heard.decodable or heard.seconds is not None:
        await decoder.label(placed.file, clip.title, f"Fermata {task.id}, {task.provider}")
    cut = bool(warnings) and not clip.arrived
    return placed.clip(clip, cut=cut).model_copy(update={"arrived": None}), [*warnings, *placed.warnings]


async def _brought(clip: Clip, stem: Path, step: Step, task: Task, settings: Settings) -> Path:
    """Its audio as a working file at `stem`, with the ending that its bytes call for.

    What came with an answer stays where it is until all that is made of it is recorded.

    Raises:
        ProviderUnavailable: It cannot be fetched now, or is not on this machine.
    """
    from fermata_mcp.media.network.download import download

    if clip.arrived is not None and is_there(clip.arrived):
        arrived = Path(clip.arrived)
        return await anyio.to_thread.run_sync(copy, arrived, stem.with_name(stem.name + arrived.suffix))
    if clip.url is None:
        raise ProviderUnavailable(_no_audio(clip, task.provider))
    deadline = backoff(step.error_streak, FETCH_SECONDS, LONGEST_FETCH_SECONDS)
    found = await download(clip.url, stem, trusted=settings.trusted_addresses(), deadline_seconds=deadline)
    return found.path


def _no_audio(clip: Clip, provider: str) -> str:
    if clip.arrived is None:
        return f"{provider} names no link to it"
    return f"{clip.arrived}, which came with the answer of {provider}, is not on this machine"


def is_here(clip: Clip) -> bool:
    """Whether audio that came with an answer is on this machine."""
    return clip.arrived is not None and is_there(clip.arrived)


async def discard_arrived(before: tuple[Clip, ...], after: tuple[Clip, ...]) -> None:
    """Remove what came with answers and was placed, now that this is recorded."""
    needed = {clip.arrived for clip in after}
    for clip in before:
        if clip.arrived is not None and clip.arrived not in needed:
            with suppress(OSError):
                await anyio.Path(clip.arrived).unlink(missing_ok=True)


def _incomplete(clip: Clip, heard: AudioReport) -> list[str]:
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


NOT_SAVED = "The audio could not be saved"


def not_saved(error: FermataError) -> str:
    return f"{NOT_SAVED} ({error.message.rstrip('.')}); it is tried again for a day, and by get_task at once."
