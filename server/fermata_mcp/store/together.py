"""Small writes that come at the same time, as one transaction: what each costs is mostly its beginning and its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import anyio

# A transaction holds what it has written until its end, and others may want one of these rows.
MOST_TOGETHER = 64
Work = Callable[[Any], Any]
Write = Callable[[Sequence[Work]], Awaitable[Sequence[Any]]]


@dataclass(eq=False)
class _Small:
    work: Work
    apart: bool = False
    done: bool = False
    result: Any = None


class Together:
    """While one transaction is on its way, the writes that come are gathered for the next; nobody waits for company.

    Where a transaction fails nothing of it has happened, and each of its writes is done by itself: one that cannot be
    written costs the others nothing but time, and every caller hears of its own trouble alone.

    Args:
        write: Carries out all of these in one transaction, and gives what each of them found.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: list[_Small] = []
        self._turn = anyio.Lock()

    async def add(self, work: Work) -> Any:
        mine = _Small(work)
        self._waiting.append(mine)
        try:
            while not mine.done:
                async with self._turn:
                    await self._carry_out(self._with_company(mine))
            return mine.result
        finally:
            self._waiting.remove(mine)

    def _with_company(self, mine: _Small) -> list[_Small]:
        if mine.apart or mine.done:
            return [] if mine.done else [mine]
        return [one for one in self._waiting if not (one.apart or one.done)][:MOST_TOGETHER]

    async def _carry_out(self, some: list[_Small]) -> None:
        try:
            results = await self._write([one.work for one in some]) if some else ()
        except Exception:
            if len(some) == 1:
                raise
            for one in some:
                one.apart = True
        else:
            for one, result in zip(some, results, strict=True):
                one.result, one.done = result, True
