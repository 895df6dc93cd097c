"""The older HTTP transport, `/sse` with `/messages/`, with the SDK's own client."""

from __future__ import annotations

import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from support import journeys
from support.journeys import Ear, Journey, extend, name_of, travel
from support.processes import Home, Served, held_call, http_server, sse_connection, view

JOURNEYS = [
    *(pytest.param("legacy", journey, id=f"legacy-{name_of(journey)}") for journey in journeys.ALL),
    *(pytest.param("auto", journey, id=f"auto-{name_of(journey)}") for journey in journeys.SHORT),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """One server for the whole file; its callers may name files in any test's folder."""
    home = Home(tmp_path_factory.mktemp("sse"))
    with http_server(home, "sse", FERMATA_INPUT_ROOTS=str(tmp_path_factory.getbasetemp())) as served:
        yield served


@pytest.mark.anyio
@pytest.mark.parametrize(("era", "journey"), JOURNEYS)
async def test_journey(journey: Journey, era: str, served: Served, tmp_path: Path) -> None:
    async with sse_connection(served.base, era) as client:
        await travel(journey, client, tmp_path)


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:resources/subscribe")
async def test_changes_are_told_to_subscribers(served: Served, tmp_path: Path) -> None:
    ear = Ear()
    async with sse_connection(served.base, "legacy", message_handler=ear) as client:
        await journeys.hears_of_changes_by_subscription(client, ear, tmp_path)


@pytest.mark.anyio
async def test_changes_are_told_to_listeners(served: Served, tmp_path: Path) -> None:
    async with sse_connection(served.base, "auto") as client:
        await journeys.hears_of_changes_by_listening(client, tmp_path)


@pytest.mark.anyio
async def test_work_outlives_the_connection_that_started_it(served: Served, tmp_path: Path) -> None:
    """The engine belongs to the process: the SDK ends an SSE server's lifespan with each connection."""
    async with sse_connection(served.base, "legacy") as client:
        started = view(await extend(client, tmp_path, 4, wait_seconds=0))
    async with sse_connection(served.base, "legacy") as client:
        arguments = {"task_id": started["task_id"], "wait_seconds": 180}
        assert view(await client.call_tool("get_task", arguments))["status"] == "succeeded"


@pytest.mark.anyio
async def test_a_waiting_call_is_answered_before_it_leaves(tmp_path: Path) -> None:
    with http_server(Home(tmp_path), "sse", FERMATA_INPUT_ROOTS=str(tmp_path)) as served:
        async with sse_connection(served.base, "legacy") as client:
            result = await journeys.call_until_stopped(client, held_call(tmp_path), served, signal.SIGTERM)
            assert view(result)["status"] in ("queued", "running")
