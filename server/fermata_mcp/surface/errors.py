"""The one place where our errors become tool results."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS, CallToolResult, TextContent
from pydantic import ValidationError

from fermata_mcp.domain.errors import FermataError, InternalError, InvalidRequest

MAX_ARGUMENT_BYTES = 256 * 1024
# What callers write who have not read a schema, and what it means.
ELSEWHERE = {
    "target_seconds": "a total length is asked for with chain_extend",
    "add_seconds": "chain_extend takes the whole length as target_seconds; extend_track takes add_seconds",
    **{name: f"write it as options.{name}" for name in ("ending", "fade_seconds", "part", "avoid", "repeat", "times")},
}
MEANT = {
    "save_as": ("output", "output_path", "output_file", "out", "destination", "filename", "save_to"),
    "source": ("file", "path", "input", "url", "audio", "track", "file_path", "clip_id"),
    "target_seconds": ("duration", "length", "total_seconds", "target_length", "target_duration", "duration_seconds"),
    "add_seconds": ("seconds", "duration", "extend_by", "length", "duration_seconds"),
    "prompt": ("description", "text", "instructions"),
    "exclude_style": ("negative_tags", "negative_prompt"),
}


def error_result(error: FermataError, meta: dict[str, Any] | None = None) -> CallToolResult:
    """`code: what happened. Next: what to do.` as a result that the model reads.

    Args:
        meta: What only some hosts read.
    """
    return CallToolResult(content=[TextContent(type="text", text=str(error))], is_error=True, _meta=meta)


@contextmanager
def protocol_errors(data: dict[str, Any] | None = None) -> Generator[None]:
    """Our errors as errors of the protocol that keep their words, where there is no result to put them in."""
    try:
        yield
    except FermataError as error:
        code = INVALID_PARAMS if isinstance(error, InvalidRequest) else INTERNAL_ERROR
        raise MCPError(code=code, message=str(error), data=data) from None


def our_bug() -> FermataError:
    return InternalError("something went wrong inside Fermata.")


def wrong_arguments(error: ValidationError, known: Iterable[str]) -> InvalidRequest:
    """Every wrong argument by name, in words, without repeating its value."""
    names = list(known)
    problems = [_problem(detail, names) for detail in error.errors(include_input=False, include_url=False)]
    return InvalidRequest("; ".join(dict.fromkeys(problems)) + ".", "correct the arguments and call again.")


def _problem(detail: Any, known: list[str]) -> str:
    path = [str(part) for part in detail["loc"]]
    name = path[0] if path else "arguments"
    if detail["type"] == "extra_forbidden":
        close = _meant(name, known) or get_close_matches(name, known, n=1)
        if name in ELSEWHERE:
            return f"unknown parameter `{name}` ({ELSEWHERE[name]})"
        hint = f"did you mean `{close[0]}`?" if close else f"known are {', '.join(known)}"
        return f"unknown parameter `{name[:60]}` ({hint})"
    if detail["type"] == "missing":
        return f"`{name}` is missing"
    return f"`{'.'.join(path)[:80]}`: {_lower(detail['msg'])}"


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _meant(name: str, known: list[str]) -> list[str]:
    """The parameter that goes by another name elsewhere, if this tool has it."""
    return [ours for ours, names in MEANT.items() if name in names and ours in known]
