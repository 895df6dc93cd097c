"""What an adapter must do that works in processes of its own: parameters that are heard, bad inputs, no child left."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import anyio
import mutagen
import numpy as np
import soundfile

from contract.local_rig import SOURCE_SECONDS, LocalBench, LocalRig
from contract.rig import CANARY
from contract.suite import check
from fermata_mcp.domain.task import Work
from support.processes import PATIENCE, runs, seconds_of, wait_until, workers_of, write_beat

ALIVE, DEAD, ABSURD = os.getpid(), 2**22 + 1, 10**30  # a process id is at most 2**22


def samples(file: Path) -> Any:
    read: Any = soundfile.read  # pyright: ignore[reportUnknownMemberType]
    return read(str(file))[0]


# --- what is heard of a parameter -------------------------------------------------------------------------------------


@check(lambda _: [1.5, 4.0, 20.0], needs="worker")
async def the_length_is_the_one_asked_for(rig: LocalRig, case: float) -> None:
    async with rig.bench() as made:
        done = await made.over(await made.submitted(rig.given(made.work, {"add_seconds": case})))
        assert done.clips[0].whole_track
        assert abs(seconds_of(made.target) - SOURCE_SECONDS - case) < 0.01


@check(lambda _: [2.0, 5.5], needs="worker")
async def everything_before_the_point_is_untouched(rig: LocalRig, case: float) -> None:
    async with rig.bench() as made:
        done = await made.over(await made.submitted(rig.given(made.work, {"continue_at": case})))
        assert (done.clips[0].continue_at or 0) >= case
        before = round(case * 8000)
        assert np.array_equal(samples(made.source)[:before], samples(made.target)[:before])


@check(lambda _: ["Longer", "Längér ♫"], needs="worker")
async def the_title_is_in_the_file(rig: LocalRig, case: str) -> None:
    async with rig.bench() as made:
        done = await made.over(await made.submitted(rig.given(made.work, {"title": case})))
        told: Any = mutagen.File(made.target)  # pyright: ignore
        assert done.clips[0].title == case
        assert str(told.tags["TIT2"]) == case


# --- bad inputs -------------------------------------------------------------------------------------------------------


def _file(content: bytes) -> Callable[[LocalBench], dict[str, Any]]:
    def spoil(made: LocalBench) -> dict[str, Any]:
        made.source.write_bytes(content)
        return {}

    return spoil


def _vanished(made: LocalBench) -> dict[str, Any]:
    made.source.unlink()
    return {}


def _folder(made: LocalBench) -> dict[str, Any]:
    return {"source_file": str(made.folder)}


def _short(made: LocalBench) -> dict[str, Any]:
    write_beat(made.source, 0.3)
    return {}


def _closed(made: LocalBench) -> dict[str, Any]:
    (made.folder / "file").write_bytes(b"")
    return {"save_as": str(made.folder / "file" / "longer.wav")}


BAD: dict[str, tuple[Callable[[LocalBench], dict[str, Any]], str]] = {
    "words": (_file(b"These are words.\n" * 90), "not_audio"),
    "nothing": (_file(b""), "not_audio"),
    "a page": (_file(b"<html>Sorry</html>"), "not_audio"),
    "half a header": (_file(b"RIFF\xff\xff\xff\xffWAVE"), "not_audio"),
    "vanished": (_vanished, "invalid_request"),
    "a folder": (_folder, "invalid_request"),
    "no source": (lambda _: {"source_file": None}, "invalid_request"),
    "too short": (_short, "invalid_request"),
    "not longer": (lambda _: {"length_seconds": SOURCE_SECONDS}, "invalid_request"),
    "no length": (lambda _: {"length_seconds": None}, "invalid_request"),
    "no number": (lambda _: {"length_seconds": float("nan")}, "invalid_request"),
    "too long": (lambda _: {"length_seconds": 1e9}, "too_large"),
    "past the end": (lambda _: {"continue_at": SOURCE_SECONDS + 1}, "invalid_request"),
    "before the start": (lambda _: {"continue_at": -1.0}, "invalid_request"),
    "no such take": (lambda _: {"take": 0}, "invalid_request"),
    "nowhere to save": (_closed, "store_unavailable"),
}


@check(lambda _: list(BAD), needs="worker")
async def bad_inputs(rig: LocalRig, case: str) -> None:
    """Told by the look, in words with a code; nothing is left behind."""
    spoil, code = BAD[case]
    async with rig.bench() as made:
        found = await made.over(await made.submitted(made.work.model_copy(update=spoil(made))))
        assert (found.state, found.error and found.error.code) == ("failed", code)
        assert list(made.target.parent.iterdir()) == []


# --- processes --------------------------------------------------------------------------------------------------------


async def _child(made: LocalBench) -> int:
    """The one worker, once it runs."""
    with anyio.fail_after(PATIENCE):
        while not (found := workers_of(os.getpid())):  # noqa: ASYNC110  (a process cannot tell us)
            await anyio.sleep(0.01)
    return found[0]


def _is_gone(pid: int) -> None:
    wait_until(lambda: not runs(pid), "the worker's end")


@check(lambda _: ["stop", "aclose"], needs="worker")
async def a_worker_that_hears_nothing_is_ended(rig: LocalRig, case: str) -> None:
    """Within two seconds, though it heeds neither a signal nor the end of its input."""
    async with rig.bench() as made:
        made.end_as("hangs")
        remote_id = await made.submitted()
        worker = await _child(made)
        with anyio.fail_after(PATIENCE):
            await (made.provider.stop(remote_id) if case == "stop" else made.provider.aclose())
        _is_gone(worker)
        found = await made.poll(remote_id)
        assert (found.state, found.error and found.error.code) == ("failed", "cancelled")
        assert made.changed == [remote_id]


@check(lambda _: ["submits", "waits"], needs="worker")
async def closing_ends_every_child(rig: LocalRig, case: str) -> None:
    """Those at work, and those that still wait for a processor or have only just been asked for."""
    async with rig.bench() as made:
        made.end_as("hangs")
        count = (os.cpu_count() or 1) + 2
        for number in range(count):
            await made.submitted(attempt_id=f"att_{number}")
        workers = [await _child(made)] if case == "waits" else []
        with anyio.fail_after(PATIENCE):
            await made.provider.aclose()
        for worker in workers:
            _is_gone(worker)
        assert workers_of(os.getpid()) == []


@check(lambda _: ["stops", "is over"], needs="worker")
async def the_same_attempt_has_one_worker(rig: LocalRig, case: str) -> None:
    """However often it is submitted; one that ended is not begun again."""
    async with rig.bench() as made:
        if case == "is over":
            done = await made.over(await made.submitted())
            assert await made.over(await made.submitted()) == done
            await anyio.sleep(0.2)
            assert made.changed == ["att_1"]
            return
        made.end_as("hangs")
        assert await made.submitted() == await made.submitted()
        await _child(made)
        await anyio.sleep(0.2)
        assert len(workers_of(os.getpid())) == 1


@check(needs="worker")
async def no_program_to_run(rig: LocalRig, case: None) -> None:
    """A worker that cannot be started is work that failed."""
    async with rig.bench() as made:
        with patch("sys.executable", str(made.folder / "no-python")):
            found = await made.over(await made.submitted())
        assert (found.state, found.error and found.error.code) == ("failed", "generation_failed")


@check(needs="worker")
async def the_worker_is_told_no_secret(rig: LocalRig, case: None) -> None:
    async with rig.bench() as made:
        made.end_as("repeats its environment")
        found = await made.over(await made.submitted())
        assert found.error is not None
        assert "PATH" in json.loads(found.error.message)
        assert CANARY not in found.error.message


@check(needs="worker")
async def what_the_dead_left_is_removed(rig: LocalRig, case: None) -> None:
    """Half-written files of workers that are gone; those of the living and of others stay."""
    async with rig.bench() as made:
        names = {pid: f".fermata-{pid}-song.part.wav" for pid in (ALIVE, DEAD, ABSURD)}
        for name in (*names.values(), ".fermata-x-song.part", "song.part"):
            left = made.target.parent / name
            left.write_bytes(b"half")
            os.utime(left, (0, 0))
        assert (await made.over(await made.submitted())).state == "succeeded"
        kept = {file.name for file in made.target.parent.iterdir()}
        assert DEAD not in {pid for pid, name in names.items() if name in kept}
        assert {names[ALIVE], ".fermata-x-song.part", "song.part", made.target.name} <= kept


@check(needs="worker")
async def two_may_tidy_up_at_once(rig: LocalRig, case: None) -> None:
    """A file that another worker has just removed is no reason to fail."""
    async with rig.bench() as made:
        left = made.target.parent / f".fermata-{DEAD}-song.part"
        left.write_bytes(b"half")
        kill = os.kill

        def remove_first(pid: int, number: int) -> None:
            left.unlink(missing_ok=True)
            kill(pid, number)

        with patch.object(os, "kill", remove_first):
            assert (await made.over(await made.submitted())).state == "succeeded"


@check(needs="worker")
async def a_result_is_whole_or_not_there(rig: LocalRig, case: None) -> None:
    """Stopped at several moments: the old file, or the new one, and nothing half."""
    async with rig.bench() as made:
        made.target.write_bytes(b"old")
        for number in range(4):
            remote_id = await made.submitted(_longer(made.work), f"att_{number}")
            await anyio.sleep(0.15 * number)
            await made.provider.stop(remote_id)
        assert [file.name for file in made.target.parent.iterdir()] == [made.target.name]
        assert made.target.read_bytes() == b"old" or seconds_of(made.target) == 600


def _longer(work: Work) -> Work:
    return work.model_copy(update={"length_seconds": 600.0})
