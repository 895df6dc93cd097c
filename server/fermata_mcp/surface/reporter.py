"""Progress of a wait, told to the client that asked for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import Context

from fermata_mcp.domain.task import Task


class Reporter:
    """Progress notifications whose values only rise, as the protocol demands.

    Args:
        share: How much of a task is done, 0 to 1; None where nobody knows.
    """

    def __init__(self, ctx: Context[Any, Any], share: Callable[[Task], float | None]) -> None:
        self._ctx = ctx
        self._share = share
        self._value = -1.0

    async def report(self, task: Task) -> None:
        await self._send((self._share(task) or 0.0) * 100, f"{task.provider}: {task.message}")

    async def last(self, task: Task) -> None:
        """Close a wait that reported anything with where it ended."""
        if self._value >= 0:
            await self._send(100.0 if task.finished else self._value, f"{task.provider}: {task.message}")

    async def _send(self, value: float, message: str) -> None:
        self._value = value if value > self._value else self._value + 0.01
        await self._ctx.report_progress(self._value, max(100.0, self._value), message)
