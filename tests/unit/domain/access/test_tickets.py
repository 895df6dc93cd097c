from __future__ import annotations

from dataclasses import replace

import pytest

from fermata_mcp.domain.access.tickets import Ticket

KEY = b"k" * 32
TICKET = Ticket("GET", "tasks/tsk_1/0/Song — 1.flac", 1_000)


def test_a_link_is_good_as_it_was_signed() -> None:
    assert TICKET.is_signed(TICKET.signature(KEY), KEY)


@pytest.mark.parametrize(
    "other",
    [
        replace(TICKET, purpose="PUT"),
        replace(TICKET, of="tasks/tsk_1/1/Song — 1.flac"),
        replace(TICKET, expires=1_001),
        replace(TICKET, of="tasks/tsk_1/0/Song — 1.flac\n"),
    ],
)
def test_and_for_nothing_else(other: Ticket) -> None:
    assert not other.is_signed(TICKET.signature(KEY), KEY)


@pytest.mark.parametrize("signature", ["", "A" * 43, "ä", TICKET.signature(b"another key")])
def test_nobody_makes_one_up(signature: str) -> None:
    assert not TICKET.is_signed(signature, KEY)
