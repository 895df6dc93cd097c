"""Brings a source's audio here where it is behind a link: so its length is known, and a part can be joined to it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import anyio.to_thread

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError, StoreUnavailable
from fermata_mcp.domain.requests.fields import raise_all
from fermata_mcp.domain.requests.request import ChainRequest, ExtendRequest
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import SourceFacts, Step, Task, Work
from fermata_mcp.engine.audio.library import Library
from fermata_mcp.media.codecs.libraries import no_audio
from fermata_mcp.media.decoding.client import Decoder

from .work import problems_of, work_of

# Less than a claim lasts, so that nobody else begins to fetch the same.
FETCH_SECONDS = 90.0


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
    from fermata_mcp.media.network.download import download

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return (await download(url, stem, trusted=settings.trusted_addresses(), deadline_seconds=FETCH_SECONDS)).path


def is_to_be_fetched(step: Step, task: Task) -> bool:
    """Whether the step goes on from a source that is behind a link, and not from what an earlier step made of it."""
    first = not any(one.seq < step.seq and one.work.action == "extend" for one in task.steps)
    return first and step.work.before_file is None and (task.source.audio_url or task.source.url) is not None


async def fetched_facts(task: Task, settings: Settings, decoder: Decoder, library: Library) -> SourceFacts:
    """What is known of the source once its audio is here.

    Raises:
        FermataError: It cannot be had now, or is nothing that can be heard.
    """
    file = await fetched_source(task, settings)
    heard = await decoder.hear(file)
    seconds = heard.seconds
    if seconds is None:
        raise no_audio("what the link leads to is not audio that can be read.")
    if library.lacks(str(file)):
        with suppress(StoreUnavailable):  # whoever takes the task over fetches it again
            file = await library.keep(file, owner=task.id, principal=task.principal)
    clip = seconds if task.source.clip else None
    found = {
        "file": str(file), "duration_seconds": seconds, "clip_seconds": task.source.clip_seconds or clip,
        "suffix": heard.suffix or task.source.suffix,
    }  # fmt: skip
    return task.source.model_copy(update=found)


def planned_anew(task: Task, facts: SourceFacts, spec: ProviderSpec, settings: Settings) -> Work:
    """The work of the first step, as it would have been planned if all this had been known of the source at once.

    Raises:
        InvalidRequest: Names everything that makes no sense for this source, at once.
    """
    kind = ChainRequest if task.kind == "chain" else ExtendRequest
    request = kind.model_validate(task.request)
    raise_all(problems_of(request, spec, facts, settings))
    return work_of(request, spec, facts, settings, task.id)[1]


async def with_source(step: Step, task: Task, settings: Settings, decoder: Decoder, library: Library) -> Work:
    """The work with its source's audio at hand, as far as that can be had."""
    if not is_to_be_fetched(step, task):
        return step.work
    try:
        facts = await fetched_facts(task, settings, decoder, library)
    except FermataError:
        return step.work
    known = {"before_file": facts.file, "before_seconds": facts.duration_seconds}
    return step.work.model_copy(update={**known, "source_seconds": facts.duration_seconds})
