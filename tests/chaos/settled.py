"""What every door does at the beginning and at the end: shake hands, and see that all work has ended."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from .report import Report

PATIENCE = 60.0
Ask = Callable[[str, Any], Awaitable[Any]]


def opening() -> dict[str, Any]:
    return {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "fuzz", "version": "1"}}


async def settle(ask: Ask, report: Report) -> None:
    """Wait for all tasks, for as long as they go on; count how they ended."""
    left, deadline = 0, 0.0
    while running := [task for status in ("queued", "running") for task in await _tasks(ask, status)]:
        if len(running) != left:
            left, deadline = len(running), time.monotonic() + PATIENCE
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.1)
    report.expect(not running, f"{len(running)} tasks do not end: {running[:3]}")
    report.tasks = Counter(task["status"] for task in await _tasks(ask, None))


async def _tasks(ask: Ask, status: str | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        asked = {"status": status, "limit": 100, "cursor": cursor}
        answer = await asyncio.wait_for(ask("tools/call", {"name": "list_tasks", "arguments": asked}), PATIENCE)
        page = answer["result"]["structuredContent"]
        found += page["tasks"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
