"""Lengthen many audio bombs at once: how long a ping, a cancellation and the end of the server take meanwhile.

    cd tests && python -m chaos.bombs [--bombs 42]

Small files that are hours long, or seem to be, or never come to an end. All are given to `extend_track` at once, and
the server is pinged while it is busy with them. Then calls and tasks are cancelled, one server is left by its client
(EOF) and one told to go (SIGTERM), both with everything still on their hands. Every door leads to the same decoder.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.liars import LIARS, flac_bomb
from support.mutants import whole
from support.processes import Home, RawServer, open_server, peak_memory, workers_of, write_beat

PING_SECONDS, CANCEL_SECONDS, LEAVE_SECONDS, MEMORY_MIB = 0.5, 2.0, 2.0, 300
BUSY_SECONDS = 10.0
_ONES = b"\xff" * 5_000_000


def bombs(folder: Path, count: int) -> list[Path]:
    """Files whose bytes all differ, so that none is known from another."""
    folder.mkdir()
    hours = flac_bomb(11.5)
    kinds: list[tuple[str, Callable[[], bytes]]] = [
        ("flac", lambda: hours),
        ("mp3", lambda: _ONES),
        ("mp3", lambda: b"ID3\x04\0\0\0\0\0\0" + _ONES),
        ("mp3", lambda: whole("mp3")[:400] + _ONES),
        ("flac", lambda: hours[: len(hours) // 2]),
        *((kind, make) for kind, make, _ in LIARS.values() if kind in ("ogg", "wav")),
    ]
    paths: list[Path] = []
    for number in range(count):
        kind, make = kinds[number % 5 if number % 6 else number % len(kinds)]
        paths.append(folder / f"{number}.{kind}")
        paths[-1].write_bytes(make() + bytes(number + 1))
    return paths


class Found:
    """Measured times, and what was promised of them."""

    def __init__(self) -> None:
        self.problems = 0

    def tell(self, what: str, seconds: float, most: float) -> None:
        self.problems += seconds > most
        print(f"| {what} | {seconds:.3f} s | {most:g} s |", flush=True)

    def count(self, what: str, value: int, most: int) -> None:
        self.problems += value > most
        print(f"| {what} | {value} | {most} |", flush=True)


@contextmanager
def busy(folder: Path, paths: list[Path]) -> Generator[tuple[RawServer, list[int]]]:
    """A server with all of them on its hands, and the ids of the calls."""
    folder.mkdir()
    with open_server(Home(folder)) as server:
        calls = [
            server.start_call("extend_track", {"source": str(path), "add_seconds": 5, "wait_seconds": 60})
            for path in paths
        ]
        yield server, calls


def pinged(seconds: float, *servers: RawServer) -> list[float]:
    """The longest ping of each within so much time."""
    worst, until = [0.0] * len(servers), time.monotonic() + seconds
    while time.monotonic() < until:
        for place, server in enumerate(servers):
            begun = time.monotonic()
            server.ask("ping")
            worst[place] = max(worst[place], time.monotonic() - begun)
        time.sleep(0.02)
    return worst


def cancelled(server: RawServer, calls: list[int]) -> float:
    """Until neither calls nor tasks of them are there: calls by notification, tasks by name."""
    begun = time.monotonic()
    for call in calls:
        server.notify("notifications/cancelled", {"requestId": call})
    while tasks := _unfinished(server):
        for task in tasks:
            server.call("cancel_task", {"task_id": task})
        time.sleep(0.01)
    while workers_of(server.process.pid):
        time.sleep(0.01)
    return time.monotonic() - begun


def _unfinished(server: RawServer) -> list[str]:
    found: list[str] = []
    for status in ("queued", "running"):
        page: Any = server.call("list_tasks", {"status": status, "limit": 100}).structured_content
        found += [task["task_id"] for task in page["tasks"]]
    return found


def left(server: RawServer, how: Callable[[], object]) -> tuple[int, float]:
    begun = time.monotonic()
    how()
    return server.wait_exit(60), time.monotonic() - begun


def measure(folder: Path, paths: list[Path], found: Found) -> None:
    (folder / "idle").mkdir()
    with open_server(Home(folder / "idle")) as idle, busy(folder / "cancelled", paths) as (server, calls):
        worst, beside = pinged(BUSY_SECONDS, server, idle)
        found.tell("the longest ping", worst, PING_SECONDS)
        print(f"| … of an idle server beside it | {beside:.3f} s | |")
        print(f"| calls that were not answered yet | {_open(server, calls)} | |")
        found.tell("all calls and tasks cancelled", cancelled(server, calls), CANCEL_SECONDS)
        found.tell("then an honest file is looked at", _honest(server, folder, found), CANCEL_SECONDS)
        found.count("memory of the server, MiB", peak_memory(server.process.pid) >> 20, MEMORY_MIB)
    for name, how in (("EOF", RawServer.close_input), ("SIGTERM", _terminate)):
        with busy(folder / name, paths) as (server, _):
            pinged(2, server)
            code, seconds = left(server, lambda how=how, server=server: how(server))
            found.tell(f"leaving after {name}", seconds, LEAVE_SECONDS)
            found.count(f"exit code after {name}", abs(code), 0)


def _open(server: RawServer, calls: list[int]) -> int:
    answered = {json.loads(line).get("id") for line in server.lines}
    return len([call for call in calls if call not in answered])


def _honest(server: RawServer, folder: Path, found: Found) -> float:
    song = {"source": str(write_beat(folder / "song.wav")), "add_seconds": 3, "dry_run": True}
    begun = time.monotonic()
    found.problems += bool(server.call("extend_track", song).is_error)
    return time.monotonic() - begun


def _terminate(server: RawServer) -> None:
    server.process.send_signal(signal.SIGTERM)


def main() -> int:
    parser = argparse.ArgumentParser(description="lengthen many audio bombs at once")
    parser.add_argument("--bombs", type=int, default=42)
    chosen = parser.parse_args()
    found = Found()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        paths = bombs(Path(folder) / "bombs", chosen.bombs)
        print(f"| {len(paths)} bombs at once | measured | at most |\n|---|---|---|")
        measure(Path(folder), paths, found)
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
