"""Kill a process at every point at which it can be cut off, and let another finish its work.

    cd tests && ../.venv/bin/python -m chaos.kills [--jobs 2] [--every] [--only WORD]
    cd tests && ../.venv/bin/python -m chaos.kills --control

The points are found in the source (`points.py`). Every scenario is lived once unharmed, to learn which points it
passes; then one process for each point lives it again and kills itself there. What must hold afterwards is in
`books.py`: nothing is charged twice, nothing that was told is lost, and a task is `unknown` exactly where the kill fell
between the recorded intent and the recorded outcome.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from emulators.base import Emulator
from emulators.serve import serving

from . import points
from .books import Verdict, compare, cut_off, let_leases_run_out
from .forks import PASSED, Forks
from .not_walked import NOT_WALKED
from .scenarios import SCENARIOS, load_scenarios

T = TypeVar("T")
TRIES = 4
ROUNDS = 3
EACH_OF_THE_REST = 48
# Processes die here, not machines: nothing has to be on a disk.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
MAIN = ("extend", "upload", "chain", "joined here")
# Functions of whose points some are passed by no scenario, as `file:function`, and why.
_BROKEN = "a look at a file that ends badly is a value; `faults/test_decoder.py` has every way in which it can"
_TIDIES = "removes what is over, the rows first; it sends nothing, and what it leaves when cut off is found again"
_HEARS = "plays, or hands out for playing, what is saved already; it sends nothing and records nothing"
_LOOKS = "reads a file before anything is promised or stored: whoever calls again finds it as it was"
_TEAM = "of a team's server: whole processes are killed around it, see `not_walked`"
BARRED: dict[str, str] = {
    "engine/intake/sources.py:Sources._measured": _LOOKS,
    "engine/previews.py:Previews.of": _HEARS,
    "media/decoding/client.py:Decoder.preview": _HEARS,
    "surface/player/audio.py:audio_path": _HEARS,
    "surface/player/audio.py:audio_within": _HEARS,
    "surface/player/opening.py:Opening.play": _HEARS,
    "surface/player/routes.py:Player._page": _HEARS,
    "surface/player/routes.py:Player._task": _HEARS,
    "surface/player/routes.py:Player._audio": _HEARS,
    "surface/player/routes.py:Player._file": _HEARS,
    "surface/player/routes.py:Player._path": _HEARS,
    "surface/player/routes.py:_streamed": _HEARS,
    "surface/player/routes.py:_Streamed.__call__": _HEARS,
    "surface/player/routes.py:_pieces": _HEARS,
    "surface/player/routes.py:_in_words.answered": _HEARS,
    "surface/tools.py:Toolbox.play_track": _HEARS,
    "engine/upkeep/purging.py:Purging.find": _TIDIES,
    "engine/upkeep/purging.py:Purging.carry_out": _TIDIES,
    "engine/upkeep/purging.py:Purging._old_tasks": _TIDIES,
    "engine/upkeep/purging.py:Purging._readable": _TIDIES,
    "engine/upkeep/purging.py:Purging._needed": _TIDIES,
    "engine/upkeep/purging.py:Purging._all": _TIDIES,
    "engine/upkeep/purging.py:Purging._known_ids": _TIDIES,
    "store/statement_store.py:StatementStore.removable": _TIDIES,
    "store/statement_store.py:StatementStore.remove": _TIDIES,
    "media/decoding/client.py:_Child.asked": _BROKEN,
    "media/decoding/client.py:_Child._line": _BROKEN,
    "media/decoding/client.py:Decoder._answer": _BROKEN,
    "media/decoding/client.py:Decoder._answer_of": _BROKEN,
    "media/decoding/client.py:Decoder._set_aside": _BROKEN,
    "media/decoding/client.py:_started": _BROKEN,
    **dict.fromkeys(NOT_WALKED, _TEAM),
}
load_scenarios()


@dataclass(frozen=True)
class Kill:
    """One life that is cut short: at which passing of which point, in which scenario."""

    scenario: str
    point: str
    hit: int = 1

    def __str__(self) -> str:
        return f"{self.scenario}, {self.point}" + (f", time {self.hit}" if self.hit > 1 else "")


@dataclass
class Recorded:
    """What unharmed lives have shown: how often each scenario passes each point."""

    passed: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    problems: list[str] = field(default_factory=list[str])

    def add(self, other: Recorded) -> None:
        self.problems += other.problems
        for name, passed in other.passed.items():
            self.passed[name] = self.passed.get(name, {}) | passed

    def reached(self) -> set[str]:
        return {point for passed in self.passed.values() for point in passed}


def record(jobs: int = 1) -> Recorded:
    """Live each scenario unharmed; again, a few times, while points are left that only some runs pass."""
    found = Recorded()
    for _ in range(ROUNDS):
        for part in _at_once([partial(_record, list(SCENARIOS)[job::jobs]) for job in range(jobs)]):
            found.add(part)
        if found.problems or not unreached(found):
            break
    return found


def _record(names: Sequence[str]) -> Recorded:
    found = Recorded()
    with Forks() as forks:
        for name in names:
            found.passed[name] = {}
            problems = _record_one(forks, name, found.passed[name])
            found.problems += [f"{name}, unharmed: {problem}" for problem in problems]
    return found


def _record_one(forks: Forks, name: str, passed: dict[str, int]) -> list[str]:
    """What an unharmed life must leave is the same as what a killed one must."""
    with _stage(name) as (folder, url, emulator):
        code = forks.live(folder, url, name)
        verdict = compare(folder, emulator, SCENARIOS[name], cut_off(folder))
        verdict.expect(code == 0, f"it ended with {code}:\n{_log(folder)}")
        if code == 0:
            passed.update(json.loads((folder / PASSED).read_text()))
    return verdict.problems


def _at_once(work: Sequence[Callable[[], T]]) -> list[T]:
    with ThreadPoolExecutor(len(work)) as pool:
        return [done.result() for done in [pool.submit(one) for one in work]]


@contextmanager
def _stage(name: str) -> Generator[tuple[Path, str, Emulator]]:
    emulator = SCENARIOS[name].far()
    with tempfile.TemporaryDirectory(dir=MEMORY, ignore_cleanup_errors=True) as folder, serving(emulator) as url:
        yield Path(folder), url, emulator


def _log(folder: Path) -> str:
    return (folder / "log").read_text(errors="replace")[-3000:] if (folder / "log").exists() else ""


def kill(forks: Forks, wanted: Kill) -> Verdict | None:
    """Cut one life short and let another finish its work; None if it never came to the point."""
    for _ in range(TRIES):
        with _stage(wanted.scenario) as (folder, url, emulator):
            code = forks.live(folder, url, wanted.scenario, point=wanted.point, hit=wanted.hit)
            if code == 0:
                continue
            unclear = cut_off(folder)
            let_leases_run_out(folder)
            after = forks.live(folder, url, wanted.scenario, finish=True)
            verdict = compare(folder, emulator, SCENARIOS[wanted.scenario], unclear)
            verdict.expect(code == -signal.SIGKILL, f"the life ended with {code}")
            verdict.expect(after == 0, f"nobody could finish its work:\n{_log(folder)}")
            return verdict
    return None


@dataclass
class Report(Verdict):
    """What a run has shown, all verdicts together.

    `missed` are points that a life did not come to, since only some runs pass them.
    """

    kills: int = 0
    seconds: float = 0.0
    at: set[str] = field(default_factory=set[str])
    missed: list[Kill] = field(default_factory=list[Kill])

    def add(self, wanted: Kill, verdict: Verdict | None) -> None:
        if verdict is None:
            self.missed.append(wanted)
            return
        self.kills += 1
        self.at.add(wanted.point)
        self.take_in(verdict)
        told = [f"{wanted}: {problem}" for problem in verdict.problems]
        print(*told, sep="\n", end="\n" * bool(told), file=sys.stderr, flush=True)
        self.problems += told


def run(kills: Sequence[Kill], jobs: int = 1, *, bug: bool = False) -> Report:
    """Carry out all of them, some at a time."""
    report, waiting = Report(), list(reversed(kills))

    def work() -> None:
        with Forks(bug=bug) as forks:
            while waiting:
                with suppress(IndexError):  # another took the last one
                    wanted = waiting.pop()
                    report.add(wanted, kill(forks, wanted))

    begun = time.monotonic()
    _at_once([work] * jobs)
    report.seconds = time.monotonic() - begun
    return report


def passing(recorded: Recorded, names: Iterable[str], hits: int = 1) -> list[Kill]:
    """Every point that these scenarios pass, up to `hits` times."""
    return [
        Kill(name, point, hit)
        for name in names
        for point, times in sorted(recorded.passed[name].items())
        for hit in range(1, min(times, hits) + 1)
    ]


def each_once(kills: Iterable[Kill]) -> list[Kill]:
    """The first of those that concern the same passing of the same point."""
    chosen: dict[tuple[str, int], Kill] = {}
    for one in kills:
        chosen.setdefault((one.point, one.hit), one)
    return list(chosen.values())


def whole(recorded: Recorded) -> list[Kill]:
    """Twice at every point of the main scenarios, and at every other point in one scenario that passes it."""
    main = passing(recorded, MAIN, 2)
    seen = {(one.point, one.hit) for one in main}
    return main + [one for one in each_once(passing(recorded, SCENARIOS, 2)) if (one.point, one.hit) not in seen]


def short(recorded: Recorded) -> list[Kill]:
    """After every point of a plain extension, and at a fixed choice of all others."""
    plain = [one for one in passing(recorded, MAIN[:1]) if one.point.endswith("after")]
    rest = [one for one in each_once(passing(recorded, [*MAIN, *SCENARIOS])) if one not in plain]
    return plain + sorted(rest, key=str)[::EACH_OF_THE_REST]


def unreached(recorded: Recorded) -> list[str]:
    """The points of the product that no scenario passes, exceptions aside."""
    return [
        one for one in points.enumerated() if one not in recorded.reached() and points.function_of(one) not in BARRED
    ]


def unwatched() -> list[str]:
    """Rooms of the product with points in them that nobody has thought about."""
    return sorted(points.rooms() - set(points.FOLDERS) - points.NOT_WATCHED.keys())


def vanished() -> list[str]:
    """Exceptions that name no function of the product any more."""
    return sorted(BARRED.keys() - {points.function_of(one) for one in points.enumerated()})


def needless(recorded: Recorded) -> list[str]:
    """Exceptions all of whose points are passed after all."""
    left = {points.function_of(one) for one in points.enumerated() if one not in recorded.reached()}
    return sorted(BARRED.keys() - left)


def control(recorded: Recorded) -> list[Kill]:
    """Where money has been spent and its record is missing: there a request that is sent again is paid again."""
    plain = passing(recorded, MAIN[:1])
    rooms = ("providers/http/client.py", "providers/http/line.py")
    return [one for one in plain if one.point.startswith(rooms) and one.point.endswith("after")]


def rows(recorded: Recorded, report: Report) -> list[tuple[str, object]]:
    return [
        ("points in the source", len(points.enumerated())),
        ("… that no scenario passes", len(unreached(recorded))),
        ("… excepted", len(BARRED)),
        ("scenarios", len(recorded.passed)),
        ("kills", report.kills),
        ("… at different points", len(report.at)),
        ("not come to, though an unharmed life does", len(report.missed)),
        ("seconds", round(report.seconds)),
        ("tasks whose id was told / lost", f"{report.told} / {report.lost}"),
        ("charges / double / meant to be paid again", f"{report.charges} / {report.doubles} / {report.meant}"),
        ("unknown", report.unknown),
        ("problems", len(report.problems)),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="kill a process at every point at which it can be cut off")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--every", action="store_true", help="every point in every scenario that passes it")
    parser.add_argument("--only", default="", help="kills whose scenario or point contains this")
    parser.add_argument("--control", action="store_true", help="plant a bug that must be caught")
    chosen = parser.parse_args()
    recorded = record(chosen.jobs)
    kills = passing(recorded, SCENARIOS) if chosen.every else whole(recorded)
    kills = [one for one in (control(recorded) if chosen.control else kills) if chosen.only in str(one)]
    report = run(kills, chosen.jobs, bug=chosen.control)
    told = [*recorded.problems, *(f"no scenario passes {one}" for one in unreached(recorded)), *report.problems]
    told += [f"not come to: {one}" for one in report.missed]
    print("\n".join(told), "\n| | |\n|---|---|")
    print("\n".join(f"| {name} | {value} |" for name, value in rows(recorded, report)))
    if chosen.control:
        return 0 if report.doubles else 1
    return 1 if recorded.problems or unreached(recorded) or vanished() or report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
