"""The page for people, in a real browser: who signs in sees the own tracks alone, and makes one longer."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from e2e.node_tools import run_client
from e2e.servers import EXAMPLE, http_server
from e2e.test_player import no_browser

pytestmark = pytest.mark.node
LENGTH = "0:20"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, Any]]:
    if reason := no_browser():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("home")
    tokens = [secrets.token_hex(20) for _ in range(2)]
    pictures = os.environ.get("FERMATA_PICTURES", str(folder))
    Path(pictures).mkdir(parents=True, exist_ok=True)
    given = {"tokens": tokens, "file": str(EXAMPLE), "length": LENGTH, "pictures": pictures}
    with http_server(folder, FERMATA_AUTH_TOKENS=f"ann:{tokens[0]},ben:{tokens[1]}") as base:
        yield run_client("home_page.mjs", json.dumps(given), base)


def test_a_wrong_token_is_told(seen: dict[str, Any]) -> None:
    assert "token" in seen["first"]["refused"]


def test_it_says_who_is_signed_in(seen: dict[str, Any]) -> None:
    assert seen["first"]["name"] == "ann"


def test_a_file_becomes_longer(seen: dict[str, Any]) -> None:
    assert seen["first"]["price"] == "Nothing: local is free."
    assert len(seen["first"]["tasks"]) == 1
    row = seen["first"]["tasks"][0].splitlines()
    assert row[0].startswith(EXAMPLE.stem)
    assert row[1] == "Done"
    assert f"{LENGTH} · local" in row


def test_it_can_be_heard(seen: dict[str, Any]) -> None:
    assert seen["first"]["plays"] == EXAMPLE.stem


def test_what_is_wrong_is_said_in_words(seen: dict[str, Any]) -> None:
    assert "Next: write minutes:seconds" in seen["first"]["wrong_length"]


def test_no_script_can_read_who_is_signed_in(seen: dict[str, Any]) -> None:
    assert [(one["httpOnly"], one["sameSite"]) for one in seen["first"]["cookies"]] == [(True, "Strict")]
    assert seen["first"]["stored"] == 0


def test_whoever_signs_out_is_gone(seen: dict[str, Any]) -> None:
    assert seen["first"]["after"] is True


def test_the_next_one_sees_nothing_of_it(seen: dict[str, Any]) -> None:
    assert (seen["second"]["tasks"], seen["second"]["none"]) == ([], True)
    assert seen["second"]["player"] == 404


def test_everything_has_a_name_and_fits(seen: dict[str, Any]) -> None:
    assert seen["first"]["nameless"] == []
    assert seen["second"]["overflows"] is False


def test_nothing_goes_wrong_and_nothing_is_asked_from_outside(seen: dict[str, Any]) -> None:
    assert seen["first"]["wrong"] == []
