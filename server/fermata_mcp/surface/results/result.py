"""A result as the protocol carries it: text, data, and links to audio for clients that read them."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from mcp.types import CallToolResult, ContentBlock, ResourceLink, TextContent
from pydantic import BaseModel

from .task_view import TaskView


def result(
    text: str, view: BaseModel, links: list[ResourceLink] | None = None, *, is_error: bool = False
) -> CallToolResult:
    content: list[ContentBlock] = [TextContent(type="text", text=text), *(links or [])]
    return CallToolResult(content=content, structured_content=view.model_dump(mode="json"), is_error=is_error)


def audio_links(view: TaskView) -> list[ResourceLink]:
    """A link to each saved audio of a task, in the order of its clips."""
    links: list[ResourceLink] = []
    for index, clip in enumerate(view.clips):
        if clip.file is not None:
            path = Path(clip.file)
            kind = mimetypes.guess_type(path.name)[0]
            uri = f"fermata://tasks/{view.task_id}/audio/{index}"
            links.append(ResourceLink(type="resource_link", uri=uri, name=path.name, mime_type=kind))
    return links
