"""What many ask of a database at the same time, as one: what each costs is mostly its beginning and its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import anyio

# A transaction holds what it has written until its end, and others may want one of these rows.
MOST_TOGETHER = 64
Work = Callable[[Any], Any]
_Asked = TypeVar("_Asked")
_Found = TypeVar("_Found")


@dataclass(eq=False)
class _One(Generic[_Asked]):
    asked: _Asked
    apart: bool = False
    done: bool = False
    found: Any = None


class Together(Generic[_Asked, _Found]):
    """While one look or transaction is on its way, what comes is gathered for the next; nobody waits for company.

    What is found was looked for after it was asked. Where it fails nothing of it has happened, and each is done by
    itself: one that cannot be done costs the others nothing but time, and every caller hears of its own trouble alone.

    Args:
        carry_out: Does all of these at once, and gives what each of them found.
    """

    def __init__(
        self, carry_out: Callable[[Sequence[_Asked]], Awaitable[Sequence[_Found]]], most: int = MOST_TOGETHER
    ) -> None:
        self._carry_out, self._most = carry_out, most
        self._waiting: list[_One[_Asked]] = []
        self._turn = anyio.Lock()

    async def add(self, asked: _Asked) -> _Found:
        mine = _One(asked)
        self._waiting.append(mine)
        try:
            while not mine.done:
                async with self._turn:
                    await self._do(self._with_company(mine))
            return cast(_Found, mine.found)
        finally:
            self._waiting.remove(mine)

    def _with_company(self, mine: _One[_Asked]) -> list[_One[_Asked]]:
        if mine.apart or mine.done:
            return [] if mine.done else [mine]
        return [one for one in self._waiting if not (one.apart or one.done)][: self._most]

    async def _do(self, some: list[_One[_Asked]]) -> None:
        try:
            found = await self._carry_out([one.asked for one in some]) if some else ()
        except Exception:
            if len(some) == 1:
                raise
            for one in some:
                one.apart = True
        else:
            for one, its in zip(some, found, strict=True):
                one.found, one.done = its, True
