"""A listening stream keeps what its client has not read: each resource once, however often it changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import pytest
from mcp.types import SubscriptionFilter, SubscriptionsListenRequestParams

from fermata_mcp.surface.listening import Listening

pytestmark = pytest.mark.anyio
URIS = [f"fermata://tasks/tsk_{number}" for number in range(3)]
ME = "local"


@dataclass
class Reader:
    """A client's end: takes a message only while `reads` is set."""

    reads: anyio.Event = field(default_factory=anyio.Event)
    sent: list[Any] = field(default_factory=list[Any])
    request_id: str = "7"

    @property
    def session(self) -> Reader:
        return self

    async def send_notification(self, news: Any, *, related_request_id: str) -> None:
        assert related_request_id == self.request_id
        await self.reads.wait()
        self.sent.append(news)

    @property
    def told(self) -> list[str]:
        return [news.params.uri for news in self.sent[1:]]


def asked(*uris: str) -> SubscriptionsListenRequestParams:
    wanted = SubscriptionFilter(resource_subscriptions=list(uris))
    return cast(Any, SubscriptionsListenRequestParams)(notifications=wanted, _meta=None)


async def begun(listening: Listening, reader: Reader, group: anyio.abc.TaskGroup) -> None:
    group.start_soon(listening, cast(Any, reader), asked(*URIS[:2]), ME)
    await anyio.wait_all_tasks_blocked()


async def test_many_changes_of_one_resource_are_told_once() -> None:
    listening, reader = Listening(9, 60), Reader()
    async with anyio.create_task_group() as group:
        await begun(listening, reader, group)
        for _ in range(1000):
            for uri in URIS:
                listening.changed(uri, ME)
        assert reader.sent == []
        reader.reads.set()
        await anyio.wait_all_tasks_blocked()
        assert reader.told == URIS[:2]
        listening.changed(URIS[1], ME)
        await anyio.wait_all_tasks_blocked()
        assert reader.told == [*URIS[:2], URIS[1]]
        listening.close()


async def test_what_is_due_is_told_before_the_end() -> None:
    listening, reader = Listening(9, 60), Reader()
    async with anyio.create_task_group() as group:
        await begun(listening, reader, group)
        listening.changed(URIS[0], ME)
        listening.close()
        reader.reads.set()
    assert reader.told == [URIS[0]]


async def test_who_does_not_read_is_no_longer_told_and_takes_no_place() -> None:
    listening, reader, other = Listening(1, 0.05), Reader(), Reader()
    reader.reads.set()
    other.reads.set()
    async with anyio.create_task_group() as group:
        await begun(listening, reader, group)
        reader.reads = anyio.Event()
        listening.changed(URIS[0], ME)
    async with anyio.create_task_group() as group:
        await begun(listening, other, group)
        listening.close()
    assert len(other.sent) == 1
