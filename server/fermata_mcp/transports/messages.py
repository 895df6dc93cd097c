"""Bytes from a client as one message, or as what must be answered instead: nobody who asks is left waiting."""

from __future__ import annotations

import re
from typing import Any, cast

import pydantic_core
from mcp.types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

# As much as the SDK takes over http. The longest real message is a tool call, and those end at 256 KB.
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
# Where an id is looked for in what cannot be parsed: it stands first or last in what clients write.
HEAD_BYTES = 64 * 1024
TAIL_BYTES = 1024
ANSWERED_OF_A_BATCH = 1000
# "Limit exceeded", as far as JSON-RPC has a custom for it.
BUSY = -32005
_DIGITS_OF_AN_ID = 1000
_LETTERS_OF_AN_ID = 1000
# A text that never ends takes the rest with it; tried again from each of its quotes, it would take forever.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[{}\[\]]', re.DOTALL)
_ID_VALUE = re.compile(rb'\s*:\s*(-?\d{1,300}(?![\d.eE])|"(?:[^"\\]|\\.){0,1000}")')
_ID_AT_THE_END = re.compile(
    rb',\s*"id"' + _ID_VALUE.pattern + rb'\s*(?:,\s*"(?:jsonrpc|method)"\s*:\s*"[^"]*"\s*)*\}\s*$'
)
_COLON = re.compile(rb"\s*:")
_OF_A_RESPONSE = frozenset({b'"result"', b'"error"'})
Answers = tuple[JSONRPCError, ...]


def read_message(data: bytes, most: int = MAX_MESSAGE_BYTES) -> JSONRPCMessage | Answers:
    """The message in `data`, or the errors to send back: none for a blank line or a wrong response."""
    if not data.strip():
        return ()
    if len(data) > most:
        return (too_long(data[:HEAD_BYTES], data[-TAIL_BYTES:], most),)
    try:
        decoded = pydantic_core.from_json(data)
    except ValueError as error:
        return (refusal(PARSE_ERROR, f"parse error: {error}", id_within(data[:HEAD_BYTES], data[-TAIL_BYTES:])),)
    return _checked(decoded)


def too_long(head: bytes, tail: bytes, most: int = MAX_MESSAGE_BYTES) -> JSONRPCError:
    """The answer to a message of which only the beginning and the end were kept."""
    words = f"a message may have {most} bytes at most; give a path or a link instead of bytes"
    return refusal(INVALID_REQUEST, words, id_within(head, tail))


def refusal(code: int, message: str, request: RequestId | None = None) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request, error=ErrorData(code=code, message=message))


def _checked(decoded: Any) -> JSONRPCMessage | Answers:
    if isinstance(decoded, list):
        return _for_a_batch(cast(list[Any], decoded))
    if not isinstance(decoded, dict):
        return (refusal(INVALID_REQUEST, "a message is a JSON object"),)
    fields = cast(dict[str, Any], decoded)
    if "method" not in fields and ("result" in fields or "error" in fields):
        return _response(fields)
    problem = _problem(fields)
    if problem is not None:
        return (refusal(*problem, valid_id(fields.get("id"))),)
    kind = JSONRPCRequest if "id" in fields else JSONRPCNotification
    try:
        return kind.model_validate(fields, by_name=False)
    except ValidationError:
        return (refusal(INVALID_REQUEST, "the message is no JSON-RPC 2.0 request", valid_id(fields.get("id"))),)


def _problem(fields: dict[str, Any]) -> tuple[int, str] | None:
    if fields.get("jsonrpc") != "2.0":
        return INVALID_REQUEST, '`jsonrpc` must be "2.0"'
    if not isinstance(fields.get("method"), str):
        return INVALID_REQUEST, "`method` must be a text"
    if "id" in fields and valid_id(fields["id"]) is None:
        return INVALID_REQUEST, "`id` must be a whole number or a text, of a thousand characters at most"
    if not isinstance(fields.get("params"), dict | None):
        return INVALID_PARAMS, "`params` must be an object"
    return None


def _response(fields: dict[str, Any]) -> JSONRPCMessage | Answers:
    """A wrong response is never answered: the answer would look like one to a request of the same id."""
    try:
        return jsonrpc_message_adapter.validate_python(fields, by_name=False)
    except ValidationError:
        return ()


def _for_a_batch(batch: list[Any]) -> Answers:
    words = "batches are not served; send each message by itself"
    ids = [found for one in batch if (found := _id_in(one)) is not None]
    return tuple(refusal(INVALID_REQUEST, words, one) for one in ids[:ANSWERED_OF_A_BATCH] or [None])


def _id_in(one: Any) -> RequestId | None:
    fields = cast(dict[str, Any], one) if isinstance(one, dict) else {}
    return valid_id(fields.get("id")) if "method" in fields else None


def valid_id(value: Any) -> RequestId | None:
    """`value` as an id that can be sent back, or None."""
    if isinstance(value, str):
        return value if len(value) <= _LETTERS_OF_AN_ID else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 10**_DIGITS_OF_AN_ID else None
    return None


def id_within(head: bytes, tail: bytes) -> RequestId | None:
    """The id of a request that cannot be parsed, where it can be made out.

    A response has none: an answer under its id would be taken for one to a request of the client.

    Args:
        head: The beginning of the message, or all of it.
        tail: Its end.
    """
    names, found = _top_of(head)
    if names & _OF_A_RESPONSE and b'"method"' not in names:
        return None
    found = found or _ID_AT_THE_END.search(tail)
    if found is None:
        return None
    try:
        return valid_id(pydantic_core.from_json(found.group(1)))
    except ValueError:
        return None


def _top_of(head: bytes) -> tuple[set[bytes], re.Match[bytes] | None]:
    """The names in the outermost object, quotes included, and the first id there."""
    names, found, depth = set[bytes](), None, 0
    for token in _TOKEN.finditer(head):
        sign = token.group()
        if sign in b"{[":
            depth += 1
        elif sign in b"}]":
            depth -= 1
        elif depth == 1 and _COLON.match(head, token.end()):
            names.add(sign)
            if sign == b'"id"':
                found = found or _ID_VALUE.match(head, token.end())
    return names, found


def on_the_wire(message: JSONRPCMessage) -> bytes:
    """The message as JSON in UTF-8. One that cannot be written becomes an error under the same id."""
    try:
        return message.model_dump_json(by_alias=True, exclude_unset=True).encode()
    except ValueError:
        request = message.id if isinstance(message, JSONRPCResponse | JSONRPCError) else None
        words = "the answer holds text that is no Unicode"
        return refusal(INVALID_REQUEST, words, request).model_dump_json(by_alias=True, exclude_unset=True).encode()
