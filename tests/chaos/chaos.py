"""Kill servers at random on one data folder, then compare the provider's books with ours.

    .venv/bin/python tests/chaos/chaos.py [--kills 200] [--provider sunoapi] [--processes 4] [--seed 7]
    .venv/bin/python tests/chaos/chaos.py --control

Several whole Fermatas (`worker.py`) share one SQLite file and one emulated provider. They start extensions and chains
and carry out whatever is due. Meanwhile they are killed with SIGKILL: by this harness at random moments, and by
themselves around the writes that matter (the intent to pay, the answer, the end of a step). Some are frozen for longer
than a lease instead, and go on afterwards. The dead are replaced. When enough have died, the living finish the work.

What must hold then:

- nothing was charged twice: no two charges at the provider have the same body, and every body names a clip of its own;
- no task whose id was told is missing, and each has ended: `succeeded`, `partial`, or `unknown` where a process died
  between the intent and the answer;
- what succeeded has its audio, as long as it says;
- every charge of the provider belongs to an attempt of ours that knows it, or to one of the unknown ones, and our
  ledger holds at least as much as was charged.

The control plants a bug: paid work whose outcome is unknown is sent again. It must be caught, else a green run would
mean nothing. The exit code is 1 when a run, or the control, did not end as it must.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import anyio
import apsw
import soundfile
from starlette.requests import Request
from starlette.responses import Response

from emulators.base import Asked, Emulator, Op, Seen
from emulators.serve import serving
from emulators.suno import KIE, SUNOAPI, SunoEmulator
from support.accounts import OURS

WORKER = Path(__file__).with_name("worker.py")
FLAVOURS = {"sunoapi": SUNOAPI, "kie": KIE}
PRICE = 12
ENOUGH, ACKNOWLEDGED, DEATHS = "enough", "acknowledged", "deaths"
FREEZE_SECONDS = 6.0  # longer than a worker's lease of a submit
SETTLE_SECONDS = 600.0  # until what is left counts as lost


@dataclass(frozen=True)
class Plan:
    """How bad the days are. `every` is a worker's mean time between tasks, `pause` that between kills, in seconds."""

    kills: int
    provider: str = "sunoapi"
    processes: int = 4
    seed: int | None = None
    every: float = 1.2
    pause: float = 0.8
    dying: float = 0.04
    freezes: int = 0
    control: bool = False


class SlowEmulator(SunoEmulator):
    """Takes a moment before and after it charges, so that the dangerous time is long enough to be hit."""

    async def _answer(self, op: Op, request: Request, seen: Seen) -> Response:
        if op.kind != "submit":
            return await super()._answer(op, request, seen)
        await anyio.sleep(random.uniform(0, 0.08))
        answer = await super()._answer(op, request, seen)
        await anyio.sleep(random.uniform(0, 0.15))
        return answer

    def play(self, asked: Asked) -> Response:
        if random.random() < 0.02:
            return Response("not yet", 503)
        return super().play(asked)


