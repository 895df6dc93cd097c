"""Public keys by which a provider signs what it posts: asked for when they are needed, and kept for a day."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

from fermata_mcp.domain.errors import UnexpectedResponse
from fermata_mcp.domain.hooks import HookPost, News

from .wire import Answer, Call

# The longest that providers allow, and the least between two questions: strangers' signatures must not make more.
KEPT_SECONDS, LEAST_SECONDS = 24 * 3600.0, 300.0
KEY_BYTES, MOST_KEYS = 32, 20


class PublishedKeys:
    """Args:
    ask: Makes a request.
    """

    def __init__(self, ask: Callable[[Call], Awaitable[Answer]]) -> None:
        self._ask = ask
        self._keys: tuple[bytes, ...] = ()
        self._asked_at: float | None = None

    async def read(self, call: Call, post: HookPost, read: Callable[[HookPost], News | None]) -> News | None:
        """What `read` makes of the post with the keys of today: where none fits, they may have been changed.

        Raises:
            ProviderError: They cannot be had now.
        """
        if self._is_older_than(KEPT_SECONDS, post.at):
            await self._renew(call, post.at)
        news = read(replace(post, keys=self._keys))
        if news is None and self._is_older_than(LEAST_SECONDS, post.at):
            await self._renew(call, post.at)
            news = read(replace(post, keys=self._keys))
        return news

    def _is_older_than(self, seconds: float, now: float) -> bool:
        return self._asked_at is None or not 0 <= now - self._asked_at <= seconds

    async def _renew(self, call: Call, now: float) -> None:
        answer = await self._ask(call)
        keys = _keys_in(answer) if answer.code() < 400 else ()
        if not keys:
            raise UnexpectedResponse("the keys that posts are signed by are not where they should be.")
        self._keys, self._asked_at = keys, now


def _keys_in(answer: Answer) -> tuple[bytes, ...]:
    """Those of Ed25519, as RFC 8037 writes them."""
    told = answer.get("keys")
    listed = cast("list[Any]", told)[:MOST_KEYS] if isinstance(told, list) else []
    return tuple(key for one in listed if isinstance(one, dict) and (key := _key(cast("dict[str, Any]", one))))


def _key(told: dict[str, Any]) -> bytes | None:
    written = str(told.get("x") or "") if told.get("crv", "Ed25519") == "Ed25519" else ""
    try:
        found = base64.b64decode(written + "=" * (-len(written) % 4), "-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if len(found) == KEY_BYTES else None
