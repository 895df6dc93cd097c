"""Answers of http instead of a service."""

from __future__ import annotations

import json

from mcp.types import INVALID_REQUEST

from fermata_mcp.transports.messages import BUSY, refusal
from fermata_mcp.transports.refusals import busy, error_response, refused


def test_one_error_is_itself_and_several_are_a_list() -> None:
    one, other = refusal(INVALID_REQUEST, "no", 7), refusal(INVALID_REQUEST, "no", None)
    assert json.loads(bytes(error_response(400, [one]).body))["id"] == 7
    assert [told["id"] for told in json.loads(bytes(error_response(400, [one, other]).body))] == [7, None]


def test_a_refusal_has_a_status_and_the_id_of_its_request() -> None:
    answer = refused(403, "not from here", request="a").response
    told = json.loads(bytes(answer.body))
    assert (answer.status_code, told["id"], told["error"]["code"]) == (403, "a", INVALID_REQUEST)
    assert "not from here" in told["error"]["message"]


def test_who_is_busy_says_when_to_come_again() -> None:
    answer = busy("too many").response
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert json.loads(bytes(answer.body))["error"]["code"] == BUSY
