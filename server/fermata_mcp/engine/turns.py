"""What a task that waits for its turn says of it."""

from __future__ import annotations

from dataclasses import replace

from fermata_mcp.domain.task import Task
from fermata_mcp.store.base import Place, Store


async def with_place(task: Task, store: Store, now: int) -> Task:
    """The task; where it is queued behind others, or before them, with its turn as its message."""
    if task.status != "queued" or not task.steps:
        return task
    place = await store.place(task.steps[-1].id, now=now)
    return task if place is None or place.waiting == 1 else replace(task, message=in_words(place))


def in_words(place: Place) -> str:
    """`3rd of 12 waiting`."""
    return f"{place.turn}{_ending(place.turn)} of {place.waiting} waiting"


def _ending(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
