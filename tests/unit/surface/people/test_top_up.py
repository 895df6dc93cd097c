"""Credits are out: whoever can open pages is led to the provider's; nothing is sent again because of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp.client import Client
from mcp.types import ElicitRequestURLParams, ElicitResult

from fermata_mcp.app import running_app
from fermata_mcp.domain.errors import GenerationFailed, InsufficientCredits
from fermata_mcp.providers.base import Refused
from support.engines import House, settings_in
from support.remote import Remote
from support.rows import PAID

pytestmark = pytest.mark.anyio


class Person:
    def __init__(self, action: Any) -> None:
        self._action = action
        self.asked: list[Any] = []

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        self.asked.append(params)
        return ElicitResult(action=self._action)


@asynccontextmanager
async def talking(house: House, mode: str, person: Person | None) -> AsyncGenerator[Client]:
    async with (
        running_app(settings_in(house.folder), callers_are_local=True) as app,
        Client(app.server, mode=mode, elicitation_callback=person) as client,
    ):
        yield client


def call(house: House) -> dict[str, Any]:
    return {"source": str(house.track), "provider": "paid", "wait_seconds": 60}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("action", ["accept", "decline", "cancel"])
async def test_the_page_is_offered_once_and_nothing_is_sent_again(
    house: House, remote: Remote, action: str, mode: str
) -> None:
    remote.answers.append(Refused(InsufficientCredits("no credits left.")))
    person = Person(action)
    async with talking(house, mode, person) as client:
        result = await client.call_tool("extend_track", call(house))
    (asked,) = person.asked
    assert isinstance(asked, ElicitRequestURLParams)
    assert asked.url == PAID.site
    assert result.is_error
    assert result.structured_content
    assert result.structured_content["error"]["code"] == "insufficient_credits"
    assert remote.sent == 1


async def test_after_it_the_same_call_starts_anew(house: House, remote: Remote) -> None:
    remote.answers.append(Refused(InsufficientCredits("no credits left.")))
    async with talking(house, "auto", Person("accept")) as client:
        await client.call_tool("extend_track", call(house))
        result = await client.call_tool("extend_track", call(house))
    assert result.structured_content
    assert (result.structured_content["status"], remote.sent) == ("succeeded", 2)


async def test_who_cannot_open_pages_is_told_where(house: House, remote: Remote) -> None:
    remote.answers.append(Refused(InsufficientCredits("no credits left.")))
    async with talking(house, "auto", None) as client:
        result = await client.call_tool("extend_track", call(house))
    assert result.content[0].type == "text"
    assert str(PAID.site) in result.content[0].text


async def test_other_failures_offer_nothing(house: House, remote: Remote) -> None:
    remote.answers.append(Refused(GenerationFailed("they could not.")))
    person = Person("accept")
    async with talking(house, "auto", person) as client:
        await client.call_tool("extend_track", call(house))
    assert person.asked == []
