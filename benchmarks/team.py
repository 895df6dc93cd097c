"""Two servers and two workers under load, one of the four killed every few seconds, with a faulty provider as judge.

    .venv/bin/python benchmarks/team.py [seconds] [--clients N] [--every S] [--stop-database S] [--control]

The cluster of `deploy/cluster.py` on PostgreSQL; every client asks for a paid extension of its own (or, one in ten, a
render), follows it to its end, and asks for the next. A call that is cut off is made again at the other server with the
same key. The provider is the strict emulator with its ledger, which loses one answer in twenty to a submit and errs in
one of ten looks. Counted at the end: tasks whose id was told and that are not there, requests paid for twice, and looks
at one task less than a second apart. Beside it all somebody asks a tool of the bare SDK that echoes, ten times a
second: what it waits for is what the machine costs everybody. `--control` runs servers that send again what is unknown:
it must be caught.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
from http_calls import ECHO, echo
from lines import Line
from talk import TESTS, child, spread

sys.path[:0] = [str(TESTS), str(Path(__file__).parents[1] / "deploy")]

from cluster import FERMATA, Cluster, Part, running  # noqa: E402

APART_SECONDS = 1.0
# A killed process is not heard of for a moment, and the one that takes its place loads for a second or two.
FAILOVER_SECONDS = 2.0
SOURCE = "seed"
LOST_SUBMITS, FAULTY_LOOKS = 0.05, 0.1
SETTLED_AFTER = 240.0
HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
OVER = ("succeeded", "partial", "failed", "cancelled", "unknown")
EMULATOR = f"""
import random, sys, time
sys.path.insert(0, {str(TESTS)!r})
import asyncio
from emulators.audio import Piece
from emulators.faults import Fault, Faults, Front
from emulators.paid import named
dice, log = random.Random(7), open(sys.argv[1], "a", buffering=1)

class Dice(Faults):
    def take(self, kind, *, wire):
        if wire and kind == "submit" and dice.random() < {LOST_SUBMITS}:
            return Fault.wire(dice.choice(["reset", "close", "half_body"]))
        if wire and kind == "poll" and dice.random() < {FAULTY_LOOKS} / 2:
            return Fault.wire(dice.choice(["reset", "close", "half_head"]))
        if not wire and kind == "poll" and dice.random() < {FAULTY_LOOKS} / 2:
            return Fault.answer(dice.choice([500, 502, 503]), "busy")
        return super().take(kind, wire=wire)

emulator = named("apiin").emulator("emulator-key")
emulator.faults, emulator.ready_after_polls, emulator.ledger.balance = Dice(), 3, 1e9
render = emulator.studio.render

# To make music for everybody takes this one process seconds, in which it hears nothing.
def same_song(recipe, extension):
    return render((Piece("song", 0, sum(piece.stop - piece.start for piece in recipe)),), extension)

emulator.studio.render = same_song

ask = emulator.app

async def app(scope, receive, send):
    if scope["method"] == "GET" and b"feed" in scope["raw_path"]:
        log.write(f"{{time.monotonic()}} {{scope['query_string'].decode()}}\\n")
    await ask(scope, receive, send)

type(emulator).app = property(lambda _: app)

