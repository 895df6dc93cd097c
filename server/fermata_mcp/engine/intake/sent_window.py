"""The part of a source that is sent, for providers that take a window of it: cut here, before anything is paid."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.spec import ProviderSpec, Window
from fermata_mcp.domain.task import Music, Step, Work
from fermata_mcp.media.decoding.client import Decoder
from fermata_mcp.media.files import is_there


async def with_window(step: Step, spec: ProviderSpec, settings: Settings, decoder: Decoder) -> Work:
    """The step's work with the file that is sent of its source, made where it is not on this machine (any more).

    It lies among the working files of the step's task, and goes with them.

    Raises:
        FermataError: The source is not at hand, cannot be decoded, or is another file than the one that was checked.
        StoreUnavailable: The file cannot be written.
    """
    work, window = step.work, spec.window
    if window is None or work.action != "extend" or (work.sent_file is not None and is_there(work.sent_file)):
        return work
    source = work.source_file or work.before_file
    if source is None:
        raise InvalidRequest(f"{spec.name} needs the source's audio here.", "give the track as a file.")
    return await _cut(step, Path(source), window, settings, decoder)


async def _cut(step: Step, source: Path, window: Window, settings: Settings, decoder: Decoder) -> Work:
    work, folder = step.work, settings.data_dir / "audio"
    await anyio.to_thread.run_sync(lambda: folder.mkdir(parents=True, exist_ok=True, mode=0o700))
    until = work.source_point
    if until is None:
        until = (await decoder.probe(source)).duration_seconds
    seal = work.source_seal if work.source_file else None
    target = folder / f"{step.task_id}-{step.seq}-sent{window.suffix}"
    made = await decoder.cut(source, seal, until, window, target)
    sent: dict[str, Any] = {"sent_file": str(made.path), "sent_from": made.begins_at, "sent_seconds": made.seconds}
    sent |= {"sent_blend": window.blend, "source_url": None}
    if window.heard:
        sent["music"] = Music(**asdict(await decoder.listen(made.path)))
    return work.model_copy(update=sent)
