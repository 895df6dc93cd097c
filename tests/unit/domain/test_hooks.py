"""Addresses of attempts: made from a key, known again, and of no use without it."""

from __future__ import annotations

import pytest

from fermata_mcp.domain.hooks import HookForm, HookKeeper, HookPost
from fermata_mcp.domain.task import new_id

KEEPER = HookKeeper("https://music.test/", b"k" * 32)
ATTEMPT = new_id("att")


def token(keeper: HookKeeper = KEEPER, attempt: str = ATTEMPT) -> str:
    hook = keeper.hook(attempt)
    assert hook is not None
    return hook.address.rpartition("/")[2]


def test_an_address_is_known_again_by_every_process_with_the_key() -> None:
    assert KEEPER.attempt(token()) == ATTEMPT
    assert HookKeeper("https://elsewhere.test", b"k" * 32).attempt(token()) == ATTEMPT
    assert HookKeeper("https://music.test", b"x" * 32).attempt(token()) is None


@pytest.mark.parametrize("position", [0, 31, 32, 71])
def test_no_other_address_is(position: int) -> None:
    known = token()
    other = known[:position] + ("0" if known[position] != "0" else "1") + known[position + 1 :]
    assert KEEPER.attempt(other) is None


@pytest.mark.parametrize("odd", ["", "x", "é" * 72, "0" * 72, "0" * 10_000, f"{'a' * 32}\n{'b' * 39}"])
def test_what_is_no_address_is_none(odd: str) -> None:
    assert KEEPER.attempt(odd) is None


def test_addresses_are_short_enough_for_providers() -> None:
    hook = HookKeeper("https://" + "a" * 892, b"k" * 32).hook(ATTEMPT)
    assert hook is not None
    assert len(hook.address) <= 1024
    assert len({token(attempt=new_id("att")) for _ in range(50)}) == 50


def test_secrets_are_each_attempts_own_and_not_in_the_address() -> None:
    secrets = {KEEPER.secret(new_id("att")) for _ in range(50)}
    assert len(secrets) == 50
    assert KEEPER.secret(ATTEMPT) not in token()


def test_ids_of_another_kind_have_no_address() -> None:
    assert KEEPER.hook("tsk_" + "0" * 32) is None


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, {"url", "secret"}),
        ({"secret": "mine"}, {"url"}),
        ({"url": "https://mine.test"}, set[str]()),
    ],
)
def test_the_callers_own_choice_wins(options: dict[str, str], asked: set[str]) -> None:
    hook = KEEPER.hook(ATTEMPT)
    assert hook is not None
    assert set(HookForm("url", "secret").asked(hook, options)) == asked


@pytest.mark.parametrize("stamp", ["1000", "700", "1300"])
def test_a_signature_holds_for_a_while(stamp: str) -> None:
    assert HookPost(b"", None, at=1000.0).is_timely(stamp)


@pytest.mark.parametrize("stamp", ["699", "1301", "", "-5", "9" * 13, "1e3", "\uff11000", "1000.0"])
def test_and_no_longer(stamp: str) -> None:
    assert not HookPost(b"", None, at=1000.0).is_timely(stamp)
