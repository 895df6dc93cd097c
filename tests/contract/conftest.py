"""What the contract is tried on: a store of each kind, and connections to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from fermata_mcp.store.base import Store
from support.stores import PLACES, Connect, connections


@pytest.fixture(params=PLACES)
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Connect:
    return PLACES[request.param](tmp_path)


@pytest.fixture
async def store(connect: Connect, anyio_backend: str) -> AsyncGenerator[Store]:
    async with connections(connect, 1) as (one,):
        yield one
