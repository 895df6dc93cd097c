"""The protocol of a step: what each move allows, and what becomes of the credits that were held."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fermata_mcp.domain.credits import Entry
from fermata_mcp.domain.errors import ContentRejected
from fermata_mcp.engine.steps import moves
from fermata_mcp.engine.steps.money import money_of_failure
from support.rows import FREE_WORK, NOON, PAID, PRICE, a_task, per_day, running_step

STEP = replace(running_step(), state="submitting")


def kinds(entries: tuple[Entry, ...]) -> dict[str, int]:
    return {entry.kind: entry.amount for entry in entries}


def test_the_intent_holds_what_it_may_cost_and_rests_on_the_claim() -> None:
    change = moves.begin(STEP, "att_2", PAID, PRICE, per_day(50_000), NOON)
    assert (change.allowed, change.fence, change.new_attempt, change.caps) == ({"queued"}, 1, "att_2", per_day(50_000))
    assert kinds(change.entries) == {"hold": PRICE}
    assert moves.begin(STEP, "att_2", FREE_WORK, 0, (), NOON).entries == ()


def test_what_was_learned_counts_whoever_holds_the_claim() -> None:
    for change in (
        moves.accepted(STEP, "r", NOON, NOON),
        moves.unclear(STEP, "lost", NOON),
        moves.refused(STEP, ContentRejected("no."), NOON, PRICE),
    ):
        assert (change.fence, change.about) == (None, STEP.attempt_id)


def test_a_lost_answer_is_never_put_back_by_paid_work() -> None:
    task = replace(a_task(), held=PRICE)
    paid = moves.unknown_resolved(STEP, task, PAID, NOON, "the balance fell")
    assert (paid.step.get("state"), paid.entries) == ("needs_user", ())
    assert "Evidence, not proof: the balance fell" in str((paid.task or {}).get("error"))
    assert moves.unknown_resolved(STEP, task, FREE_WORK, NOON, None).step.get("state") == "queued"


@pytest.mark.parametrize(
    ("taken_on", "refunds", "cost", "money"),
    [
        (False, False, None, {"release": PRICE}),
        (True, False, None, {"release": PRICE, "disputed": PRICE}),
        (True, True, None, {"release": PRICE, "charge": PRICE, "refund": PRICE}),
        (True, False, 7, {"release": PRICE, "charge": 7}),
        (True, False, 0, {"release": PRICE, "charge": PRICE, "refund": PRICE}),
    ],
)
def test_money_of_a_failure(taken_on: bool, refunds: bool, cost: int | None, money: dict[str, int]) -> None:
    assert kinds(money_of_failure(PRICE, taken_on=taken_on, refunds=refunds, cost=cost)) == money


@pytest.mark.parametrize(("cost", "charge"), [(None, PRICE), (7, 7)])
def test_money_of_a_success(cost: int | None, charge: int) -> None:
    assert kinds(moves.money_of_success(PRICE, cost)) == {"release": PRICE, "charge": charge}
    assert moves.money_of_success(0, None) == ()


@pytest.mark.parametrize("change", [moves.given_up(STEP, NOON, PRICE), moves.resubmit(STEP, NOON, PRICE)])
def test_a_persons_word_leaves_the_money_visible(change: moves.Change) -> None:
    assert kinds(change.entries) == {"release": PRICE, "disputed": PRICE}
    assert change.allowed == {"unknown", "needs_user"}


def test_who_asks_again_looks_again() -> None:
    assert moves.resumed(STEP, NOON).step == {"state": "waiting", "due_at": NOON, "polls": 0, "error_streak": 0}
    expired = replace(STEP, state="expired")
    assert moves.no_further(expired, a_task(), NOON).step.get("state") == "waiting"
