"""What every tool has in common: how its arguments are read, and that each failure is answered in words."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from fermata_mcp.domain.errors import FermataError, ScopeMissing, TooLarge
from fermata_mcp.surface.access.callers import calling, challenge
from fermata_mcp.surface.access.permissions import of_tool, require

from .errors import MAX_ARGUMENT_BYTES, error_result, our_bug, wrong_arguments
from .schemas import input_schema, output_schema

logger = logging.getLogger(__name__)
Ctx = Context[Any, Any]
ToolResult = CallToolResult | InputRequiredResult
Handler = Callable[[Any, Ctx], Awaitable[ToolResult]]

CHALLENGED = "mcp/www_authenticate"
# Hosts add these by themselves, and mean nothing of ours by them.
OF_HOSTS = frozenset({"toolCallId", "sessionId", "chatInput", "_meta", "action"})


class FermataTool(Tool):
    """A tool that answers every failure in words a caller can act on, and drops no argument silently."""

    args_model: type[BaseModel]

    async def run(self, arguments: dict[str, Any], context: Ctx, convert_result: bool = False) -> Any:
        try:
            require(calling(), of_tool(self.name))
            return _with_ignored(
                self._ignored(arguments), await cast(Handler, self.fn)(self._parse(arguments), context)
            )
        except ScopeMissing as error:
            return error_result(error, _challenged(error))
        except FermataError as error:
            return error_result(error)
        except Exception:  # the model needs an answer whatever happens; the log has the rest
            logger.exception("tool %s failed", self.name)
            return error_result(our_bug())

    def _parse(self, arguments: dict[str, Any]) -> BaseModel:
        size = len(json.dumps(arguments, ensure_ascii=False).encode(errors="replace"))
        if size > MAX_ARGUMENT_BYTES:
            raise TooLarge(f"the arguments are {size} bytes; the limit is {MAX_ARGUMENT_BYTES} bytes (256 KB).")
        ignored = self._ignored(arguments)
        ours = {name: value for name, value in arguments.items() if name not in ignored}
        try:
            return self.args_model.model_validate(_unpacked(ours))
        except ValidationError as error:
            raise wrong_arguments(error, self.args_model.model_fields) from None

    def _ignored(self, arguments: dict[str, Any]) -> list[str]:
        return sorted(OF_HOSTS & arguments.keys() - self.args_model.model_fields.keys())


def _challenged(error: ScopeMissing) -> dict[str, Any] | None:
    """What some hosts read in a result: where the person can be asked to allow more."""
    asked = challenge()
    return {CHALLENGED: [asked.header(error.scope)]} if asked is not None and asked.can_ask else None


def _with_ignored(names: list[str], answer: ToolResult) -> ToolResult:
    """What was not read is told where there is room for warnings, as data and as text."""
    told = cast("dict[str, Any]", answer.structured_content or {}) if isinstance(answer, CallToolResult) else {}
    if not names or not isinstance(answer, CallToolResult) or "warnings" not in told:
        return answer
    warning = f"Ignored, since hosts add it by themselves: {', '.join(names)}."
    text, *more = answer.content
    assert isinstance(text, TextContent)
    *lines, last = text.text.splitlines()
    content = [TextContent(type="text", text="\n".join([*lines, warning, last])), *more]
    data = told | {"warnings": [*told["warnings"], warning]}
    return answer.model_copy(update={"content": content, "structured_content": data})


def _unpacked(arguments: dict[str, Any]) -> dict[str, Any]:
    """Some hosts send objects and lists as JSON text."""
    packed = {name: arguments[name] for name in ("options", "prompts") if isinstance(arguments.get(name), str)}
    for name, text in packed.items():
        try:
            packed[name] = from_json(text)
        except ValueError:
            packed[name] = text
    return arguments | packed


def make_tool(
    handler: Handler,
    args: type[BaseModel],
    result: type[BaseModel],
    title: str,
    description: str,
    annotations: ToolAnnotations,
    meta: dict[str, Any] | None = None,
) -> FermataTool:
    """A tool named like its handler.

    Args:
        meta: What only some hosts read.
    """
    return FermataTool(
        fn=handler,
        name=cast(Any, handler).__name__,
        title=title,
        description=description,
        parameters=input_schema(args),
        fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=output_schema(result)),
        is_async=True,
        context_kwarg=None,
        annotations=annotations,
        meta=meta,
        args_model=args,
    )
