"""What those who operate a server ask of its store, and where traces of tasks are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from fermata_mcp.domain.task import TaskStatus


class Counts(Protocol):
    async def check(self) -> None:
        """Whether it can be used now, and is what this version makes. Raises StoreUnavailable, which says why not."""
        ...

    async def count_open(self) -> Mapping[TaskStatus, int]:
        """How many tasks are queued, running or unknown, all principals together; quick however many there are."""
        ...

    async def count_finished(self) -> Mapping[TaskStatus, int]:
        """How many are over, by how they ended. Looks at an index of all of them, so it is to be asked seldom."""
        ...

    async def queued_since(self, *, now: int) -> int | None:
        """When the step was made that is due and has waited longest to be begun; None where none waits."""
        ...


class Traces(Protocol):
    async def keep_trace(self, task_id: str, parent: str) -> None:
        """Remember the trace (a `traceparent`) in which a task was asked for; what is there already stays."""
        ...

    async def trace_of(self, task_id: str) -> str | None: ...
