"""The MCP server around one service."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver import server as sdk
from mcp.types import ServerCapabilities
from mcp_types.methods import CacheableMethod
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from fermata_mcp import __version__
from fermata_mcp.engine.progress import Looker
from fermata_mcp.engine.service import Service
from fermata_mcp.surface.access.callers import Callers

from .announcer import Announcer, Spawn
from .people.sealing import Seal
from .player.app import player_app
from .prompts import add_prompts
from .resources import add_completion, add_resources, low_level
from .skills.extension import SkillsExtension
from .tasks.extension import TasksExtension
from .tasks.rows import Rows
from .tools import Toolbox, make_tools

INSTRUCTIONS = """Fermata makes music tracks longer. extend_track adds once, chain_extend goes on to a target length.
Provider `local` is free and needs no key: it re-arranges the track's own material. Other providers compose new music \
and cost credits; quote with dry_run first. A call that returns status running goes on by itself: follow it with \
get_task, never start it again. Status unknown means a paid request may have been charged: ask the person."""

# Lists that an installed version never changes.
CACHED: dict[CacheableMethod, CacheHint] = {
    "tools/list": CacheHint(ttl_ms=3_600_000, scope="public"),
    "prompts/list": CacheHint(ttl_ms=3_600_000, scope="public"),
    "resources/list": CacheHint(ttl_ms=3_600_000, scope="public"),
    "resources/templates/list": CacheHint(ttl_ms=3_600_000, scope="public"),
    "server/discover": CacheHint(ttl_ms=3_600_000, scope="public"),
}


def make_server(
    service: Service,
    now: Callable[[], int],
    spawn: Spawn,
    *,
    seal: Seal | None = None,
    stateless: bool = False,
    over_http: bool = False,
) -> MCPServer[Any]:
    """Tools, resources and prompts over `service`, for whoever calls.

    Args:
        now: Gives Unix milliseconds.
        spawn: Starts a task beside.
        seal: Of what clients carry from one request to the next; None: nobody but this process needs to read it.
        over_http: Callers may be on other machines.
        stateless: Clients of the handshake era have no session, in which they could be told of changes.
    """
    callers = Callers(service)
    box = Toolbox(callers, now)
    announcer = Announcer(spawn, callers)
    with _logging_left_alone():
        server: MCPServer[Any] = MCPServer(
            "fermata",
            title="Fermata",
            description="Makes music tracks longer",
            instructions=INSTRUCTIONS,
            version=__version__,
            tools=make_tools(box, over_http=over_http),
            subscriptions=False,
            extensions=[TasksExtension(Rows(box)), SkillsExtension(), player_app()],
            cache_hints=CACHED,
            request_state_security=seal.security() if seal else None,
        )
    low_level(server).middleware.append(callers)
    _declare_what_is_told(low_level(server), stateless)
    add_resources(server, box)
    add_completion(server, box)
    add_prompts(server)
    announcer.attach(server)
    service.changes.listen(announcer.task_changed)
    service.changes.look_by(Looker(lambda: announcer.wanted, announcer.look))
    service.changes.before_leaving(announcer.close)
    return server


def _declare_what_is_told(lowlevel: Any, stateless: bool) -> None:
    """Our lists never change while we run, so nothing is ever told of them; the SDK declares that it is."""
    original = lowlevel.get_capabilities

    def capabilities(*args: Any, **more: Any) -> ServerCapabilities:
        told: ServerCapabilities = original(*args, **more)
        for part in (told.tools, told.prompts, told.resources):
            if part is not None:
                part.list_changed = False
        if told.resources and stateless and more.get("protocol_version") not in MODERN_PROTOCOL_VERSIONS:
            told.resources.subscribe = False
        return told

    lowlevel.get_capabilities = capabilities


@contextmanager
def _logging_left_alone() -> Generator[None]:
    """The SDK sets up logging of its own: drawn stacks that cost the event loop a third of a second each.

    Importing what draws them costs every start 40 ms, so it is kept from running at all.
    """
    names = sdk.__dict__
    original = names["configure_logging"]
    names["configure_logging"] = _nothing
    try:
        yield
    finally:
        names["configure_logging"] = original


def _nothing(level: str = "") -> None:
    return
