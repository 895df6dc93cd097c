"""The one place where our errors become tool results."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from mcp.types import CallToolResult, TextContent
from pydantic import ValidationError

from fermata_mcp.domain.errors import FermataError, InternalError, InvalidRequest

MAX_ARGUMENT_BYTES = 256 * 1024


def error_result(error: FermataError) -> CallToolResult:
    """`code: what happened. Next: what to do.` as a result that the model reads."""
    return CallToolResult(content=[TextContent(type="text", text=str(error))], is_error=True)


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
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"known are {', '.join(known)}"
        return f"unknown parameter `{name[:60]}` ({hint})"
    if detail["type"] == "missing":
        return f"`{name}` is missing"
    return f"`{'.'.join(path)[:80]}`: {_lower(detail['msg'])}"


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
