"""The four ways in which hosts speak to models: what is asked, and how an answer looks, whole and as a stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .script import BRIDGE, Call, Conversation, words

Body = Mapping[str, Any]
Answer = Call | str
Event = tuple[str | None, Any]  # the name of a server-sent event, where the dialect has names, and its data


@dataclass(frozen=True)
class Dialect:
    """One provider's way.

    Attributes:
        read: The conversation in a request's body.
        whole: The answer as one body; the number makes its ids.
        stream: The same as server-sent events.
    """

    read: Callable[[Body], Conversation]
    whole: Callable[[Answer, int], Any]
    stream: Callable[[Answer, int], Iterator[Event]]


def dialect_of(path: str) -> Dialect | None:
    """The one that is spoken at this address."""
    if path.endswith("/chat/completions"):
        return CHAT
    if path.endswith("/responses"):
        return RESPONSES
    if path.endswith("/messages"):
        return ANTHROPIC
    return GEMINI if "enerateContent" in path else None


def _list(of: Body, name: str) -> list[Any]:
    """A list in a body, which some leave out and some give as null; words where a list may stand are none."""
    found: Any = of.get(name)
    return found if isinstance(found, list) else []  # pyright: ignore[reportUnknownVariableType]


def _conversation(tools: list[str], calls: list[str], results: list[str]) -> Conversation:
    return Conversation(tuple(tools), tuple(calls), tuple(results))


# --- OpenAI's chat completions ----------------------------------------------------------------------------------------


def _read_chat(body: Body) -> Conversation:
    messages = _list(body, "messages")
    return _conversation(
        [tool["function"]["name"] for tool in _list(body, "tools")],
        [_called(call["function"]) for message in messages for call in _list(message, "tool_calls")],
        [words(message["content"]) for message in messages if message["role"] == "tool"],
    )


def _called(function: Body) -> str:
    behind = json.loads(function["arguments"]).get("name") if function["name"] == BRIDGE else None
    return behind or function["name"]


def _chat_message(answer: Answer, number: int) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"role": "assistant", "content": answer}
    function = {"name": answer.name, "arguments": json.dumps(answer.arguments)}
    call = {"id": f"call_{number}", "index": 0, "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _chat(answer: Answer, number: int, part: str, **more: Any) -> dict[str, Any]:
    finish = "stop" if isinstance(answer, str) else "tool_calls"
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    choice = {"index": 0, "finish_reason": finish, **more}
    return {"id": f"c{number}", "object": part, "created": 1, "model": "scripted", "choices": [choice], "usage": usage}


def _whole_chat(answer: Answer, number: int) -> Any:
    return _chat(answer, number, "chat.completion", message=_chat_message(answer, number))


def _stream_chat(answer: Answer, number: int) -> Iterator[Event]:
    message = _chat_message(answer, number)
    yield None, _chat(answer, number, "chat.completion.chunk", delta=message, finish_reason=None)
    yield None, _chat(answer, number, "chat.completion.chunk", delta={})
    yield None, "[DONE]"


# --- OpenAI's responses -----------------------------------------------------------------------------------------------


def _tool_names(tools: list[Any]) -> Iterator[str]:
    for tool in tools:
        if tool.get("type") == "namespace":
            yield from (f"{tool['name']}/{inner['name']}" for inner in tool["tools"])
        else:
            yield tool.get("name") or tool.get("type", "")


def _read_responses(body: Body) -> Conversation:
    items = _list(body, "input")
    # Tools that a search found are told among the items.
    found = [tool for item in items if item.get("type") == "tool_search_output" for tool in _list(item, "tools")]
    calls = {"function_call": "name", "tool_search_call": "type"}
    outputs = {"function_call_output": "output", "tool_search_output": "tools"}
    return _conversation(
        list(_tool_names([*_list(body, "tools"), *found])),
        [item[calls[item["type"]]].removesuffix("_call") for item in items if item.get("type") in calls],
        [words(item[outputs[item["type"]]]) for item in items if item.get("type") in outputs],
    )


def _responses_item(answer: Answer, number: int) -> dict[str, Any]:
    if isinstance(answer, str):
        content: list[Any] = [{"type": "output_text", "text": answer, "annotations": []}]
        return {
            "type": "message", "id": f"m{number}", "role": "assistant", "status": "completed", "content": content,
        }  # fmt: skip
    call = {"id": f"fc_{number}", "call_id": f"call_{number}", "status": "completed"}
    if answer.name == "tool_search":
        return call | {"type": "tool_search_call", "execution": "client", "arguments": dict(answer.arguments)}
    named = {"name": answer.name, "arguments": json.dumps(answer.arguments)}
    return call | {"type": "function_call", **named, **({"namespace": answer.namespace} if answer.namespace else {})}


def _response(number: int, status: str, output: list[Any]) -> dict[str, Any]:
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2, **details}
    fixed: dict[str, Any] = {
        "object": "response",
        "created_at": 1,
        "model": "scripted",
        "parallel_tool_calls": False,
        "tools": [],
    }
    return {
        "id": f"r{number}", "status": status, "output": output, "usage": usage, "tool_choice": "auto", **fixed,
    }  # fmt: skip


def _whole_response(answer: Answer, number: int) -> Any:
    return _response(number, "completed", [_responses_item(answer, number)])


def _stream_responses(answer: Answer, number: int) -> Iterator[Event]:
    item = _responses_item(answer, number)
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": _response(number, "in_progress", [])}),
        ("response.output_item.added", {"output_index": 0, "item": item}),
        ("response.output_item.done", {"output_index": 0, "item": item}),
        ("response.completed", {"response": _whole_response(answer, number)}),
    ]
    for position, (name, data) in enumerate(events):
        yield name, {"type": name, "sequence_number": position, **data}


# --- Anthropic's messages ---------------------------------------------------------------------------------------------


def _read_anthropic(body: Body) -> Conversation:
    messages = _list(body, "messages")
    blocks = [block for message in messages for block in _list(message, "content")]
    return _conversation(
        [tool["name"] for tool in _list(body, "tools")],
        [block["name"] for block in blocks if block.get("type") == "tool_use"],
        [words(block.get("content", "")) for block in blocks if block.get("type") == "tool_result"],
    )


def _block(answer: Answer, number: int) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"type": "text", "text": answer}
    return {"type": "tool_use", "id": f"toolu_{number}", "name": answer.name, "input": dict(answer.arguments)}


def _anthropic(answer: Answer, number: int, content: list[Any]) -> dict[str, Any]:
    stop = "end_turn" if isinstance(answer, str) else "tool_use"
    fixed = {"type": "message", "role": "assistant", "model": "scripted", "stop_sequence": None}
    usage = {"input_tokens": 1, "output_tokens": 1}
    return {"id": f"msg_{number}", "content": content, "stop_reason": stop, "usage": usage, **fixed}


def _whole_anthropic(answer: Answer, number: int) -> Any:
    return _anthropic(answer, number, [_block(answer, number)])


def _stream_anthropic(answer: Answer, number: int) -> Iterator[Event]:
    block = _block(answer, number)
    if isinstance(answer, str):
        empty, delta = {"text": ""}, {"type": "text_delta", "text": answer}
    else:
        empty = {"input": dict[str, Any]()}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(answer.arguments)}
    message = _anthropic(answer, number, [])
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": message | {"stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": block | empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None},
            "usage": {"output_tokens": 1},
        },
        {"type": "message_stop"},
    ]
    yield from ((event["type"], event) for event in events)


# --- Gemini -----------------------------------------------------------------------------------------------------------


def _read_gemini(body: Body) -> Conversation:
    parts = [part for content in _list(body, "contents") for part in _list(content, "parts")]
    declared = [one for tool in _list(body, "tools") for one in _list(tool, "functionDeclarations")]
    return _conversation(
        [one["name"] for one in declared],
        [part["functionCall"]["name"] for part in parts if "functionCall" in part],
        [words(part["functionResponse"]) for part in parts if "functionResponse" in part],
    )


def _whole_gemini(answer: Answer, number: int) -> Any:
    if isinstance(answer, str):
        part: dict[str, Any] = {"text": answer}
    else:
        part = {"functionCall": {"id": f"f{number}", "name": answer.name, "args": dict(answer.arguments)}}
    candidate = {"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [part]}}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "scripted"}


def _stream_gemini(answer: Answer, number: int) -> Iterator[Event]:
    yield None, _whole_gemini(answer, number)


CHAT = Dialect(_read_chat, _whole_chat, _stream_chat)
RESPONSES = Dialect(_read_responses, _whole_response, _stream_responses)
ANTHROPIC = Dialect(_read_anthropic, _whole_anthropic, _stream_anthropic)
GEMINI = Dialect(_read_gemini, _whole_gemini, _stream_gemini)
