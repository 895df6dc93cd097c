"""The clock of the database, which all machines that share it go by."""

from __future__ import annotations

import time
from collections.abc import Callable

from fermata_mcp.store.postgres.link.connecting import Sql

MEASURED_EVERY_SECONDS = 60.0
# A jump that no network makes.
_JUMP_SECONDS = 1.0


class DatabaseClock:
    """How far the clock of this machine is off. Times that two machines compare are then those of one clock.

    Asking the server for the time in each statement would do the same, but not for what the engine computes with times
    in between; and a difference that is measured once a minute costs nothing.

    Args:
        steady: Seconds of a clock that nobody sets; None where times are only made up.
    """

    def __init__(self, steady: Callable[[], float] | None) -> None:
        self._steady = steady
        self._ahead_ms = 0
        self._measured: tuple[float, float] | None = None

    def time(self, here: int) -> int:
        """Milliseconds of the database's clock when this machine's shows `here`."""
        return here + self._ahead_ms

    @property
    def in_doubt(self) -> bool:
        """Whether it is to be measured again: now and then, and where this machine's clock has jumped."""
        if self._steady is None or self._measured is None:
            return False
        wall, steady = self._measured
        passed = self._steady() - steady
        return passed > MEASURED_EVERY_SECONDS or abs(time.time() - wall - passed) > _JUMP_SECONDS

    async def measure(self, c: Sql) -> None:
        if self._steady is None:
            return
        before = time.time()
        there = await c.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
        after = time.time()
        self._ahead_ms = round(1000 * (there - (before + after) / 2))
        self._measured = after, self._steady()
