"""One killed life: what the rows said when it died, and both sets of books when another has finished its work."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import soundfile

from emulators.base import Emulator
from fermata_mcp.domain.credits import PARTS
from fermata_mcp.domain.lease import submit_lease_ms
from fermata_mcp.media.objects.keys import key_in
from fermata_mcp.store.base import GRACE_MS
from fermata_mcp.store.opening import DATABASE

from .scenarios import SKIPPED_SECONDS, Scenario
from .stage import OBJECTS

TOLD = "told"
LEAST = 1 / PARTS["usd"]
LONGEST_ANSWER_SECONDS = 300.0
# What costs nothing is done again when it was cut off.
_FREE = ("local", "acestep")
_PAID = f"provider NOT IN {_FREE}"
_SIGNED = "CASE WHEN kind IN ('hold', 'charge', 'adjust', 'disputed') THEN amount ELSE -amount END"
# Every scenario pays in one unit.
_BOOKED = f"SELECT sum({_SIGNED}), unit FROM ledger GROUP BY unit"
# The links of a chain are in the file that it delivers.
_PAID_TAKES = """SELECT json_extract(take.value, '$.file') FROM task JOIN step ON step.task_id = task.id,
                 json_each(step.clips) take WHERE task.kind = 'extend' AND step.state = 'succeeded'
                 AND json_extract(step.work, '$.action') <> 'upload'"""


def read(folder: Path, sql: str) -> list[Any]:
    """Rows of the database; none where it, or its tables, are not there yet."""
    with suppress(apsw.CantOpenError, apsw.SQLError):
        connection: Any = apsw.Connection(str(folder / "data" / DATABASE), flags=apsw.SQLITE_OPEN_READWRITE)
        with closing(connection):
            connection.set_busy_timeout(10_000)
            return list(connection.execute(sql))
    return []


def let_leases_run_out(folder: Path) -> None:
    """As if the time had passed after which others take work over, and nothing else with it."""
    passed = submit_lease_ms(LONGEST_ANSWER_SECONDS) + GRACE_MS + 1000 * (SKIPPED_SECONDS + 1)
    read(folder, f"UPDATE step SET due_at = due_at - {passed}")


def cut_off(folder: Path) -> set[str]:
    """The tasks whose outcome nobody can know now: their intent is recorded, and nothing after it."""
    cut = f"state IN ('submitting', 'unknown', 'needs_user') AND {_PAID}"
    return {task for (task,) in read(folder, f"SELECT task_id FROM step WHERE {cut}")}


@dataclass
class Verdict:
    """What was found after one kill. `problems` is empty where everything is as promised."""

    told: int = 0
    lost: int = 0
    unknown: int = 0
    charges: int = 0
    doubles: int = 0
    meant: int = 0
    problems: list[str] = field(default_factory=list[str])

    def take_in(self, other: Verdict) -> None:
        """Add the counts of another kill."""
        for name in ("told", "lost", "unknown", "charges", "doubles", "meant"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def expect(self, holds: bool, otherwise: str) -> None:
        self.problems += [] if holds else [otherwise]


def compare(folder: Path, emulator: Emulator, chosen: Scenario, unclear: set[str]) -> Verdict:
    """Their books against ours. `unclear` are the tasks that `cut_off` found when the process died."""
    found = Verdict()
    _tasks(found, folder, chosen, unclear)
    _audio(found, folder, chosen)
    _half_answers(found, folder)
    _money(found, folder, emulator, chosen)
    return found


def _tasks(found: Verdict, folder: Path, chosen: Scenario, unclear: set[str]) -> None:
    statuses = dict(read(folder, "SELECT id, status FROM task"))
    told = set((folder / TOLD).read_text().split()) if (folder / TOLD).exists() else set[str]()
    unknown = {task for task, status in statuses.items() if status == "unknown"}
    found.told, found.lost, found.unknown = len(told), len(told - statuses.keys()), len(unknown)
    found.expect(not found.lost, f"{found.lost} lost tasks")
    found.expect(len(statuses) <= chosen.tasks, f"{len(statuses)} tasks")
    found.expect(not read(folder, "SELECT 1 FROM step WHERE due_at IS NOT NULL"), "a step that never ended")
    found.expect(unclear <= unknown, f"nobody can know what became of it, yet it is {_these(statuses, unclear)}")
    found.expect(chosen.loses or unknown <= unclear, "unknown, though its outcome was recorded")
    ended = set(statuses.values()) - {"unknown"}
    found.expect(ended <= chosen.ends, f"ended as {', '.join(sorted(ended - chosen.ends))}")


def _these(statuses: dict[str, str], tasks: set[str]) -> str:
    return ", ".join(statuses.get(task, "gone") for task in sorted(tasks))


def _audio(found: Verdict, folder: Path, chosen: Scenario) -> None:
    missing, facts = 0, "json_extract(audio, '$.file'), json_extract(audio, '$.duration_seconds')"
    for file, seconds in read(folder, f"SELECT {facts} FROM task WHERE status IN ('succeeded', 'partial')"):
        if (there := _place(folder, file)).is_file():
            found.expect(abs(_seconds(there) - seconds) < 0.1, "audio of another length than it says")
        else:
            missing += 1
    found.expect(missing <= chosen.removed, f"{missing} succeeded without audio")
    lost = sum(not _place(folder, file).is_file() for (file,) in read(folder, _PAID_TAKES))
    found.expect(lost <= chosen.removed, f"{lost} takes were paid for and are not there")


def _half_answers(found: Verdict, folder: Path) -> None:
    """What came of an answer that is audio is kept where nobody knows how it ended, and its place is told."""
    unclear = "WHERE step.state IN ('unknown', 'needs_user')"
    for attempt, error in read(
        folder, f"SELECT attempt_id, task.error FROM step JOIN task ON task.id = step.task_id {unclear}"
    ):
        kept = [one for one in (folder / "data" / "arrived").glob(f"{attempt}.*") if one.stat().st_size]
        told = not kept or any(str(one) in (error or "") for one in kept)
        found.expect(told, f"{kept} is kept, and nobody is told: {error}")


def _place(folder: Path, file: str | None) -> Path:
    """Where a file is that the rows name, which may be where several machines share theirs."""
    key = key_in(file or "")
    return Path(file or folder / "none") if key is None else folder / OBJECTS / key


def _seconds(file: Path) -> float:
    with soundfile.SoundFile(file) as sound:
        return sound.frames / sound.samplerate


def _money(found: Verdict, folder: Path, emulator: Emulator, chosen: Scenario) -> None:
    ledger = emulator.ledger
    paid = any(one["amount"] for one in ledger.submits)
    twice = len(ledger.double_charges()) if paid else 0
    found.charges, found.meant = len(ledger.submits), min(twice, chosen.words)
    found.doubles = twice - found.meant
    found.expect(not found.doubles, f"{found.doubles} double charges")
    found.expect(not emulator.violations, f"undocumented requests: {emulator.violations[:3]}")
    attempts = read(folder, "SELECT remote_id, state, id FROM attempt WHERE step_id IN"
                            " (SELECT id FROM step WHERE provider <> 'local')")  # fmt: skip
    known = {_bare(remote) for remote, _, _ in attempts if remote}
    theirs = {one["task"] for one in ledger.submits}
    disputed = {attempt for (attempt,) in read(folder, "SELECT attempt_id FROM ledger WHERE kind = 'disputed'")}
    open_ones = [one for remote, state, one in attempts if not remote and (state == "unknown" or one in disputed)]
    found.expect(not paid or len(theirs - known) <= len(open_ones), "charges that no attempt of ours explains")
    found.expect(chosen.loses or known <= theirs, "attempts with an id that the provider never gave")
    charged = sum(-one["amount"] if one["kind"] == "refund" else one["amount"] for one in ledger.entries)
    booked = [(amount / PARTS[unit], unit) for amount, unit in read(folder, _BOOKED)] or [(0.0, "")]
    found.expect(len(booked) == 1, f"booked in several units: {booked}")
    told = f"{charged:g} were charged, and only {booked[0][0]:g} {booked[0][1]} booked"
    found.expect(booked[0][0] >= charged - LEAST, told)


def _bare(remote_id: str) -> str:
    """The provider's own part: some of our ids say also where it is asked about."""
    return remote_id.rpartition("|")[2]