async def main():
    async with Front(emulator) as url:
        print(url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
CONTROL = (
    sys.executable,
    "-c",
    "import sys, runpy; from fermata_mcp.engine.steps import moves;"
    "again = lambda step, task, *_: moves.put_back(step, step.updated_at, step.updated_at, task.held);"
    "moves.ask_person = again; moves.unknown_resolved = lambda step, task, *_: again(step, task);"
    "sys.argv[0] = 'fermata-mcp'; runpy.run_module('fermata_mcp', run_name='__main__', alter_sys=True)",
)


@dataclass
class Findings:
    told: set[str] = field(default_factory=set[str])
    statuses: Counter[str] = field(default_factory=Counter[str])
    looks: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    kills: list[float] = field(default_factory=list[float])
    errors: Counter[str] = field(default_factory=Counter[str])
    reasons: Counter[str] = field(default_factory=Counter[str])


class Client:
    """One person's assistant: begins at one server, and goes to the other where that does not answer."""

    def __init__(self, number: int, bases: list[str], http: httpx2.AsyncClient, found: Findings) -> None:
        self._number, self._http, self._found = number, http, found
        self._bases = bases[number % len(bases) :] + bases[: number % len(bases)]
        self._dice = random.Random(number)

    async def run(self, until: float, track: str) -> None:
        turn = 0
        while time.monotonic() < until:
            turn += 1
            render = self._dice.random() < 0.1
            asked = {"source": track, "provider": "local", "add_seconds": 4} if render else {
                "source": f"clip:{SOURCE}/0", "provider": "apiin"
            }  # fmt: skip
            key = f"{self._number}-{turn}"
            asked |= {"title" if render else "prompt": key, "idempotency_key": key, "wait_seconds": 0}
            said = await self.call("extend_track", asked, until + SETTLED_AFTER)
            if said is None or said.get("task_id") is None:
                self._found.errors["not begun"] += 1
                continue
            self._found.told.add(said["task_id"])
            while said and said.get("status") not in OVER and time.monotonic() < until:
                await asyncio.sleep(self._dice.uniform(1, 3))
                begun = time.monotonic()
                said = await self.call("get_task", {"task_id": said["task_id"]}, until)
                self._found.looks.append((begun, time.monotonic() - begun))

    async def call(self, tool: str, arguments: dict[str, Any], until: float) -> dict[str, Any] | None:
        params = {"name": tool, "arguments": arguments}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        while time.monotonic() < until:
            for base in self._bases:
                try:
                    answer = await self._http.post(f"{base}/mcp", json=message, headers=HEADERS)
                    said = json.loads(answer.text.partition("data: ")[2] or answer.text)
                    told = said["result"].get("structuredContent")
                    if told is not None:
                        return told
                    self._found.errors[said["result"]["content"][0]["text"][:60]] += 1
                    break
                except (httpx2.HTTPError, ValueError, KeyError) as error:
                    self._found.errors[type(error).__name__] += 1
            await asyncio.sleep(0.3)
        return None


async def trouble(cluster: Cluster, found: Findings, until: float, every: float) -> None:
    """One of the servers and workers is killed, in turn, and started again at once."""
    parts: list[Part] = [one for pair in zip(cluster.servers, cluster.workers, strict=True) for one in pair]
    while time.monotonic() + every < until:
        await asyncio.sleep(every)
        part = parts[len(found.kills) % len(parts)]
        found.kills.append(time.monotonic())
        await asyncio.to_thread(part.kill)
        part.start()


async def stop_database(cluster: Cluster, seconds: float, begin: float) -> None:
    await asyncio.sleep(begin)
    assert cluster.database is not None
    cluster.database.stop()
    await asyncio.to_thread(cluster.database.gone, time.monotonic() + 20)
    await asyncio.sleep(seconds)
    (cluster.folder / "postgres" / "postmaster.pid").unlink(missing_ok=True)
    cluster.database.start()


@asynccontextmanager
async def provider(log: Path) -> AsyncGenerator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", EMULATOR, str(log), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def beside(took: list[float], until: float) -> None:
    """Seconds that a tool of the bare SDK takes, which nobody else asks."""
    async with child((sys.executable, "-c", ECHO)) as (_, base):
        line = await Line.open(base)
        while time.monotonic() < until:
            since = time.monotonic()
            await echo(line, 0)
            took.append(time.monotonic() - since)
            await asyncio.sleep(0.1)
        line.close()


async def settle(cluster: Cluster, http: httpx2.AsyncClient, found: Findings) -> list[str]:
    """Wait until every task is over; the ids of those that are not there any more."""
    asks, lost, open_ = Client(0, cluster.bases, http, found), list[str](), set(found.told)
    deadline = time.monotonic() + SETTLED_AFTER
    while open_ and time.monotonic() < deadline:
        for task_id in sorted(open_):
            said = await asks.call("get_task", {"task_id": task_id}, time.monotonic() + 5)
            if said is None:
                lost.append(task_id)
            elif said["status"] in OVER:
                found.statuses[said["status"]] += 1
                found.reasons[str((said.get("error") or {"message": ""})["message"])[:90]] += 1
            else:
                continue
            open_.discard(task_id)
        await asyncio.sleep(1)
    found.statuses["never over"] = len(open_)
    return lost


def close_looks(log: Path) -> int:
    """Looks at one task that came less than a second after another."""
    times: defaultdict[str, list[float]] = defaultdict(list[float])
    for line in log.read_text().splitlines():
        at, query = line.split(" ", 1)
        if SOURCE not in query:  # every new request asks what its source is
            times[query].append(float(at))
    return sum(later - earlier < APART_SECONDS for all_ in times.values() for earlier, later in pairwise(sorted(all_)))


async def measure(given: argparse.Namespace, folder: Path) -> int:
    found, log, floor = Findings(), folder / "looks.log", list[float]()
    log.touch()
    async with provider(log) as url:
        settings = {
            "APIIN_API_KEY": "emulator-key", "APIIN_BASE_URL": url, "FERMATA_TIME_SCALE": "0.2",
            "FERMATA_INPUT_ROOTS": str(Path(__file__).parents[1] / "examples"), "FERMATA_LOG_LEVEL": "error",
            "FERMATA_SUBMIT_TIMEOUT_SECONDS": "10",
        }  # fmt: skip
        command = CONTROL if given.control else FERMATA
        cluster = await asyncio.to_thread(Cluster, folder / "cluster", 2, 2, 0, command, **settings)
        with running(cluster):
            limits = httpx2.Limits(max_connections=given.clients * 2)
            async with httpx2.AsyncClient(timeout=30, limits=limits) as http:
                until = time.monotonic() + given.seconds
                clients = [Client(number, cluster.bases, http, found) for number in range(given.clients)]
                track = str(Path(__file__).parents[1] / "examples" / "groove.wav")
                jobs = [client.run(until, track) for client in clients]
                jobs.append(beside(floor, until))
                jobs += [trouble(cluster, found, until, given.every)] if given.every else []
                jobs += [stop_database(cluster, given.stop_database, given.seconds / 3)] if given.stop_database else []
                await asyncio.gather(*jobs)
                lost = await settle(cluster, http, found)
                ledger = (await http.get(f"{url}/_emulator/ledger", timeout=SETTLED_AFTER)).json()
    doubles = len(ledger["double_charges"])
    calm = [took for at, took in found.looks if not any(0 <= at - kill <= FAILOVER_SECONDS for kill in found.kills)]
    p50, p95, most = spread(calm or [0.0])
    print(f"{given.seconds} s, {given.clients} clients, {len(found.kills)} kills, load {os.getloadavg()[0]:.1f}")
    print(f"told {len(found.told)} tasks: lost {len(lost)}, {dict(found.statuses)}")
    print(f"why: {dict(found.reasons.most_common(6))}")
    print(f"paid requests {len(ledger['submits'])}, twice {doubles}, undocumented {len(ledger['violations'])}")
    print(f"looks at one task less than {APART_SECONDS:g} s apart: {close_looks(log)}")
    told = f"p50 {p50 * 1000:.0f}, p95 {p95 * 1000:.0f}, most {most * 1000:.0f} ms ({len(calm)})"
    print(f"get_task outside of failovers: {told}")
    p50, p95, most = spread(floor)
    print(f"echo of the bare SDK beside it: p50 {p50 * 1000:.0f}, p95 {p95 * 1000:.0f}, most {most * 1000:.0f} ms")
    internal = [file for file in (folder / "cluster").glob("*.log") if "Traceback" in file.read_text()]
    for file in internal:
        print(f"{file.name}: {file.read_text()[-1500:]}")
    print(f"errors that clients met: {dict(found.errors.most_common(8))}")
    if given.control:
        print("control: caught" if doubles else "control: NOT caught")
        return 0 if doubles else 1
    return 1 if lost or doubles or found.statuses["never over"] else 0


def _left(_number: int, _frame: object) -> None:
    sys.exit(143)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=float, nargs="?", default=180)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--every", type=float, default=5)
    parser.add_argument("--stop-database", type=float, default=0)
    parser.add_argument("--control", action="store_true")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, _left)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        return asyncio.run(measure(given, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
