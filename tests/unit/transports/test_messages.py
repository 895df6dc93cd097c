"""Whatever bytes a client sends: a message, or an answer under the id that it asked with."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

from fermata_mcp.transports.messages import HEAD_BYTES, MAX_MESSAGE_BYTES, on_the_wire, read_message

NINES = b"9" * 5000
DEEP = b"[" * 5000 + b"]" * 5000
ASKING = {
    "lone surrogate": (rb'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"\ud800"}}', PARSE_ERROR),
    "no UTF-8": (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"\xff\xfe"}}', PARSE_ERROR),
    "huge number": (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":' + NINES + b"}}", PARSE_ERROR),
    "deep": (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":' + DEEP + b"}}", PARSE_ERROR),
    "deep, id last": (b'{"jsonrpc":"2.0","params":{"a":' + DEEP + b'},"id":7,"method":"ping"}', PARSE_ERROR),
    "cut": (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":', PARSE_ERROR),
    "another id within": (b'{"params":{"id":3,"a":[{"id":4}]},"jsonrpc":"2.0","id":7,"method":"p', PARSE_ERROR),
    "id as a word": (b'{"method":"id","params":{"x":"id"},"jsonrpc":"2.0","id":7,"a":}', PARSE_ERROR),
    "params a list": (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}', INVALID_PARAMS),
    "params a number": (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":3}', INVALID_PARAMS),
    "no version": (b'{"id":7,"method":"ping"}', INVALID_REQUEST),
    "old version": (b'{"jsonrpc":"1.0","id":7,"method":"ping"}', INVALID_REQUEST),
    "method a number": (b'{"jsonrpc":"2.0","id":7,"method":3}', INVALID_REQUEST),
    "no method": (b'{"jsonrpc":"2.0","id":7}', INVALID_REQUEST),
    "too long": (b'{"jsonrpc":"2.0","id":7,"a":"' + b"x" * MAX_MESSAGE_BYTES + b'"}', INVALID_REQUEST),
    "too long, id last": (b'{"params":{"a":"' + b"x" * MAX_MESSAGE_BYTES + b'"},"id":7,"method":"p"}', INVALID_REQUEST),
}
NAMELESS = {
    "words": (b"words", PARSE_ERROR),
    "a text": (b'"text"', INVALID_REQUEST),
    "null": (b"null", INVALID_REQUEST),
    "empty object": (b"{}", INVALID_REQUEST),
    "empty batch": (b"[]", INVALID_REQUEST),
    "id null": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', INVALID_REQUEST),
    "id true": (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', INVALID_REQUEST),
    "id a fraction": (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', INVALID_REQUEST),
    "id an object": (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', INVALID_REQUEST),
    "id endless": (b'{"jsonrpc":"2.0","id":"' + b"x" * 2000 + b'","method":"ping"}', INVALID_REQUEST),
    "bytes": (b"\x00\xff\xfe\x80", PARSE_ERROR),
}


def refused(data: bytes) -> list[JSONRPCError]:
    answers = read_message(data)
    assert isinstance(answers, tuple)
    return list(answers)


@pytest.mark.parametrize(("data", "code"), ASKING.values(), ids=ASKING)
def test_a_request_that_cannot_be_served_is_answered_under_its_id(data: bytes, code: int) -> None:
    assert [(one.id, one.error.code) for one in refused(data)] == [(7, code)]


@pytest.mark.parametrize(("data", "code"), NAMELESS.values(), ids=NAMELESS)
def test_what_has_no_id_to_answer_under_is_answered_with_null(data: bytes, code: int) -> None:
    answers = refused(data)
    assert [(one.id, one.error.code) for one in answers] == [(None, code)]
    assert json.loads(on_the_wire(answers[0]))["id"] is None


def test_each_request_of_a_batch_is_answered() -> None:
    batch: list[dict[str, Any]] = [{"jsonrpc": "2.0", "id": name, "method": "ping"} for name in (1, "a")]
    batch += [{"jsonrpc": "2.0", "method": "notifications/initialized"}, {"jsonrpc": "2.0", "id": 9, "result": {}}]
    assert [one.id for one in refused(json.dumps(batch).encode())] == [1, "a"]


@pytest.mark.parametrize("data", [b"", b"  ", b"\r", b'{"jsonrpc":"2.0","id":3,"result":3}', b'{"id":3,"error":"x"}'])
def test_blanks_and_wrong_responses_are_left_alone(data: bytes) -> None:
    assert read_message(data) == ()


@pytest.mark.parametrize("said", [b'"result":"\\ud800"', b'"error":{"code":1,}', b'"result":[' + DEEP + b"]"])
@pytest.mark.parametrize("form", [b'{"jsonrpc":"2.0","id":7,%b}', b'{%b,"id":7,"jsonrpc":"2.0"}'])
def test_a_response_that_cannot_be_parsed_is_not_answered_under_its_id(form: bytes, said: bytes) -> None:
    """The client may have asked with that id, and would take it for the answer."""
    assert [one.id for one in refused(form % said)] == [None]
    assert [one.id for one in refused((form % said).replace(b'"2.0"', b'"2.0","method":"ping"'))] == [7]


@pytest.mark.parametrize("name", [0, -3, 10**30, "", "7", "\u00e9\U0001f3b5"])
def test_every_id_that_is_allowed_is_taken(name: Any) -> None:
    taken = read_message(json.dumps({"jsonrpc": "2.0", "id": name, "method": "ping", "params": None}).encode())
    assert isinstance(taken, JSONRPCRequest)
    assert taken.id == name


def test_notifications_and_responses_are_taken() -> None:
    assert isinstance(read_message(b'{"jsonrpc":"2.0","method":"notifications/initialized"}'), JSONRPCNotification)
    assert isinstance(read_message(b'{"jsonrpc":"2.0","id":1,"result":{"a":1}}'), JSONRPCResponse)


def test_an_answer_that_cannot_be_written_is_an_error_of_the_same_id() -> None:
    written = json.loads(on_the_wire(JSONRPCResponse(jsonrpc="2.0", id=7, result={"file": "\udcff.wav"})))
    assert (written["id"], "error" in written) == (7, True)


@given(st.binary(max_size=300), st.integers(0, 40))
def test_no_bytes_break_it(data: bytes, place: int) -> None:
    asking = b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"b"}}'
    for message in (data, asking[:place] + data + asking[place:]):
        read = read_message(message)
        assert isinstance(read, tuple) or read.jsonrpc == "2.0"


@pytest.mark.parametrize("letter", [b"{", b"[", b'"', b"\\", b'\\"', b'"id":', b'{"id":'])
def test_whatever_a_message_without_end_is_made_of_it_is_answered(letter: bytes) -> None:
    assert refused(letter * (MAX_MESSAGE_BYTES // len(letter) + HEAD_BYTES))[0].id is None
