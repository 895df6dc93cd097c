"""A time that tests may push."""

from __future__ import annotations

import time

from fermata_mcp.engine.clock import Clock


class ShiftedClock:
    """Real time plus what a test has skipped, the way a suspended laptop sees it."""

    def __init__(self) -> None:
        self.skipped = 0.0
        self._stands_at: tuple[int, float] | None = None

    def skip(self, seconds: float) -> None:
        self.skipped += seconds

    def stand_still(self) -> None:
        """From now on only what is skipped passes: nothing falls due, and nothing runs out, by itself."""
        self._stands_at = time.time_ns() // 1_000_000, time.monotonic()

    def now(self) -> int:
        real = self._stands_at[0] if self._stands_at else time.time_ns() // 1_000_000
        return real + round(self.skipped * 1000)

    def monotonic(self) -> float:
        real = self._stands_at[1] if self._stands_at else time.monotonic()
        return real + self.skipped

    def clock(self) -> Clock:
        return Clock(self.now, self.monotonic)
