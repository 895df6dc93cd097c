"""The matrix of clients and hosts: `python -m hosts.run [NAME…] [--write] [--keep FOLDER]`, with `tests` on the path.

Each is run alone, with the offline provider; the impatient ones once more on a paid job of 100 seconds. The exit code
is 1 when one that ran did not complete.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from emulators.base import Emulator
from emulators.paid import named
from emulators.serve import serving
from support.places import GROOVE

from .catalogue import ALL, Client
from .model import model
from .place import Place
from .script import Script
from .table import Row, version_of, write
from .verdict import Verdict, judge
from .wire import overheard

ADDS_SECONDS = 10
PAID_SECONDS = 100.0
PAID_DEADLINE = 400.0
_BY = named("sunoapi")


@dataclass(frozen=True)
class Paid:
    """A paid job of 100 seconds: whether it was found again, and how often it was charged."""

    verdict: Verdict
    charges: int
    violations: tuple[str, ...]

    @property
    def words(self) -> str:
        found = "found" if self.verdict.complete else "not found"
        return f"{found}, charged {self.charges}x{''.join(f'; {one}' for one in self.violations)}"

    @property
    def complete(self) -> bool:
        return self.words == "found, charged 1x"


def run_free(client: Client, folder: Path, settings: Mapping[str, str]) -> Verdict:
    """Lengthen the example with the offline provider."""
    script = Script({"source": str(GROOVE), "add_seconds": ADDS_SECONDS})
    return _run(client, folder, script, settings)


def run_paid(client: Client, folder: Path, more: Mapping[str, str]) -> Paid:
    """The same at an emulator whose work takes 100 seconds of real time."""
    key = "key-of-sunoapi"
    emulator: Emulator = _BY.emulator(key)
    emulator.ready_after_seconds = PAID_SECONDS
    script = Script({**_BY.call, "provider": _BY.name}, pause=2.0)
    with serving(emulator) as url:
        settings = {"SUNOAPI_API_KEY": key, "SUNOAPI_BASE_URL": url, "SUNOAPI_UPLOAD_URL": url, **more}
        verdict = _run(client, folder, script, settings, PAID_DEADLINE)
    return Paid(verdict, len(emulator.ledger.submits), tuple(emulator.violations))


def _run(client: Client, folder: Path, script: Script, settings: Mapping[str, str], deadline: float = 150.0) -> Verdict:
    with model(script) as url:
        place = Place(folder, url, script.arguments, settings, deadline)
        place.notes.mkdir(parents=True)
        ended = client.run(place)
    place.write("model.json", [asdict(talk) for talk in script.seen])
    return judge(overheard(place.notes), script.longest, place.music, ended, modelled=client.modelled)


def row(client: Client, folder: Path, settings: Mapping[str, str]) -> Row:
    """Run one with these settings of the server, or say why it is not run."""
    version = version_of(client)
    if client.not_run or not version:
        return Row(client.name, version, client.not_run or "not installed")
    free = run_free(client, folder / "free", settings)
    paid = run_paid(client, folder / "paid", settings) if client.impatient else None
    return Row(
        client.name, version, "", free, paid.words if paid else "-", free.complete and (not paid or paid.complete)
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="hosts.run", description="Run clients and hosts, and print what each did.")
    parser.add_argument("names", nargs="*", help="beginnings of names; all where none is given")
    parser.add_argument("--write", action="store_true", help="write the matrix into docs/clients.md")
    parser.add_argument("--keep", type=Path, help="a folder for what each said, instead of one that goes")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the server")
    parser.add_argument("--paid", action="store_true", help="the paid job for those that are patient, too")
    asked = parser.parse_args()
    settings = dict(one.split("=", 1) for one in asked.set)
    chosen = [one for one in ALL if not asked.names or one.name.lower().startswith(tuple(map(str.lower, asked.names)))]
    with tempfile.TemporaryDirectory() as passing:
        rows = _rows(chosen, (asked.keep or Path(passing)).resolve(), settings, asked.paid)
    if asked.write:
        write(rows)
    return 0 if all(one.complete for one in rows if one.verdict) else 1


def _rows(chosen: Sequence[Client], folder: Path, settings: Mapping[str, str], paid: bool) -> list[Row]:
    rows: list[Row] = []
    for number, client in enumerate(chosen):
        wanted = replace(client, impatient=client.impatient or paid)
        rows.append(row(wanted, folder / f"{number:02}", settings))
        print(rows[-1].line, flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
