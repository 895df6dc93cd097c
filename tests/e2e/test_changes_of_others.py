"""Two real processes on one data folder: whoever listens at one hears of what the other does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client

from support.journeys import HISTORY
from support.processes import PATIENCE, Home, http_server, view, write_beat

pytestmark = pytest.mark.anyio


@pytest.mark.filterwarnings("ignore:resources/subscribe")
@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_both_eras_hear_of_another_processs_tasks(tmp_path: Path, era: str) -> None:
    home, other = Home(tmp_path / "a"), Home(tmp_path / "b")
    for one in (home, other):
        one.root.mkdir()
    shared = {"FERMATA_DATA_DIR": str(tmp_path / "data"), "FERMATA_INPUT_ROOTS": str(tmp_path)}
    source = str(write_beat(tmp_path / "song.wav"))
    heard: set[str] = set()
    all_heard = anyio.Event()

    def note(uri: Any) -> None:
        heard.add(str(uri))
        if wanted <= heard:
            all_heard.set()

    async def handler(message: Any) -> None:
        uri = getattr(getattr(getattr(message, "root", message), "params", None), "uri", None)
        if uri is not None:
            note(uri)

    with http_server(home, **shared, FERMATA_RENDERS_AT_ONCE="0") as here, http_server(other, **shared) as there:
        async with (
            Client(f"{there.base}/mcp") as works,
            Client(f"{here.base}/mcp", mode=era, message_handler=handler) as listens,
            anyio.create_task_group() as group,
        ):
            asked = {"source": source, "wait_seconds": 60}
            first = view(await works.call_tool("extend_track", asked | {"add_seconds": 2}))
            wanted = {HISTORY}
            if era == "legacy":
                await listens.session.subscribe_resource(HISTORY)  # pyright: ignore[reportDeprecated]
            else:
                listening = anyio.Event()

                async def listen() -> None:
                    async with listens.listen(resource_subscriptions=[HISTORY]) as events:
                        listening.set()
                        async for event in events:
                            note(getattr(event, "uri", ""))

                group.start_soon(listen)
                await listening.wait()
            assert heard == set(), "nothing has changed yet"
            second = view(await works.call_tool("extend_track", asked | {"add_seconds": 3}))
            assert second["task_id"] != first["task_id"]
            with anyio.fail_after(PATIENCE):
                await all_heard.wait()
            group.cancel_scope.cancel()
