"""The protocol of paid steps under every order of events that `support/paid_steps.py` can think of.

The same machine must find every one of the `MUTANTS` and `MISTIMED`: protocols and stores with one rule taken out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio.to_thread
import pytest

from fermata_mcp.domain.change import Change
from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Step, Task
from fermata_mcp.engine.steps import moves
from fermata_mcp.store.base import AlreadyKnown
from fermata_mcp.store.sqlite import claiming
from support.paid_steps import LIVE, PaidSteps, PaidStepsAndAPerson, Protocol, explored, mistimed
from support.rows import PRICE


class Uncontended:
    """A lock where only one thing happens at a time: it needs no event loop."""

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


@pytest.fixture(autouse=True)
def without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transactions run where they are called: thousands of them in a second."""

    async def here(work: Callable[[], object], *_: object, **__: object) -> object:
        return work()

    monkeypatch.setattr(anyio.to_thread, "run_sync", here)
    monkeypatch.setattr(anyio, "Lock", Uncontended)


def test_paid_steps_keep_every_promise() -> None:
    explored(PaidSteps, 100)


def test_they_keep_them_whatever_a_person_decides_and_whenever_answers_come() -> None:
    explored(PaidStepsAndAPerson, 150)


# --- protocols that the machine must find out -------------------------------------------------------------------------


def sends_again(step: Step, task: Task, _: ProviderSpec, now: int, __: str | None) -> Change:
    return moves.put_back(step, now, now, task.held)


def takes_silence_for_a_no(step: Step, _: str, now: int) -> Change:
    return moves.put_back(step, now, now, PRICE)


def believes_only_the_holder_of_the_claim(step: Step, remote_id: str, due_at: int, now: int) -> Change:
    return replace(moves.accepted(step, remote_id, due_at, now), fence=step.fence)


def begins_without_looking(step: Step, *rest: Any) -> Change:
    return replace(moves.begin(step, *rest), allowed=LIVE | {"queued"}, fence=None)


def begins_without_holding(step: Step, *rest: Any) -> Change:
    return replace(moves.begin(step, *rest), entries=())


def keeps_the_hold(step: Step, *rest: Any) -> Change:
    return replace(moves.refused(step, *rest), entries=())


def forgets_to_charge(*rest: Any) -> Change:
    change = moves.finished(*rest)
    return replace(change, entries=change.entries[:1])


MUTANTS = {
    "unknown paid work is sent again": (Protocol(settle=sends_again), "paid twice"),
    "a lost answer counts as not sent": (Protocol(unclear=takes_silence_for_a_no), "paid twice"),
    "a late answer is not believed": (Protocol(accepted=believes_only_the_holder_of_the_claim), "learned id"),
    "begin has no guard": (
        Protocol(begin=begins_without_looking),
        "recorded elsewhere|ConstraintError|UNIQUE|illegal move",
    ),
    "begin holds no money": (Protocol(begin=begins_without_holding), "held money"),
    "a refusal keeps the hold": (Protocol(refused=keeps_the_hold), "held money"),
    "success is not charged": (Protocol(finished=forgets_to_charge), "charged money"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_machine_finds_out_every_mutant(name: str) -> None:
    protocol, why = MUTANTS[name]
    mutant = type("Mutant", (PaidSteps,), {"protocol": protocol})
    with pytest.raises((AssertionError, StoreUnavailable, AlreadyKnown), match=why):
        explored(mutant, 800)


def nothing(*_: object, **__: object) -> None:
    return


MISTIMED = mistimed(nothing)


@pytest.mark.parametrize("name", MISTIMED)
def test_the_machine_finds_out_a_store_that_believes_the_clock(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rule_of_the_store, taken_out, why = MISTIMED[name]
    monkeypatch.setattr(claiming, rule_of_the_store, taken_out)
    with pytest.raises(AssertionError, match=why):
        explored(PaidSteps, 800)
