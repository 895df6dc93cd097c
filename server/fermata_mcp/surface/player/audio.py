"""Audio as a message can carry it: the file itself where it fits, else a preview that says so."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread
from mcp.types import BlobResourceContents, ReadResourceResult

from fermata_mcp.domain.errors import NotAudio, NotFound, TooLarge
from fermata_mcp.domain.foreign.text import visible
from fermata_mcp.engine.service import Service
from fermata_mcp.media.facts import PreviewFacts
from fermata_mcp.media.files import sealed_bytes
from fermata_mcp.media.formats.kinds import media_type

# One message that is larger ends the connection of popular clients: 10 MiB on a pipe, 1 MiB in an event.
PIPE_BYTES, EVENT_BYTES = 7_000_000, 700_000
# What a message says beside the audio.
_ENVELOPE_BYTES = 4_000
PREVIEW = "fermata/preview"
SOURCE = "source"


def most_audio_bytes(over_http: bool) -> int:
    """Bytes of audio that a message can carry as base64."""
    return ((EVENT_BYTES if over_http else PIPE_BYTES) - _ENVELOPE_BYTES) // 4 * 3


async def audio_path(service: Service, task_id: str, which: str) -> Path:
    """Where the audio of a task is: a clip by its index, or the source that it lengthened.

    Raises:
        NotFound, FileNotAllowed: There is none here, or not any more.
    """
    if which == SOURCE:
        return await service.source_file(await service.get(task_id))
    task = await service.clip_of(task_id, int(which))
    saved = task.clips[int(which)].file
    if saved is None:
        raise NotFound(f"the audio of {task_id} was not saved here.", "use its link instead.")
    return await service.saved_file(saved)


async def audio_result(
    service: Service, uri: str, task_id: str, which: str, base_url: str | None
) -> ReadResourceResult:
    """The audio of a task as a resource.

    Args:
        which: The index of a clip, or "source".
        base_url: Of our server, where the caller came over http; None on a pipe.

    Raises:
        TooLarge: It is too large for this connection, and no preview can be made of it.
    """
    path = await audio_path(service, task_id, which)
    link = None if base_url is None else f"{base_url.rstrip('/')}/player/{task_id}/file/{which}"
    most = most_audio_bytes(base_url is not None)
    given = await audio_within(service, path, most, link)
    blob = base64.b64encode(await anyio.to_thread.run_sync(_content, given.path, most)).decode()
    meta: dict[str, Any] | None = {PREVIEW: given.told} if given.told else None
    return ReadResourceResult(contents=[BlobResourceContents(uri=uri, mime_type=given.kind, blob=blob, _meta=meta)])


@dataclass(frozen=True)
class Given:
    """A file to give, its media type and, where it is only a preview, what of."""

    path: Path
    kind: str
    told: dict[str, Any] | None = None


async def audio_within(service: Service, path: Path, most: int, link: str | None) -> Given:
    """The file at `path` if it has at most `most` bytes, else a preview of it.

    Args:
        link: Where the file itself can be had, if it can be.

    Raises:
        TooLarge: It is larger, and no preview can be made of it.
    """
    size, kind = await anyio.to_thread.run_sync(_size_of, path), media_type(path.name)
    if size <= most:
        return Given(path, kind)
    try:
        facts, copy = await service.previews.of(path, most)
    except NotAudio as error:
        said = f"the audio is {size} bytes; at most {most} can be given here, and {error.message}"
        raise TooLarge(said, f"open {link or path}.") from None
    original = {"bytes": size, "mime_type": kind, "file": visible(str(path), 1000), "link": link}
    return Given(copy, media_type(copy.name), _told(facts, original))


def _content(path: Path, most: int) -> bytes:
    try:
        return sealed_bytes(path, most=most)
    except OSError:
        raise _gone(path) from None


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        raise _gone(path) from None


def _gone(path: Path) -> NotFound:
    return NotFound(f"{path.name} is no longer where it was saved.", "look where it was moved to.")


def _told(facts: PreviewFacts, original: dict[str, Any]) -> dict[str, Any]:
    part = "the whole track" if facts.whole else f"its first {facts.seconds:.0f} s of {facts.of_seconds:.0f}"
    sound = f"Opus, {facts.bit_rate / 1000:.0f} kbit/s, {'stereo' if facts.channels == 2 else 'mono'}"
    size = f"{original['bytes'] / 1e6:.1f} MB"
    return {
        "words": f"A preview ({sound}) of {part}; the original has {size}: {original['link'] or original['file']}",
        "format": "opus",
        "bit_rate": facts.bit_rate,
        "channels": facts.channels,
        "part": "whole" if facts.whole else "beginning",
        "seconds": round(facts.seconds, 2),
        "of_seconds": round(facts.of_seconds, 2),
        "original": {name: value for name, value in original.items() if value is not None},
    }
