"""The blind listening test is taken in a real browser, by keyboard, and its answers are read."""

from __future__ import annotations

import json
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from e2e.node_tools import run_client
from e2e.test_player import no_browser
from support.audio_signals import chord_loop, save
from support.judging import benchmark

pytestmark = pytest.mark.node
PAIRS = 24


def test_every_pair_is_answered_by_keyboard_and_read(tmp_path: Path) -> None:
    if reason := no_browser():
        pytest.skip(reason)
    listen: Any = benchmark("listen")
    files = [save(tmp_path / f"{name}.wav", chord_loop(2)) for name in "ab"]
    sides = [tuple(listen.Side(file.stem, file, 1.0) for file in files)] * PAIRS
    listen.make_page(tmp_path / "page", sides, PAIRS, seed=3)
    choices = list(islice(cycle("120"), PAIRS))
    given = {"page": str(tmp_path / "page" / "listen.html"), "choices": choices}
    seen = run_client("listen_page.mjs", json.dumps(given))

    assert seen["wrong"] == []
    assert seen["tooEarly"] == "Listen to both first."
    assert seen["done"] == f"Pair {PAIRS} of {PAIRS}, {PAIRS} answered; all are answered, save them"
    assert seen["silent"]
    assert seen["before"].startswith(f"Pair {PAIRS - 1} of")
    assert seen["kept"] == f"choose{choices[-2]}"
    assert seen["after"].startswith(f"Pair {PAIRS} of")
    assert [answer["choice"] for answer in seen["saved"]["answers"]] == choices
    assert all(min(answer["heard"]) >= 1 for answer in seen["saved"]["answers"])
    assert seen["saved"]["listener"] == "1 2 0"

    (result := tmp_path / seen["name"]).write_text(json.dumps(seen["saved"]))
    _, found = listen.read_answers(tmp_path / "page" / "key.json", [result])
    assert (found.first + found.second, found.equal) == (16, 8)
