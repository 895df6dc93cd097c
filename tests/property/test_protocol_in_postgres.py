"""The machine of `support/paid_steps.py` on a database server: fewer orders of events, and the same promises.

Every transaction is a real one, so that this is about the statements; `test_protocol.py` has the thousands of orders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, ClassVar, TypeVar

import pytest

from fermata_mcp.store.base import Store
from fermata_mcp.store.postgres import claiming
from fermata_mcp.store.postgres.link.clock import DatabaseClock
from fermata_mcp.store.postgres.store import PostgresStore
from support.paid_steps import PaidSteps, PaidStepsAndAPerson, explored, mistimed
from support.postgres import fresh_database, server

_T = TypeVar("_T")


class InPostgres(PaidSteps):
    """The machine, on the tests' own database server."""

    runner: ClassVar[asyncio.Runner]

    @staticmethod
    def new_store(steady: Callable[[], float]) -> Store:
        store = PostgresStore(fresh_database(), steady=steady)
        # The machine's times are made up: the server's own are not to be compared with them.
        store._clock = DatabaseClock(None)  # pyright: ignore[reportPrivateUsage]
        return store

    @staticmethod
    def run(work: Coroutine[Any, Any, _T]) -> _T:
        return InPostgres.runner.run(work)


class InPostgresWithAPerson(InPostgres, PaidStepsAndAPerson):
    """With a person who settles unknown outcomes."""


@pytest.fixture(autouse=True)
def runner() -> Iterator[None]:
    """One event loop for a whole run; skipped where there is no server."""
    server()
    with asyncio.Runner() as InPostgres.runner:
        yield


@pytest.mark.parametrize("machine", [InPostgres, InPostgresWithAPerson])
def test_paid_steps_keep_every_promise(machine: type[InPostgres]) -> None:
    explored(machine, 12, steps=40)


# --- stores that the machine must find out ----------------------------------------------------------------------------


async def nothing(*_: object, **__: object) -> None:
    return


MISTIMED = mistimed(nothing)


@pytest.mark.parametrize("name", MISTIMED)
def test_the_machine_finds_out_a_store_that_believes_the_clock(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rule_of_the_store, taken_out, why = MISTIMED[name]
    monkeypatch.setattr(claiming, rule_of_the_store, taken_out)
    with pytest.raises(AssertionError, match=why):
        explored(InPostgres, 400)
