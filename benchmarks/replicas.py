"""Servers for benchmarks: replicas on a PostgreSQL of their own, or one server on its SQLite file."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from talk import TESTS

sys.path[:0] = [str(TESTS), str(Path(__file__).parents[1] / "deploy")]

from cluster import Cluster, running  # noqa: E402

from support.processes import Home, http_server  # noqa: E402

EXAMPLES = Path(__file__).parents[1] / "examples"
TRACK = EXAMPLES / "groove.wav"


@dataclass(frozen=True)
class Replica:
    base: str
    pid: int
    store: str = ""

    @property
    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return 1024 * int(status.partition("VmRSS:")[2].split()[0])


@contextmanager
def replicas(count: int, workers: int = 0, **settings: str) -> Generator[list[Replica]]:
    """Servers on one PostgreSQL, whose renders only the workers do."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # the database runs as somebody else
        cluster = Cluster(Path(folder) / "cluster", count, workers, 0, **_ours(settings))
        with running(cluster):
            pids = [part.process.pid for part in cluster.servers if part.process]
            store = f"postgresql://fermata@/postgres?host={quote(str(cluster.folder / 'postgres'), safe='')}"
            yield [Replica(base, pid, store) for base, pid in zip(cluster.bases, pids, strict=True)]


@contextmanager
def on_sqlite(**settings: str) -> Generator[list[Replica]]:
    """One server, whose renders nobody does."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        settings = {"FERMATA_RENDERS_AT_ONCE": "0"} | settings
        with http_server(Home(Path(folder)), **_ours(settings)) as served:
            yield [Replica(served.base, served.process.pid)]


def _ours(settings: dict[str, str]) -> dict[str, str]:
    return {"FERMATA_INPUT_ROOTS": str(EXAMPLES), "FERMATA_LOG_LEVEL": "error"} | settings
