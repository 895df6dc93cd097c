"""A process that is stopped between saying what it sends and sending it, for longer than its lease."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from emulators.paid import Paid
from support.paid import ALL, Market, market
from support.processes import SERVER, RawServer, needs_proc, open_server, view, wait_until

pytestmark = needs_proc
LEASE_SECONDS = 1.5
SHORT_LEASES = f"""
import os, runpy, signal
import fermata_mcp.domain.lease as lease
import fermata_mcp.store.base as base
short = {round(LEASE_SECONDS * 1000)}
lease.submit_lease_ms = lambda answer_seconds: short
base.SUBMIT_LEASE_MS, base.POLL_LEASE_MS, base.GRACE_MS = short, 1500, 200
"""
STOP = """
stopped = []
def stop():
    if not stopped:
        stopped.append(1)
        os.kill(os.getpid(), signal.SIGSTOP)
"""
AFTER_THE_INTENT = """
from fermata_mcp.store.sqlite.store import SqliteStore
carry_out = SqliteStore.apply
async def apply(store, change, *, now):
    done = await carry_out(store, change, now=now)
    if change.new_attempt:
        stop()
    return done
SqliteStore.apply = apply
"""
BEFORE_THE_REQUEST = """
from fermata_mcp.providers.http.client import HttpProvider
send = HttpProvider.submit
async def submit(provider, attempt_id, work):
    stop()
    return await send(provider, attempt_id, work)
HttpProvider.submit = submit
"""
RUN = "runpy.run_module('fermata_mcp', run_name='__main__')"


def server(*freezing: str) -> tuple[str, ...]:
    """A server with short leases that stops itself once at the place that is named."""
    return (SERVER[0], "-c", "\n".join([SHORT_LEASES, *freezing, RUN]))


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def status(one: RawServer) -> str:
    [task] = view(one.call("list_tasks"))["tasks"]
    return task["status"]


def freeze(one: RawServer, paid: Paid, place: Market) -> None:
    """Ask for an extension, and return once its process stands still and its lease is out."""
    one.start_call("extend_track", {"provider": paid.name, **paid.call, "stitch": "never", "wait_seconds": 0})
    wait_until(lambda: is_stopped(one.process.pid), "a process that stands still")
    assert place.of(paid).submits_seen() == 0
    time.sleep(LEASE_SECONDS + 0.5)


def thaw(one: RawServer) -> None:
    os.kill(one.process.pid, signal.SIGCONT)


@pytest.mark.parametrize("paid", ALL, ids=lambda one: one.name)
def test_what_was_overslept_is_not_sent_late(paid: Paid, tmp_path: Path) -> None:
    """Nothing goes out under the old intent; with a new one it is sent once."""
    with market(tmp_path, paid) as place:
        with open_server(place.home, command=server(STOP, AFTER_THE_INTENT), **place.settings) as one:
            freeze(one, paid, place)
            thaw(one)
            wait_until(lambda: status(one) == "succeeded", "the end of the task")
        assert place.of(paid).submits_seen() == 1
        place.check()


@pytest.mark.parametrize("paid", ALL, ids=lambda one: one.name)
def test_what_another_process_calls_unknown_is_sent_once_at_most(paid: Paid, tmp_path: Path) -> None:
    """The other one has taken the step over and asks a person, when the sleeper wakes just before its request."""
    with market(tmp_path, paid) as place:
        with (
            open_server(place.home, command=server(STOP, BEFORE_THE_REQUEST), **place.settings) as one,
            open_server(place.home, command=server(), **place.settings) as other,
        ):
            freeze(one, paid, place)
            wait_until(lambda: status(other) == "unknown", "the other process to notice")
            assert place.of(paid).submits_seen() == 0
            thaw(one)
            wait_until(lambda: place.of(paid).submits_seen() or status(one) == "unknown", "the sleeper to go on")
            wait_until(lambda: {status(one), status(other)} in ({"unknown"}, {"succeeded"}), "one and the same end")
        assert place.of(paid).submits_seen() <= 1
        place.check()
