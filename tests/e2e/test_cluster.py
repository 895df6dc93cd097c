"""The script that starts a whole server for a team: through its proxy, with a part that dies, to a clean end."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import anyio
import pytest

from support.journeys import HISTORY
from support.places import GROOVE, REPOSITORY
from support.postgres import programs
from support.processes import PATIENCE, http_connection, text, view
from support.replicas import balanced

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="the script is for Linux"),
]


def script() -> Any:
    spec = importlib.util.spec_from_file_location("cluster", REPOSITORY / "deploy" / "cluster.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["cluster"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder() -> Generator[Path]:
    """Where another user may enter, since the database is run by one; pytest closes its own folders."""
    with tempfile.TemporaryDirectory(prefix="fermata-cluster-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def test_a_team_s_server_from_start_to_end(folder: Path) -> None:
    cluster = script().Cluster(folder / "team", 2, 1, FERMATA_INPUT_ROOTS=str(GROOVE.parent))
    with script().running(cluster):
        await renders_through_the_proxy(cluster)
        await hears_at_one_server_what_another_does(cluster)
        await goes_on_after_the_death_of_a_worker(cluster)
        processes = [part.process for part in cluster.parts]
    assert all(process.poll() is not None for process in processes)


async def renders_through_the_proxy(cluster: Any) -> None:
    async with http_connection(cluster.address, "auto") as client:
        done = await client.call_tool(
            "extend_track", {"source": str(GROOVE), "add_seconds": 4, "wait_seconds": PATIENCE}
        )
        assert view(done)["status"] == "succeeded", text(done)


async def hears_at_one_server_what_another_does(cluster: Any) -> None:
    first, second = cluster.bases
    async with http_connection(first, "auto") as listener, http_connection(second, "auto") as asker:
        async with listener.listen(resource_subscriptions=[HISTORY]) as news:
            await asker.call_tool("extend_track", {"source": str(GROOVE), "add_seconds": 6})
            with anyio.fail_after(PATIENCE):
                heard = await anext(aiter(news))
        assert getattr(heard, "uri", None) == HISTORY


async def goes_on_after_the_death_of_a_worker(cluster: Any) -> None:
    cluster.workers[0].kill()
    async with balanced(cluster.bases, "auto") as client:
        begun = await client.call_tool("extend_track", {"source": str(GROOVE), "add_seconds": 5, "wait_seconds": 0})
        cluster.look_after()
        told = await client.call_tool("get_task", {"task_id": view(begun)["task_id"], "wait_seconds": PATIENCE})
        assert view(told)["status"] == "succeeded", text(told)
