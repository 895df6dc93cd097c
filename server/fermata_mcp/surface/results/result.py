"""A result as the protocol carries it: text, data, and links to audio for clients that read them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from mcp.types import CallToolResult, ContentBlock, ResourceLink, TextContent
from pydantic import BaseModel

from fermata_mcp.domain.foreign.text import visible
from fermata_mcp.media.formats.kinds import media_type

from .task_view import TaskView


def result(
    text: str, view: BaseModel, links: list[ResourceLink] | None = None, *, is_error: bool = False
) -> CallToolResult:
    content: list[ContentBlock] = [TextContent(type="text", text=text), *(links or [])]
    return CallToolResult(content=content, structured_content=view.model_dump(mode="json"), is_error=is_error)


def audio_links(view: TaskView) -> list[ResourceLink]:
    """A link to each saved audio of a task, in the order of its clips."""
    return [_link(view.task_id, index, Path(clip.file)) for index, clip in enumerate(view.clips) if clip.file]


def _link(task_id: str | None, index: int, file: Path) -> ResourceLink:
    """With its type, and its size where it is still there."""
    size = None
    with suppress(OSError, ValueError):
        size = file.stat().st_size
    name, kind = visible(file.name, 200), media_type(file.name)
    uri = f"fermata://tasks/{task_id}/audio/{index}"
    return ResourceLink(type="resource_link", uri=uri, name=name, mime_type=kind, size=size)
