"""What the public conformance suite asks a server for: tools, resources and prompts with prescribed names.

The names, texts and shapes are the suite's; without them most of its scenarios have nothing to call.
`mount` adds them to a server that already carries its own tools.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import wave
import zlib
from dataclasses import replace
from typing import Annotated, Any

import anyio
from mcp.server import MCPServer, ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import Prompt, UserMessage
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    ElicitResult,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    InputRequiredResult,
    SetLevelRequestParams,
    TextContent,
    TextResourceContents,
)
from pydantic import BaseModel, Field

from e2e.conformance_questions import QUESTIONS, Handler, question, text

BEAT = 0.05  # seconds between two messages of one call; the suite asks for about this much


# --- small media -----------------------------------------------------------------------------------------


def red_pixel() -> bytes:
    """A PNG of one red pixel."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00\xff\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def silent_wav() -> bytes:
    """A mono wav of ten milliseconds of silence."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(160))
    return buffer.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def image() -> ImageContent:
    return ImageContent(type="image", data=b64(red_pixel()), mime_type="image/png")


def embedded(uri: str, mime_type: str, words: str) -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=words))


# --- tools: one call, one answer -------------------------------------------------------------------------


def simple_text() -> str:
    """Answer with one line of text."""
    return "This is a simple text response for testing."


def image_content() -> list[ImageContent]:
    """Answer with a picture."""
    return [image()]


def audio_content() -> list[AudioContent]:
    """Answer with a sound."""
    return [AudioContent(type="audio", data=b64(silent_wav()), mime_type="audio/wav")]


def embedded_resource() -> list[EmbeddedResource]:
    """Answer with a resource in the result itself."""
    return [embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")]


def multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    """Answer with text, a picture and a resource together."""
    data = json.dumps({"test": "data", "value": 123})
    return [
        text("Multiple content types test:"),
        image(),
        embedded("test://mixed-content-resource", "application/json", data),
    ]


def error_handling() -> str:
    """Always fail."""
    raise ToolError("This tool intentionally returns an error for testing")


async def say(ctx: Context, words: str) -> None:
    """One log line to the client. Protocol logging is deprecated; the suite still tests it."""
    await ctx.info(words)  # pyright: ignore[reportDeprecated]


async def tool_with_logging(ctx: Context) -> str:
    """Log three lines while running."""
    await say(ctx, "Tool execution started")
    await anyio.sleep(BEAT)
    await say(ctx, "Tool processing data")
    await anyio.sleep(BEAT)
    await say(ctx, "Tool execution completed")
    return "Logged three lines."


async def logging_tool(ctx: Context) -> str:
    """Log one line, which a modern client must not receive unless it asked for logs."""
    await say(ctx, "A line nobody asked for")
    return "Logged one line."


async def tool_with_progress(ctx: Context) -> str:
    """Report 0, 50 and 100 of 100."""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100, f"{done} of 100")
        await anyio.sleep(BEAT)
    return "Reported progress three times."


async def reconnection(ctx: Context) -> str:
    """Close the answer's event stream in the middle of the call, then finish."""
    await ctx.close_sse_stream()
    await anyio.sleep(2 * BEAT)
    return "Finished after the stream was closed."


def x_mcp_header(
    region: Annotated[
        str,
        Field(description="Repeated in a request header", json_schema_extra={"x-mcp-header": "Region"}),
    ] = "none",
) -> str:
    """Take an argument which a modern client also sends as a header."""
    return f"region={region}"