@dataclass
class Crew:
    """The worker processes of a run."""

    plan: Plan
    folder: Path
    url: str
    living: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])
    frozen: list[tuple[float, subprocess.Popen[bytes]]] = field(
        default_factory=list[tuple[float, subprocess.Popen[bytes]]]
    )
    started: int = 0
    killed: int = 0
    died: int = 0
    crashed: int = 0
    froze: int = 0

    @property
    def deaths(self) -> int:
        return self.killed + self.died

    def fill_up(self) -> None:
        """Bury who died, and start as many as are missing."""
        for process in [one for one in self.living if one.poll() is not None]:
            self.living.remove(process)
            if process.returncode == -signal.SIGKILL:
                self.died += 1
            else:
                self.crashed += 1
        while len(self.living) < self.plan.processes:
            self.living.append(self._start())

    def _start(self) -> subprocess.Popen[bytes]:
        plan = self.plan
        family = plan.provider.upper()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        environment |= {
            "FERMATA_DATA_DIR": str(self.folder / "data"), "FERMATA_OUTPUT_DIR": str(self.folder / "music"),
            "FERMATA_TIME_SCALE": "0.02", "FERMATA_SUBMIT_TIMEOUT_SECONDS": "1.5",
            f"{family}_API_KEY": "emulator-key", f"{family}_BASE_URL": self.url, f"{family}_UPLOAD_URL": self.url,
            "KIE_API": "classic",
        }  # fmt: skip
        command = [sys.executable, str(WORKER), str(self.folder), "--provider", plan.provider]
        command += ["--every", str(plan.every), "--dying", str(plan.dying)]
        # Charged, and not yet written down: that is where the planted bug pays again.
        command += ["--retry-unknown", "--only-at", "before the answer is kept"] if plan.control else []
        self.started += 1
        with (self.folder / f"worker-{self.started}.log").open("wb") as log:
            return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill_one(self) -> None:
        process = random.choice(self.living)
        self.living.remove(process)
        process.kill()
        if process.wait() == -signal.SIGKILL:
            self.killed += 1

    def freeze_one(self) -> None:
        process = random.choice([one for one in self.living if one not in [held for _, held in self.frozen]])
        process.send_signal(signal.SIGSTOP)
        self.frozen.append((time.monotonic() + FREEZE_SECONDS, process))
        self.froze += 1

    def thaw(self, *, all_of_them: bool = False) -> None:
        for until, process in list(self.frozen):
            if all_of_them or time.monotonic() >= until:
                self.frozen.remove((until, process))
                process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        for process in self.living:
            process.kill()
        for process in self.living:
            process.wait()

    def logs(self) -> str:
        found = self.folder.glob("worker-*.log")
        return "\n".join(log.read_text(errors="replace") for log in found)


@dataclass
class Report:
    """What a run has shown. Money in credits."""

    plan: Plan
    seconds: float = 0.0
    started: int = 0
    killed: int = 0
    died_at: Counter[str] = field(default_factory=Counter[str])
    froze: int = 0
    tasks: Counter[str] = field(default_factory=Counter[str])
    told: int = 0
    lost: int = 0
    unfinished: int = 0
    silent: int = 0
    submits: int = 0
    charges: int = 0
    doubles: int = 0
    unknown_charged: int = 0
    unknown_not_charged: int = 0
    charged_there: float = 0.0
    booked_here: float = 0.0
    booked_as_unknown: float = 0.0
    problems: list[str] = field(default_factory=list[str])

    def rows(self) -> list[tuple[str, str]]:
        deaths = sum(self.died_at.values())
        return [
            ("provider", self.plan.provider),
            ("processes at a time / started in all", f"{self.plan.processes} / {self.started}"),
            ("seconds", f"{self.seconds:.0f}"),
            ("SIGKILLs", f"{self.killed + deaths}"),
            ("… by the harness at random moments", f"{self.killed}"),
            *((f"… {moment}", f"{times}") for moment, times in sorted(self.died_at.items())),
            (f"frozen for {FREEZE_SECONDS:g} s (lease: 4.5 s)", f"{self.froze}"),
            ("tasks whose id was told", f"{self.told}"),
            ("… lost", f"{self.lost}"),
            *((f"… {status}", f"{times}") for status, times in sorted(self.tasks.items())),
            ("steps that never ended", f"{self.unfinished}"),
            ("succeeded without audio of the promised length", f"{self.silent}"),
            ("paid requests that arrived / charged", f"{self.submits} / {self.charges}"),
            ("double charges", f"{self.doubles}"),
            ("unknown outcomes: charged / not", f"{self.unknown_charged} / {self.unknown_not_charged}"),
            ("credits charged by the provider", f"{self.charged_there:g}"),
            ("credits in our ledger / of these held as unknown", f"{self.booked_here:g} / {self.booked_as_unknown:g}"),
            ("problems", "; ".join(self.problems) or "none"),
        ]

    def table(self) -> str:
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in self.rows())])


