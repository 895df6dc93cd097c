"""What is known of clients by the names that they give: nothing is guessed of others.

What was seen, and of which versions, is told in `docs/clients.md`; only `claude-ai`, which needs an account, is known
from what others saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from mcp.server.mcpserver import Context
from mcp.server.session import ServerSession
from mcp.types import ClientCapabilities
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

Links = Literal["auto", "always", "never"]

# They pass a resource link on to their model or person, or leave it out. LangChain's adapter, whose agents end at one,
# cannot be told from other users of the Python SDK, so that one's own name ("mcp") is not among these.
READ_LINKS = frozenset(
    {"claude-code", "claude-ai", "gemini-cli-mcp-client", "qwen-cli-mcp-client", "inspector-cli", "mcp-inspector"}
)
# Some hosts end a call after five seconds, and none of those asks for progress.
FIRST_WAIT_SECONDS = 4.0
TO_THE_END_SECONDS = 3600.0
# Seconds that they let a call wait while progress is told. Some go on to the end; some end it after a time of their own
# (Codex after 300 s, Gemini CLI and Qwen Code after 600 s), and are answered well before.
PATIENCE: Mapping[str, float] = {
    "claude-code": TO_THE_END_SECONDS,
    "copilot-cli": TO_THE_END_SECONDS,
    "opencode": TO_THE_END_SECONDS,
    "gemini-cli-mcp-client": 540.0,
    "qwen-cli-mcp-client": 540.0,
    "codex-mcp-client": 240.0,
}


def name_of(session: ServerSession) -> str:
    """What the client calls itself; "" where it does not say."""
    params = session.client_params
    return params.client_info.name if params else ""


def can_be_asked(capabilities: ClientCapabilities | None) -> bool:
    """Whether the person behind a client can be shown a form."""
    asking = capabilities.elicitation if capabilities else None
    return asking is not None and (asking.form is not None or asking.url is None)


def reads_links(name: str, setting: Links) -> bool:
    """Whether results for this client carry resource links; the path of each file is in the text in any case."""
    return setting == "always" or (setting == "auto" and _known(name, READ_LINKS) is not None)


def wait_for(ctx: Context[Any, Any], asked: float | None, usual: float, *, decided: bool) -> float:
    """Seconds that a call may wait for its task, as long as this client lets one.

    Args:
        asked: The caller's own word.
        usual: The setting.
        decided: Whether the operator set it, and thereby knows that clients here wait that long.
    """
    if asked is not None:
        return asked
    if decided:
        return usual
    if not wants_progress(ctx):
        return min(usual, FIRST_WAIT_SECONDS)
    known = _known(name_of(ctx.session), PATIENCE)
    return PATIENCE[known] if known else usual


def wants_progress(ctx: Context[Any, Any]) -> bool:
    meta = ctx.request_context.meta
    return bool(meta) and meta.get("progress_token") is not None


def is_modern(ctx: Any) -> bool:
    """Whether this request is of the protocol era without sessions."""
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS


def _known(name: str, names: Iterable[str]) -> str | None:
    """Which of these names a client gives."""
    # Some add to theirs which of their servers they speak to, and a bridge adds its own.
    own = name.partition(" (via ")[0]
    return next((known for known in names if own == known or own.startswith(f"{known}-")), None)
