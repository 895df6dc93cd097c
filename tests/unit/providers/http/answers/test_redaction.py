"""An account's key is taken out of whatever its provider says, and nothing else is."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as some

from fermata_mcp.providers.http.answers.redaction import SHOWN, Redaction

KEY = "sk-live/4f9c+1e7a=2b"
SPELT = {
    "as it is": KEY,
    "in an address": quote(KEY, safe=""),
    "escaped in text": KEY.replace("/", "\\/"),
    "by numbers in text": "".join(f"\\u{ord(c):04x}" for c in KEY),
    "as basic authentication": base64.b64encode(KEY.encode()).decode(),
    "behind a name": base64.b64encode(f"user:{KEY}".encode()).decode(),
    "in capitals": KEY.upper(),
}


@pytest.mark.parametrize("how", SPELT)
def test_however_it_is_spelt(how: str) -> None:
    said = Redaction(KEY).text(f"wrong: {SPELT[how]}, try again")
    assert SHOWN in said
    assert "4f9c" not in said.lower()
    assert said.startswith("wrong: ")
    assert said.endswith(", try again")


@given(some.text(), some.text())
def test_in_json_that_spells_any_letter_as_a_number(before: str, after: str) -> None:
    raw = '{"msg": "' + "".join(f"\\u{ord(c):04x}" for c in KEY) + '"}'
    body = {"a": [before + KEY + after, {KEY: json.loads(raw)}], "n": 5, "none": None}
    found = json.dumps(Redaction(KEY).value(body), ensure_ascii=False)
    assert KEY not in found
    assert '"n": 5' in found


@pytest.mark.parametrize("key", ["k", "tas", "I", "200", "a", "w"])
def test_a_short_key_leaves_the_words_of_an_answer_alone(key: str) -> None:
    body: Any = {"code": 200, "data": {"taskId": "ktask", "url": "https://a.example/audio/1-2.mp3?x=y"}}
    kept = Redaction(key).value(body)["data"]
    assert kept["taskId"] == "ktask"
    assert kept["url"].replace(SHOWN, key) == body["data"]["url"]
    assert kept["url"] == body["data"]["url"] or key == "a"
    assert Redaction(key).value({"msg": f"Bearer {key}"})["msg"] == f"Bearer {SHOWN}"
