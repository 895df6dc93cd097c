"""Brings a source's audio here where it is behind a link: so its length is known, and a part can be joined to it."""

from __future__ import annotations

from pathlib import Path

import anyio.to_thread

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.domain.task import Step, Task, Work
from fermata_mcp.media.arrival import measured_seconds


async def fetched_source(task: Task, settings: Settings) -> Path:
    """The file that holds the source's audio, fetched once and kept for as long as the task needs it.

    Raises:
        FermataError: There is no link to it, or it cannot be had now.
    """
    url = task.source.audio_url or task.source.url
    assert url is not None
    folder = settings.data_dir / "audio"
    stem = folder / f"{task.id}-source"
    known = await anyio.to_thread.run_sync(lambda: list(folder.glob(f"{stem.name}.*")))
    if known:
        return known[0]
    from fermata_mcp.media.download import download

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return (await download(url, stem, trusted=settings.trusted_addresses())).path


async def with_source(step: Step, task: Task, settings: Settings) -> Work:
    """The work with its source's audio at hand, as far as that can be had."""
    work = step.work
    if work.before_file is not None or (task.source.audio_url or task.source.url) is None or not _is_first(step, task):
        return work
    try:
        source = await fetched_source(task, settings)
    except FermataError:
        return work
    seconds = await anyio.to_thread.run_sync(measured_seconds, source)
    return work.model_copy(update={"before_file": str(source), "before_seconds": seconds, "source_seconds": seconds})


def _is_first(step: Step, task: Task) -> bool:
    """Whether the step goes on from the source itself, and not from what an earlier step made of it."""
    return not any(one.seq < step.seq and one.work.action == "extend" for one in task.steps)
