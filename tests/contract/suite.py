"""The list of checks: each a function that fails, its cases, and what a rig must be able to do for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from contract.rig import Capability, Rig

Run = Callable[[Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class Check:
    run: Run
    cases: Callable[[Any], Sequence[Any]]
    needs: Capability | None

    @property
    def name(self) -> str:
        return self.run.__name__

    def cases_of(self, rig: Rig) -> Sequence[Any]:
        """What it is run with on this rig; nothing where the rig cannot do what it needs."""
        return self.cases(rig) if self.needs is None or self.needs in rig.can else ()


CHECKS: list[Check] = []


def check(
    cases: Callable[[Any], Sequence[Any]] = lambda _: [None], *, needs: Capability | None = None
) -> Callable[[Run], Run]:
    """Add a function to the suite, to be run once for each of its cases."""

    def add(run: Run) -> Run:
        CHECKS.append(Check(run, cases, needs))
        return run

    return add
