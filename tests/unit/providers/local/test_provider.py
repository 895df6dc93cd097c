"""Work of `local` that is stopped: at whatever moment that happens, its worker ends and no file of it stays."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest

from fermata_mcp.domain.errors import Cancelled
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.local.provider import SPEC, LocalProvider
from support.accounts import context_in
from support.processes import needs_proc, workers_of, write_beat

pytestmark = pytest.mark.anyio
CANCELS = 50


@dataclass
class Desk:
    provider: LocalProvider
    folder: Path
    heard: list[str] = field(default_factory=list[str])

    def work(self, number: int) -> Work:
        target = self.folder / "out" / f"{number}.wav"
        return Work(source_file=str(self.folder / "song.wav"), save_as=str(target), length_seconds=10)

    def files(self) -> list[str]:
        return sorted(file.name for file in (self.folder / "out").iterdir())

    async def when(self, remote_id: str, work: Work, ready: Callable[[str], bool]) -> None:
        """Wait until what is said of the work is what is waited for, or the work is over."""
        with anyio.fail_after(180):
            while True:
                said = await self.provider.poll(remote_id, work)
                if said.state != "running" or ready(said.message):
                    return
                await anyio.sleep(0.002)


@asynccontextmanager
async def desk(folder: Path) -> AsyncGenerator[Desk]:
    (folder / "out").mkdir()
    write_beat(folder / "song.wav")
    async with anyio.create_task_group() as group:
        made: Desk
        host = context_in(
            SPEC,
            lambda run: group.start_soon(run),
            lambda remote_id: made.heard.append(remote_id),
            data_dir=folder / "data",
        )
        made = Desk(LocalProvider(host), folder)
        yield made
        await made.provider.aclose()


def moments() -> list[Callable[[str], bool]]:
    """At once; when a worker is about to load; at its first word; when it says something else; when it is done."""
    waiting = "waiting for a free processor"
    return [
        lambda _: True,
        lambda _: bool(workers_of(os.getpid())),
        lambda said: said != waiting,
        lambda said: said not in (waiting, "reading the track"),
        lambda _: False,
    ]


@needs_proc
async def test_fifty_cancels_leave_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        for number in range(CANCELS):
            work = made.work(number)
            await made.provider.submit(str(number), work)
            await made.when(str(number), work, moments()[number % 5])
            assert await made.provider.stop(str(number))
            assert workers_of(os.getpid()) == []
            said = await made.provider.poll(str(number), work)
            assert isinstance(said.error, Cancelled), said
        assert made.files() == []


async def test_many_at_once_leave_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as made, anyio.create_task_group() as group:
        for number in range(CANCELS):
            await made.provider.submit(str(number), made.work(number))
        await made.when("0", made.work(0), lambda said: said != "waiting for a free processor")
        for number in range(CANCELS):
            group.start_soon(made.provider.stop, str(number))
    assert made.files() == []


async def test_a_file_that_was_there_before_stays(tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        (tmp_path / "out" / "1.wav").write_bytes(b"mine")
        await made.provider.submit("1", made.work(1))
        await made.when("1", made.work(1), lambda said: said != "waiting for a free processor")
        await made.provider.stop("1")
        assert (tmp_path / "out" / "1.wav").read_bytes() == b"mine"


async def test_the_end_of_the_program_takes_back_nothing_that_is_done(tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        await made.provider.submit("1", made.work(1))
        await made.when("1", made.work(1), lambda _: False)
    assert made.files() == ["1.wav"]


HALF_IMPORTED = """
import sys, types
from fermata_mcp.providers.local import worker
from fermata_mcp.media.atomic import whole_file
from pathlib import Path
for name in ("numpy", "soundfile", "fermata_mcp.rearrange.output.encode"):
    assert name not in sys.modules, name
    sys.modules[name] = types.ModuleType("half of it")
with whole_file(Path(sys.argv[1])) as part:
    assert part.exists()
    worker._die()
"""


def test_a_worker_dies_while_what_it_needs_is_half_imported(tmp_path: Path) -> None:
    """And removes what it was writing."""
    command = [sys.executable, "-c", HALF_IMPORTED, str(tmp_path / "b.wav")]
    died = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (died.returncode, died.stderr, list(tmp_path.iterdir())) == (128 + 15, "", [])
