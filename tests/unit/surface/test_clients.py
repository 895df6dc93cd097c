"""What is done differently for clients that are known, and for those that are not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from fermata_mcp.surface.clients import (
    FIRST_WAIT_SECONDS,
    PATIENCE,
    READ_LINKS,
    TO_THE_END_SECONDS,
    reads_links,
    wait_for,
)

USUAL = 45.0


def a_call(name: str = "unheard-of", *, progress: bool = True) -> Any:
    params = SimpleNamespace(client_info=SimpleNamespace(name=name))
    meta = {"progress_token": 1} if progress else {}
    return cast(
        Any, SimpleNamespace(session=SimpleNamespace(client_params=params), request_context=SimpleNamespace(meta=meta))
    )


@pytest.mark.parametrize("name", sorted(READ_LINKS))
def test_links_go_to_those_that_are_known_to_read_them(name: str) -> None:
    assert reads_links(name, "auto")
    assert reads_links(f"{name}-fermata", "auto")
    assert reads_links(f"{name} (via mcp-remote 0.15.1)", "auto")
    assert not reads_links(name, "never")


@pytest.mark.parametrize("name", ["", "mcp", "langchain", "codex-mcp-client", "claude-codex", "mcp (via claude-code)"])
def test_nobody_else_gets_one_unless_the_operator_says_so(name: str) -> None:
    assert not reads_links(name, "auto")
    assert reads_links(name, "always")


def test_the_callers_own_word_comes_first() -> None:
    assert wait_for(a_call(progress=False), 600, USUAL, decided=False) == 600
    assert wait_for(a_call(progress=False), 0, USUAL, decided=True) == 0


def test_then_the_operators() -> None:
    assert wait_for(a_call(progress=False), None, 300, decided=True) == 300


def test_who_asks_for_no_progress_may_give_up_after_five_seconds() -> None:
    assert wait_for(a_call(progress=False), None, USUAL, decided=False) == FIRST_WAIT_SECONDS <= 4
    assert wait_for(a_call("claude-code", progress=False), None, USUAL, decided=False) == FIRST_WAIT_SECONDS


@pytest.mark.parametrize(("name", "seconds"), PATIENCE.items())
def test_patient_hosts_wait_as_long_as_they_can(name: str, seconds: float) -> None:
    for given in (name, f"{name}-fermata", f"{name} (via mcp-remote 0.15.1)"):
        assert wait_for(a_call(given), None, USUAL, decided=False) == seconds > USUAL


def test_nobody_waits_longer_than_to_the_end() -> None:
    assert max(PATIENCE.values()) == TO_THE_END_SECONDS


def test_others_wait_as_long_as_usual() -> None:
    assert wait_for(a_call(), None, USUAL, decided=False) == USUAL
