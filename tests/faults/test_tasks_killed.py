"""A task of the protocol is there before its id is: it survives the server that gave the id out."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

from e2e.servers import STDIO, environment
from support.processes import HELD, HELD_ADD, HELD_SECONDS, held_call, let_go, seconds_of
from support.task_client import OVER, KnowsTasks, ask, created, until

pytestmark = pytest.mark.anyio


def started(folder: Path) -> StdioServerParameters:
    """A server whose process id is in `folder/pid`."""
    script = f'echo $$ > "{folder / "pid"}"; exec "$@"'
    env = environment(folder) | {"PYTHONPATH": str(HELD)}
    return StdioServerParameters(command="sh", args=["-c", script, "sh", *STDIO], env=env)


async def test_a_killed_server_has_lost_no_task(tmp_path: Path) -> None:
    asked = held_call(tmp_path)
    async with Client(started(tmp_path), extensions=[KnowsTasks()]) as client:
        task = await created(client, "extend_track", asked)
        assert (await ask(client, "tasks/get", task["taskId"]))["status"] == "working"
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    let_go(asked)
    async with Client(started(tmp_path), extensions=[KnowsTasks()]) as client:
        done = await until(client, task["taskId"], *OVER)
    assert (done["status"], done["result"]["isError"]) == ("completed", False)
    assert abs(seconds_of(Path(done["result"]["structuredContent"]["audio"]["file"])) - HELD_SECONDS - HELD_ADD) < 0.05