def missing_capability(ctx: Context) -> str:
    """Insist on a client that can sample."""
    capabilities = ctx.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        raise MCPError(
            code=MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="This tool needs the client's sampling capability",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return "The client can sample."


def schema_2020_12() -> str:
    """Carry an input schema that uses the wider JSON Schema vocabulary."""
    return "json_schema_2020_12_tool"


async def trigger_tool_change(ctx: Context) -> str:
    """Announce that the list of tools changed."""
    ctx.mcp_server.add_tool(simple_text, name="test_passing_tool")
    ctx.mcp_server.remove_tool("test_passing_tool")
    await ctx.notify_tools_changed()
    return "The list of tools changed."


async def trigger_prompt_change(ctx: Context) -> str:
    """Announce that the list of prompts changed."""
    ctx.mcp_server.add_prompt(Prompt.from_function(simple_prompt, name="test_passing_prompt"))
    ctx.mcp_server.remove_prompt("test_passing_prompt")
    await ctx.notify_prompts_changed()
    return "The list of prompts changed."


TOOLS: dict[str, Handler] = {
    "test_simple_text": simple_text,
    "test_image_content": image_content,
    "test_audio_content": audio_content,
    "test_embedded_resource": embedded_resource,
    "test_multiple_content_types": multiple_content_types,
    "test_error_handling": error_handling,
    "test_tool_with_logging": tool_with_logging,
    "test_logging_tool": logging_tool,
    "test_tool_with_progress": tool_with_progress,
    "test_reconnection": reconnection,
    "test_x_mcp_header": x_mcp_header,
    "test_missing_capability": missing_capability,
    "json_schema_2020_12_tool": schema_2020_12,
    "test_trigger_tool_change": trigger_tool_change,
    "test_trigger_prompt_change": trigger_prompt_change,
    **QUESTIONS,
}

SCHEMA_2020_12: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


# --- resources and prompts -------------------------------------------------------------------------------


def static_text() -> str:
    """A text that never changes."""
    return "This is the content of the static text resource."


def static_binary() -> bytes:
    """A picture that never changes."""
    return red_pixel()


def watched() -> str:
    """A resource to subscribe to."""
    return "Nothing happens here."


def templated(id: str) -> str:  # the suite names the variable
    """A resource with a variable in its address."""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


def prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt with two arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


def prompt_with_resource(resourceUri: str) -> list[UserMessage]:  # the suite names the argument
    """A prompt that carries a resource."""
    words = "Embedded resource content for testing."
    return [
        UserMessage(embedded(resourceUri, "text/plain", words)),
        UserMessage("Please process the embedded resource above."),
    ]


def prompt_with_image() -> list[UserMessage]:
    """A prompt that carries a picture."""
    return [UserMessage(image()), UserMessage("Please analyze the image above.")]


async def prompt_that_asks(ctx: Context) -> str | InputRequiredResult:
    """A prompt that needs an answer from the person first."""
    answer = (ctx.input_responses or {}).get("user_context")
    if isinstance(answer, ElicitResult):
        return f"Use this context: {json.dumps(answer.content)}"
    ask_context = question("What context should the prompt use?", "context")
    return InputRequiredResult(input_requests={"user_context": ask_context})


PROMPTS: dict[str, Handler] = {
    "test_simple_prompt": simple_prompt,
    "test_prompt_with_arguments": prompt_with_arguments,
    "test_prompt_with_embedded_resource": prompt_with_resource,
    "test_prompt_with_image": prompt_with_image,
    "test_input_required_result_prompt": prompt_that_asks,
}


# --- mounting --------------------------------------------------------------------------------------------


async def with_2020_12_schema(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Put the prescribed input schema into the list: one cannot be written as a function signature."""
    result = await call_next(ctx)
    if ctx.method != "tools/list":
        return result
    listed = result.model_dump(by_alias=True, exclude_none=True) if isinstance(result, BaseModel) else result or {}
    for tool in listed.get("tools", []):
        if tool["name"] == "json_schema_2020_12_tool":
            tool["inputSchema"] = SCHEMA_2020_12
    return listed


async def with_a_watched_resource(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Let the suite's resource stand for one of ours: a server may refuse to watch what it will never change."""
    if ctx.method in ("resources/subscribe", "resources/unsubscribe"):
        ctx = replace(ctx, params={**(ctx.params or {}), "uri": "fermata://tasks"})
    return await call_next(ctx)


def mount(server: MCPServer) -> None:
    """Add every fixture to a server, next to what it already has."""
    for name, tool in TOOLS.items():
        server.add_tool(tool, name=name)
    for name, prompt in PROMPTS.items():
        server.add_prompt(Prompt.from_function(prompt, name=name))
    server.resource("test://static-text", mime_type="text/plain")(static_text)
    server.resource("test://static-binary", mime_type="image/png")(static_binary)
    server.resource("test://watched-resource", mime_type="text/plain")(watched)
    server.resource("test://template/{id}/data", mime_type="application/json")(templated)
    server.middleware.extend([with_2020_12_schema, with_a_watched_resource])


async def accept_level(_ctx: ServerRequestContext[Any, Any], _params: SetLevelRequestParams) -> EmptyResult:
    return EmptyResult()


def mount_log_level(low: Server[Any]) -> None:
    """The suite insists on `logging/setLevel`, which a server without protocol logging does not offer."""
    low.add_request_handler("logging/setLevel", SetLevelRequestParams, accept_level)
