"""Listening streams of the modern era: which resources have changed, each told once however often it did meanwhile.

The SDK's own handler keeps every event, and ends a stream whose client leaves too many unread.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import SUBSCRIPTION_ID_META_KEY, ResourceUpdated
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ServerEvent, event_matches, event_to_notification
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
)

from fermata_mcp.domain.moments import counted
from fermata_mcp.domain.task import TaskStatus
from fermata_mcp.engine.service import Service


@dataclass(eq=False)
class _Stream:
    """`due` are the resources that its client has not been told about yet."""

    honored: SubscriptionFilter
    uris: frozenset[str]
    principal: str
    due: dict[ServerEvent, None] = field(default_factory=dict[ServerEvent, None])
    ended: bool = False
    news: anyio.Event = field(default_factory=anyio.Event)

    def put_down(self, event: ServerEvent) -> None:
        self.due[event] = None
        self.news.set()

    def end(self) -> None:
        self.ended = True
        self.news.set()

    async def next(self) -> ServerEvent | None:
        """The next news to tell; None once there is none and will be none."""
        while not self.due:
            if self.ended:
                return None
            self.news = anyio.Event()
            await self.news.wait()
        event = next(iter(self.due))
        del self.due[event]
        return event


class Listening:
    """Serves `subscriptions/listen`: one call is one stream, until its client leaves or `close`.

    Args:
        most: Streams at once.
        patience: Seconds after which a client that does not take a message is no longer told.
    """

    def __init__(self, most: int, patience: float) -> None:
        self._most = most
        self._patience = patience
        self._streams: set[_Stream] = set()

    @property
    def nobody_there(self) -> bool:
        return not self._streams

    def followed(self) -> list[tuple[str, frozenset[str]]]:
        """The resources of each stream, with whose it is."""
        return [(stream.principal, stream.uris) for stream in self._streams]

    def changed(self, uri: str, owner: str | None) -> None:
        """Put down that a resource of this principal has changed; waits for nobody."""
        self._put_down(ResourceUpdated(uri=uri), [stream for stream in self._streams if stream.principal == owner])

    def heard(self, event: ServerEvent) -> None:
        """Put down what has happened for every stream that asked for it; waits for nobody."""
        self._put_down(event, self._streams)

    def _put_down(self, event: ServerEvent, streams: Iterable[_Stream]) -> None:
        for stream in streams:
            if event_matches(stream.honored, stream.uris, event):
                stream.put_down(event)

    def close(self) -> None:
        """End every stream in order; each tells what is due before."""
        for stream in self._streams:
            stream.end()

    async def __call__(
        self,
        ctx: ServerRequestContext[Any, Any],
        params: SubscriptionsListenRequestParams,
        principal: str,
        most_each: int = 2**31,
    ) -> SubscriptionsListenResult:
        if ctx.request_id is None:
            raise MCPError(INVALID_REQUEST, "subscriptions/listen requires a request id")
        if len(self._streams) >= self._most:
            raise MCPError(INTERNAL_ERROR, "Subscription limit reached")
        if sum(stream.principal == principal for stream in self._streams) >= most_each:
            raise MCPError(
                INVALID_REQUEST,
                f"rate_limited: {counted(most_each, 'open stream', 'is', 'are')} yours. Next: close one.",
            )
        honored = _without_nothing(params.notifications)
        stream = _Stream(honored, frozenset(honored.resource_subscriptions or ()), principal)
        self._streams.add(stream)
        try:
            await self._serve(stream, honored, ctx)
        finally:
            self._streams.discard(stream)
        return SubscriptionsListenResult(_meta=_named(ctx))

    async def _serve(self, stream: _Stream, honored: SubscriptionFilter, ctx: ServerRequestContext[Any, Any]) -> None:
        told = SubscriptionsAcknowledgedNotificationParams(notifications=honored, _meta=_named(ctx))
        acknowledged = SubscriptionsAcknowledgedNotification(params=told)
        await ctx.session.send_notification(acknowledged, related_request_id=ctx.request_id)
        while (event := await stream.next()) is not None:
            news = event_to_notification(event, _named(ctx))
            with anyio.move_on_after(self._patience) as patience:
                await ctx.session.send_notification(news, related_request_id=ctx.request_id)
            if patience.cancelled_caught:
                return


class Seen:
    """Statuses of tasks when clients were last told, by which is found what a store cannot say: what others changed.

    What was changed here may be found once more.
    """

    def __init__(self, anybody: Service) -> None:
        self._service = anybody
        self._of: dict[str, dict[str, TaskStatus]] = {}

    async def begin(self, principal: str, followed: AbstractSet[str]) -> None:
        """What changes from now on is told; to be called before the client is told that it listens."""
        known = await self._service.statuses_of(principal, followed)
        self._of[principal] = known | self._of.get(principal, {})

    async def changed(self, principal: str, followed: AbstractSet[str]) -> list[str]:
        """The tasks that look otherwise than when this was last asked."""
        before, now = self._of.get(principal, {}), await self._service.statuses_of(principal, followed)
        self._of[principal] = now
        return [task_id for task_id, status in now.items() if before.get(task_id) != status]

    def forget_all_but(self, principals: AbstractSet[str]) -> None:
        self._of = {name: known for name, known in self._of.items() if name in principals}


def _named(ctx: ServerRequestContext[Any, Any]) -> dict[str, Any]:
    return {SUBSCRIPTION_ID_META_KEY: ctx.request_id}


def _without_nothing(asked: SubscriptionFilter) -> SubscriptionFilter:
    """What was asked for, less flags that say no and empty lists."""
    return SubscriptionFilter(
        tools_list_changed=asked.tools_list_changed or None,
        prompts_list_changed=asked.prompts_list_changed or None,
        resources_list_changed=asked.resources_list_changed or None,
        resource_subscriptions=asked.resource_subscriptions or None,
    )
