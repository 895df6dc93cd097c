"""History and results as resources."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.types import (
    Completion,
    ReadResourceRequestParams,
    ResourceTemplateReference,
)

from fermata_mcp.domain.errors import NotFound
from fermata_mcp.engine.service import Service

from .errors import protocol_errors
from .player.audio import audio_result
from .results.history import short_name, task_list
from .results.provider_facts import provider_facts
from .results.reach import within_reach
from .results.task_view import task_view
from .tools import Toolbox

HISTORY = "fermata://tasks"
_AUDIO = re.compile(r"fermata://tasks/(tsk_[0-9a-f]{32})/audio/(\d{1,2}|source)")
ENDINGS = ("keep", "fade", "loop")
_JSON = "application/json"
logger = logging.getLogger(__name__)


def add_resources(server: MCPServer[Any], box: Toolbox) -> None:
    """Mount every resource on `server`."""

    @server.resource(HISTORY, title="Task history", description="Tasks, newest first", mime_type=_JSON)
    async def history() -> str:
        with protocol_errors({"uri": HISTORY}):
            page = await box.service.tasks(None, None, 100, None)
        return task_list(page, box.shown_path).model_dump_json()

    @server.resource(
        "fermata://tasks/{task_id}", title="Task", description="One task, as get_task shows it", mime_type=_JSON
    )
    async def one_task(task_id: str) -> str:
        with protocol_errors({"uri": f"{HISTORY}/{task_id}"}):
            task = await box.service.get(task_id)
        view = task_view(task, box.now(), box.service.spec(task.provider), all_seams=True)
        return (await within_reach(view, box.service, box.base_url)).model_dump_json()

    @server.resource(
        "fermata://tasks/{task_id}/audio/{index}",
        title="Audio",
        description="The audio of clip `index`, or of the `source`; a compressed preview where it is too large to send",
        mime_type="audio/*",
    )
    async def audio(task_id: str, index: str) -> bytes:
        """What comes here has another form than the addresses that `_read_audio_with_its_own_type` reads."""
        with protocol_errors({"uri": f"{HISTORY}/{task_id}/audio/{index}"}):
            await box.service.get(task_id)
            raise NotFound(f"{task_id} has no audio {index!r:.20}.", "use get_task to see what it has.")

    @server.resource(
        "fermata://providers",
        title="Providers",
        description="What each provider can do, costs and needs",
        mime_type=_JSON,
    )
    async def providers() -> str:
        ready = box.service.ready_providers()
        facts = [provider_facts(spec) | {"ready": spec.name in ready} for spec in box.service.providers()]
        return json.dumps({"default": box.service.default_provider(), "providers": facts}, ensure_ascii=False)

    _read_audio_with_its_own_type(server, box)


def _read_audio_with_its_own_type(server: MCPServer[Any], box: Toolbox) -> None:
    """A template has one media type for all it matches; an audio file has its own."""
    lowlevel = low_level(server)
    entry = lowlevel.get_request_handler("resources/read")
    assert entry is not None

    async def read(ctx: ServerRequestContext[Any, Any], params: ReadResourceRequestParams) -> Any:
        match = _AUDIO.fullmatch(str(params.uri))
        if match is None:
            return await entry.handler(ctx, params)
        with protocol_errors({"uri": str(params.uri)}):
            base = box.base_url
            return await audio_result(box.service, str(params.uri), match[1], match[2], base)

    lowlevel.add_request_handler("resources/read", ReadResourceRequestParams, read)


def is_audio(uri: str) -> bool:
    """Whether reading this resource gives megabytes."""
    return _AUDIO.fullmatch(uri) is not None


def low_level(server: MCPServer[Any]) -> Any:
    """The SDK's low-level server: subscriptions and media types of the handshake era are only reached there."""
    return server._lowlevel_server  # pyright: ignore[reportPrivateUsage]


# --- completion -------------------------------------------------------------------------------------------------------


def add_completion(server: MCPServer[Any], box: Toolbox) -> None:
    """Complete the arguments of prompts and templates wherever they are asked for."""

    @server.completion()
    async def complete(ref: ResourceTemplateReference | Any, argument: Any, context: Any) -> Completion | None:
        match argument.name:
            case "task_id":
                with protocol_errors({"uri": HISTORY}):
                    values = await box.service.ids_like(argument.value)
            case "source":
                with protocol_errors({"uri": HISTORY}):
                    values = await _sources_like(box.service, argument.value)
            case "provider":
                values = [spec.name for spec in box.service.providers() if spec.name.startswith(argument.value)]
            case "ending":
                values = [value for value in ENDINGS if value.startswith(argument.value)]
            case _:
                return None
        return Completion(values=values[:100], total=len(values), has_more=len(values) > 100)


async def _sources_like(service: Service, written: str) -> list[str]:
    """Recent tasks whose audio could be carried on, by their id or the name of what they were made from."""
    recent = (await service.tasks(None, None, 100, None)).tasks
    wanted = written.lower()
    return [
        task.id
        for task in recent
        if task.audio is not None and (task.id.startswith(written) or wanted in short_name(task.source.called).lower())
    ]
