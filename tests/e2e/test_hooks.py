"""A server that is killed between a paid request and its answer hears of the work from its provider."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from mcp.client import Client

from e2e.servers import answers, free_port
from emulators.faults import Fault
from emulators.paid import named
from emulators.posts import post_of
from support.engines import eventually
from support.paid import Market, done, extend, market
from support.processes import LOST_LEASE_SECONDS, SERVER, later, view

pytestmark = pytest.mark.anyio
SUNOAPI = named("sunoapi")


@contextmanager
def serving_http(place: Market, command: Sequence[str], port: int) -> Generator[subprocess.Popen[bytes]]:
    """A server process; it is killed at the end, if it still runs."""
    public = f"http://127.0.0.1:{port}"
    with place.home.log.open("ab") as log:
        process = subprocess.Popen(
            [*command, "serve", "--transport", "http", "--port", str(port)],
            env=place.environment(FERMATA_PUBLIC_URL=public), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def until_up(port: int) -> None:
    async def is_up() -> bool:
        return await anyio.to_thread.run_sync(answers, f"http://127.0.0.1:{port}/healthz")

    await eventually(is_up, 60)


async def test_a_kill_between_request_and_answer_is_learned_from_a_post(tmp_path: Path) -> None:
    port = free_port()
    with market(tmp_path, SUNOAPI) as place:
        emulator = place.of(SUNOAPI)
        emulator.script("submit", Fault.wire("hang"))
        with serving_http(place, SERVER, port) as process:
            await until_up(port)
            async with Client(f"http://127.0.0.1:{port}/mcp") as client:
                task_id = view(await extend(client, SUNOAPI, wait_seconds=0, stitch="never"))["task_id"]

                async def was_charged() -> bool:
                    return bool(emulator.jobs)

                await eventually(was_charged, 60)
                process.send_signal(signal.SIGKILL)
                process.wait()
        [job] = emulator.jobs.values()
        with serving_http(place, later(LOST_LEASE_SECONDS), port):
            await until_up(port)
            assert await post_of(emulator, job).send() == 200
            async with Client(f"http://127.0.0.1:{port}/mcp") as client:

                async def is_over() -> bool:
                    return (await done(client, "get_task", task_id=task_id))["status"] == "succeeded"

                await eventually(is_over, 60)
        assert len(emulator.ledger.submits) == 1
        place.check()