def run(plan: Plan, folder: Path) -> Report:
    """One run in an empty folder."""
    random.seed(plan.seed)
    emulator = SlowEmulator(FLAVOURS[plan.provider], balance=1e9)
    settings = {"ready_after_seconds": 0.6, "source_seconds": 4.0, "adds_seconds": 6.0, "audio_format": "wav"}
    emulator.apply_script({"set": settings})
    (folder / "data").mkdir(parents=True)
    begun = time.monotonic()
    with serving(emulator) as url, _crew(plan, folder, url) as crew:
        _bad_days(crew, plan)
        (folder / ENOUGH).touch()
        crew.thaw(all_of_them=True)
        _settle(crew, folder)
    report = Report(plan, time.monotonic() - begun, crew.started, crew.killed, froze=crew.froze)
    report.died_at = Counter(_lines(folder / DEATHS))
    _compare(report, emulator, folder)
    logs = crew.logs()
    report.problems += [f"{crew.crashed} workers ended by themselves"] if crew.crashed else []
    report.problems += ["a traceback in a log"] if "Traceback" in logs else []
    report.problems += ["a worker's task was refused"] if "refused:" in logs else []
    return report


@contextmanager
def _crew(plan: Plan, folder: Path, url: str) -> Generator[Crew]:
    crew = Crew(plan, folder, url)
    try:
        yield crew
    finally:
        crew.thaw(all_of_them=True)
        crew.end()


def _bad_days(crew: Crew, plan: Plan) -> None:
    next_kill = time.monotonic() + 2.5
    while crew.deaths < plan.kills:
        crew.fill_up()
        crew.thaw()
        if time.monotonic() >= next_kill and _has_something_to_lose(crew):
            next_kill = time.monotonic() + random.uniform(0.1, 1.9) * plan.pause
            due = plan.freezes * crew.deaths > (crew.froze + 0.3) * plan.kills
            if due and len(crew.frozen) < plan.processes - 2:
                crew.freeze_one()
            else:
                crew.kill_one()
        time.sleep(0.02)


def _has_something_to_lose(crew: Crew) -> bool:
    """Kills keep pace with what is told, not with a clock: a busy machine must not die before it has begun.

    In the control the workers die by themselves alone, where the planted bug pays again.
    """
    return not crew.plan.control and len(_lines(crew.folder / ACKNOWLEDGED)) > (crew.killed + crew.froze) // 2


