"""Each call gets the service of whoever makes it; a request that says nobody gets none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from starlette.requests import Request

from fermata_mcp.domain.access.principal import ONE_PERSON, Principal
from fermata_mcp.surface.access.callers import PRINCIPAL, Callers, principal_of
from support.engines import House

pytestmark = pytest.mark.anyio
ANNA, BERT = Principal("anna"), Principal("bert")


def made_by(principal: Principal | None) -> Request:
    scope: dict[str, Any] = {"type": "http", "headers": []}
    return Request(scope if principal is None else scope | {PRINCIPAL: principal})


def test_a_pipe_has_one_person_and_a_request_must_say_whose_it_is() -> None:
    assert principal_of(None) is ONE_PERSON
    assert principal_of(made_by(ANNA)) is ANNA
    with pytest.raises(KeyError):
        principal_of(made_by(None))


async def test_calls_at_once_are_each_for_their_own_principal(house: House) -> None:
    async with house.engine() as service:
        callers, seen, all_in = Callers(service), dict[str, str](), anyio.Event()

        async def call(principal: Principal, last: bool) -> None:
            async def handler(_: Any) -> None:
                if last:
                    all_in.set()
                await all_in.wait()
                seen[principal.name] = callers.service.principal.name

            ctx = SimpleNamespace(request=made_by(principal), method="tools/list")
            await callers(cast(Any, ctx), handler)

        async with anyio.create_task_group() as group:
            group.start_soon(call, ANNA, False)
            group.start_soon(call, BERT, True)
        assert seen == {"anna": "anna", "bert": "bert"}
        with pytest.raises(LookupError):
            _ = callers.service
        assert callers.of(made_by(ONE_PERSON)) is service
