"""The matrix as a table, on the screen and between the markers of `docs/clients.md`."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from e2e.node_tools import MODULES as E2E_MODULES
from fermata_mcp import __version__

from .catalogue import E2E, NODE, Client
from .place import INSTALLED, MODULES, ROOT
from .verdict import Verdict

PAGE = ROOT / "docs" / "clients.md"
BEGIN, END = "<!-- matrix -->", "<!-- /matrix -->"
COLUMNS = (
    "client", "version", "calls itself", "protocol", "tools", "extend", "follow", "list", "read", "progress",
    "its model sees", "file's path", "paid job of 100 s", "ended",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One client, with its verdict or the reason why there is none."""

    name: str
    version: str
    not_run: str
    verdict: Verdict | None = None
    paid: str = "-"
    complete: bool = False

    @property
    def line(self) -> str:
        return f"| {' | '.join(self._cells())} |"

    def _cells(self) -> list[str]:
        one = self.verdict
        if one is None:
            return [self.name, self.version or "-", *["-"] * 11, f"not run: {self.not_run}"]
        path = {None: "-", True: "seen", False: "**not seen**"}[one.path_seen]
        steps = [one.extend, one.follow, one.listed, one.read, one.progress, one.model_sees, path]
        return [
            self.name, self.version, one.calls_itself or "-", one.protocol, str(one.tools), *steps, self.paid,
            one.ended or "well",
        ]  # fmt: skip


def version_of(client: Client) -> str:
    """Of what is installed; empty where it is not."""
    if client.environment in (NODE, E2E):
        package = {NODE: MODULES, E2E: E2E_MODULES}[client.environment] / client.distribution / "package.json"
        return json.loads(package.read_text())["version"] if package.is_file() else ""
    python = sys.executable if client.environment is None else str(INSTALLED / client.environment / "bin" / "python")
    code = f"from importlib.metadata import version; print(version({client.distribution!r}))"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def table(rows: Sequence[Row]) -> str:
    head = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"
    return "\n".join([head, *(row.line for row in rows)])


def write(rows: Sequence[Row]) -> None:
    """Put the matrix into its page, with the date and our version."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    said = f"Run on {today} with Fermata {__version__}."
    PAGE.write_text(f"{before}{BEGIN}\n{said}\n\n{table(rows)}\n{END}{after}", "utf-8")