def _settle(crew: Crew, folder: Path) -> None:
    """Let the living finish what the dead have left."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        crew.fill_up()
        if not _read(folder, "SELECT 1 FROM step WHERE due_at IS NOT NULL LIMIT 1"):
            return
        time.sleep(0.25)


def _compare(report: Report, emulator: Emulator, folder: Path) -> None:
    """Their books against ours."""
    ledger = emulator.ledger
    report.submits, report.charges = emulator.submits_seen(), len(ledger.submits)
    report.doubles = sum(times - 1 for times in Counter(one["body"]["audioId"] for one in ledger.submits).values())
    report.charged_there = sum(one["amount"] for one in ledger.submits)
    statuses = dict(_read(folder, "SELECT id, status FROM task"))
    told = set(_lines(folder / ACKNOWLEDGED))
    report.told, report.lost = len(told), len(told - statuses.keys())
    report.tasks = Counter(str(statuses[task]) for task in told & statuses.keys())
    report.unfinished = len(_read(folder, "SELECT 1 FROM step WHERE due_at IS NOT NULL"))
    report.silent = _silent(folder)
    _compare_money(report, emulator, folder)
    odd = sorted(set(statuses.values()) - {"succeeded", "partial", "unknown"})
    for wrong, words in (
        (report.doubles or ledger.double_charges(), f"{report.doubles} double charges"),
        (report.lost, f"{report.lost} lost tasks"),
        (report.silent, f"{report.silent} succeeded tasks without their audio"),
        (report.unfinished, f"{report.unfinished} steps without an end"),
        (odd, f"tasks that ended as {', '.join(map(str, odd))}"),
        (emulator.violations, f"undocumented requests: {emulator.violations[:3]}"),
    ):
        report.problems += [words] if wrong else []


def _silent(folder: Path) -> int:
    """How many tasks say that they succeeded, and have no audio as long as they say."""
    facts = "json_extract(audio, '$.file'), json_extract(audio, '$.duration_seconds')"
    told = _read(folder, f"SELECT {facts} FROM task WHERE status = 'succeeded'")
    return sum(not file or not Path(file).is_file() or abs(_seconds(file) - seconds) > 0.1 for file, seconds in told)


def _seconds(file: str) -> float:
    with soundfile.SoundFile(file) as sound:
        return sound.frames / sound.samplerate


def _compare_money(report: Report, emulator: Emulator, folder: Path) -> None:
    kept = "sum(CASE WHEN kind IN ('hold', 'charge', 'disputed') THEN amount ELSE -amount END)"
    rows = _read(
        folder,
        f"""SELECT a.remote_id, json_extract(s.work, '$.source_clip'),
                   coalesce((SELECT {kept} FROM ledger WHERE attempt_id = a.id), 0) / 1000.0
            FROM attempt a JOIN step s ON s.id = a.step_id WHERE a.state IN ('intent', 'accepted', 'unknown')""",
    )
    ours = {remote: booked for remote, _, booked in rows if remote}
    unclear = {clip: booked for remote, clip, booked in rows if not remote}
    theirs = {job["task"]: job["body"]["audioId"] for job in emulator.ledger.submits}
    unseen = [clip for task, clip in theirs.items() if task not in ours]
    report.unknown_charged = len(unclear.keys() & set(unseen))
    report.unknown_not_charged = len(unclear) - report.unknown_charged
    report.booked_as_unknown = sum(unclear.values())
    report.booked_here = _read(folder, f"SELECT coalesce({kept}, 0) / 1000.0 FROM ledger")[0][0]
    for wrong, words in (
        ([clip for clip in unseen if clip not in unclear], "charges that no attempt of ours explains"),
        (ours.keys() - theirs.keys(), "attempts with an id that the provider never gave"),
        ([task for task, booked in ours.items() if booked != PRICE], "accepted work that is not booked at its price"),
        ([clip for clip, booked in unclear.items() if booked != PRICE], "unknown outcomes whose money is not visible"),
        (report.booked_here < report.charged_there, "less in our ledger than was charged"),
    ):
        report.problems += [words] if wrong else []


def _read(folder: Path, sql: str) -> list[Any]:
    file = folder / "data" / "fermata.db"
    with suppress(apsw.CantOpenError):
        connection: Any = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(10_000)
        try:
            return list(connection.execute(sql))
        finally:
            connection.close()
    return []


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def main() -> int:
    parser = argparse.ArgumentParser(description="kill servers at random and compare the books")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--provider", choices=sorted(FLAVOURS), default="sunoapi")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--freezes", type=int, help="default: one for ten kills")
    parser.add_argument("--control", action="store_true", help="plant a bug that must be caught")
    parser.add_argument("--keep", type=Path, help="an empty folder for the data and the logs")
    chosen = parser.parse_args()
    freezes = chosen.kills // 10 if chosen.freezes is None else chosen.freezes
    plan = Plan(chosen.kills, chosen.provider, chosen.processes, chosen.seed, freezes=freezes, control=chosen.control)
    with tempfile.TemporaryDirectory() as folder:
        report = run(plan, chosen.keep or Path(folder))
    print(report.table())
    if plan.control:
        return 0 if report.doubles else 1
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
