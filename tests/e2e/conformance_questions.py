"""Fixtures of the conformance suite that ask the client something: in the middle of a call, as in the handshake
era, or by handing questions back and being called again, as in 2026-07-28.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestedSchema,
    ElicitRequestFormParams,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
)

Handler = Callable[..., Any]


def text(words: str) -> TextContent:
    return TextContent(type="text", text=words)


# --- tools that ask the client during the call (handshake era) -------------------------------------------


def form(*required: str, **fields: dict[str, Any]) -> ElicitRequestedSchema:
    return {"type": "object", "properties": fields, "required": list(required)}


def titled(**titles: str) -> list[dict[str, str]]:
    return [{"const": value, "title": title} for value, title in titles.items()]


PERSON = form(
    "username",
    "email",
    username={"type": "string", "description": "User's response"},
    email={"type": "string", "description": "User's email address"},
)
DEFAULTS = form(
    name={"type": "string", "default": "John Doe"},
    age={"type": "integer", "default": 30},
    score={"type": "number", "default": 95.5},
    status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    verified={"type": "boolean", "default": True},
)
OPTIONS = ["option1", "option2", "option3"]
VALUES = titled(value1="First", value2="Second", value3="Third")
ENUMS = form(
    untitledSingle={"type": "string", "enum": OPTIONS},
    titledSingle={"type": "string", "oneOf": VALUES},
    legacyEnum={"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
    untitledMulti={"type": "array", "items": {"type": "string", "enum": OPTIONS}},
    titledMulti={"type": "array", "items": {"anyOf": VALUES}},
)


async def ask(ctx: Context, message: str, schema: ElicitRequestedSchema) -> str:
    answer = await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)
    return f"action={answer.action}, content={json.dumps(answer.content)}"


async def elicitation(message: str, ctx: Context) -> str:
    """Ask the person for a name and an address."""
    return f"User response: {await ask(ctx, message, PERSON)}"


async def elicitation_defaults(ctx: Context) -> str:
    """Ask with a default for every primitive type."""
    return f"Elicitation completed: {await ask(ctx, 'Please check these values', DEFAULTS)}"


async def elicitation_enums(ctx: Context) -> str:
    """Ask with every form of choice."""
    return f"Elicitation completed: {await ask(ctx, 'Please choose', ENUMS)}"


async def sampling(prompt: str, ctx: Context) -> str:
    """Let the client's model answer the prompt."""
    answer = await ctx.session.create_message(  # pyright: ignore[reportDeprecated]
        [SamplingMessage(role="user", content=text(prompt))],
        max_tokens=100,
        related_request_id=ctx.request_id,
    )
    words = answer.content.text if isinstance(answer.content, TextContent) else "no text"
    return f"LLM response: {words}"


# --- tools that hand questions back and are called again (2026-07-28) ------------------------------------


def question(message: str, field: str, kind: str = "string") -> ElicitRequest:
    schema = form(field, **{field: {"type": kind}})
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(prompt: str, max_tokens: int = 50) -> CreateMessageRequest:
    messages = [SamplingMessage(role="user", content=text(prompt))]
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=messages, max_tokens=max_tokens))


ASK_NAME = question("What is your name?", "name")
ASK_OK = question("Please confirm", "ok", "boolean")


def answered(ctx: Context, questions: Mapping[str, InputRequest], state: str | None) -> bool:
    """Did this round bring every answer, and the state that went out with the questions?"""
    return ctx.request_state == state and questions.keys() <= (ctx.input_responses or {}).keys()


def one_round(reply: str, state: str | None = None, **questions: InputRequest) -> Handler:
    """A tool that asks everything once and then replies."""

    async def tool(ctx: Context) -> str | InputRequiredResult:
        if answered(ctx, questions, state):
            return reply
        return InputRequiredResult(input_requests=questions, request_state=state)

    tool.__doc__ = f"Ask for {', '.join(questions)} and call back."
    return tool


async def multi_round(ctx: Context) -> str | InputRequiredResult:
    """Ask twice, the second time knowing the first answer."""
    rounds: list[tuple[str, InputRequest]] = [
        ("step1", question("Step 1: What is your name?", "name")),
        ("step2", question("Step 2: What is your favorite color?", "color")),
    ]
    asked = int(ctx.request_state or 0)
    missing = asked > 0 and rounds[asked - 1][0] not in (ctx.input_responses or {})
    following = asked - 1 if missing else asked
    if following == len(rounds):
        return "Both steps were answered."
    key, request = rounds[following]
    return InputRequiredResult(input_requests={key: request}, request_state=str(following + 1))


async def only_declared(ctx: Context) -> InputRequiredResult:
    """Ask only in the ways which the client says it can answer."""
    declared = ctx.client_capabilities
    ways: dict[str, InputRequest] = {"sampling": sample("Say hello"), "elicitation": ASK_NAME}
    questions = {way: request for way, request in ways.items() if getattr(declared, way, None) is not None}
    return InputRequiredResult(input_requests=questions, request_state="asked")


QUESTIONS: dict[str, Handler] = {
    "test_elicitation": elicitation,
    "test_elicitation_sep1034_defaults": elicitation_defaults,
    "test_elicitation_sep1330_enums": elicitation_enums,
    "test_sampling": sampling,
    "test_streaming_elicitation": one_round("Thank you.", user_name=ASK_NAME),
    "test_input_required_result_elicitation": one_round("Hello!", user_name=ASK_NAME),
    "test_input_required_result_sampling": one_round(
        "Thank you.", capital_question=sample("What is the capital of France?", 100)
    ),
    "test_input_required_result_list_roots": one_round("Thank you.", client_roots=ListRootsRequest()),
    "test_input_required_result_request_state": one_round("state-ok", "asked", confirm=ASK_OK),
    "test_input_required_result_tampered_state": one_round("state-ok", "asked", confirm=ASK_OK),
    "test_input_required_result_multiple_inputs": one_round(
        "Thank you for all three.",
        "asked",
        user_name=ASK_NAME,
        greeting=sample("Generate a greeting"),
        client_roots=ListRootsRequest(),
    ),
    "test_input_required_result_multi_round": multi_round,
    "test_input_required_result_capabilities": only_declared,
}
