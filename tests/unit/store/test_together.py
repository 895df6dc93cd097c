"""Small writes that come at once share a transaction, and each answers for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import anyio
import pytest

from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.store.together import MOST_TOGETHER, Together

pytestmark = pytest.mark.anyio
Work = Callable[[Any], Any]


class Transactions:
    """Keeps what each transaction carried out; while `door` is closed they wait in front of it."""

    def __init__(self) -> None:
        self.door = anyio.Event()
        self.sizes, self.kept = list[int](), list[Any]()

    async def write(self, works: Sequence[Work]) -> Sequence[Any]:
        self.sizes.append(len(works))
        await self.door.wait()
        found = [work(None) for work in works]
        self.kept += found
        return found


def says(value: Any) -> Work:
    def work(_: Any) -> Any:
        return value

    return work


def refused(_: Any) -> Any:
    raise StoreUnavailable("it cannot be written.")


async def outcomes(together: Together[Work, Any], transactions: Transactions, works: Sequence[Work]) -> dict[int, Any]:
    """What each of these got, all of which came at once."""
    found = dict[int, Any]()

    async def one(number: int, work: Work) -> None:
        try:
            found[number] = await together.add(work)
        except StoreUnavailable as error:
            found[number] = error

    async with anyio.create_task_group() as group:
        for number, work in enumerate(works):
            group.start_soon(one, number, work)
        await anyio.wait_all_tasks_blocked()
        transactions.door.set()
    return found


async def test_what_comes_at_once_is_one_transaction_in_its_order() -> None:
    transactions = Transactions()
    works = [says(n) for n in range(MOST_TOGETHER + 3)]
    found = await outcomes(Together[Work, Any](transactions.write), transactions, works)
    assert transactions.sizes == [MOST_TOGETHER, 3]
    assert transactions.kept == list(range(len(works)))
    assert found == {n: n for n in range(len(works))}


async def test_one_that_cannot_be_written_is_alone_with_its_trouble() -> None:
    transactions = Transactions()
    found = await outcomes(Together[Work, Any](transactions.write), transactions, [says(0), says(1), refused, says(3)])
    assert isinstance(found.pop(2), StoreUnavailable)
    assert found == {0: 0, 1: 1, 3: 3}
    assert sorted(transactions.kept) == [0, 1, 3]


async def test_who_leaves_takes_only_his_own_along() -> None:
    transactions = Transactions()
    together = Together[Work, Any](transactions.write)
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            group.start_soon(together.add, says("first"))
            await anyio.wait_all_tasks_blocked()
            group.start_soon(together.add, says("third"))
            scope.cancel()
            await together.add(says("second"))
        transactions.door.set()
    assert sorted(transactions.kept) == ["first", "third"]
    assert await together.add(says("later")) == "later"
