"""A whole server for a team on this machine, without containers: one process tree that ends cleanly.

    python deploy/cluster.py FOLDER [--replicas 2] [--workers 2] [--port 8321]

Starts PostgreSQL (from `initdb` and `postgres` on this machine) in FOLDER, so many servers and workers on it, and
HAProxy in front of the servers; each process that ends is started again. What is set in the environment goes before:
FERMATA_STORE_URL for a database of your own, FERMATA_OUTPUT_URL for an object store; without that, audio is in
FOLDER/music. Without HAProxy the servers are told one by one. It is for trying things out and for tests: `compose.yaml`
and `docs/server.md` are for the rest.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

PATIENCE = 60.0
LEAVE_SECONDS = 10.0
LOOK_SECONDS = 0.2
FERMATA = (sys.executable, "-m", "fermata_mcp")
PROXY = """
defaults
  mode http
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  option redispatch
  retries 2
frontend fermata
  bind 127.0.0.1:{port}
  default_backend servers
backend servers
  option httpchk GET /readyz
  # What was not sent yet may go to the other; nothing is sent twice.
  retry-on conn-failure
{servers}
"""


@dataclass
class Part:
    """One process of the tree, started again when it ends."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    as_user: Mapping[str, Any] = field(default_factory=dict[str, Any])
    leave: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[Any] | None = None

    def start(self) -> None:
        tied = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*tied, *self.command],
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self.as_user,
            )

    def kill(self) -> None:
        """As a machine that fails would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.leave)

    def gone(self, deadline: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()


class Cluster:
    """See the top of the file. `bases` are the addresses of the servers; `address` is the proxy's, if there is one."""

    def __init__(
        self,
        folder: Path,
        replicas: int,
        workers: int,
        port: int = 0,
        command: Sequence[str] = FERMATA,
        **settings: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.stopping = folder, False
        ports = [free_port() for _ in range(replicas)]
        self.bases = [f"http://127.0.0.1:{one}" for one in ports]
        self._env = self._environment(settings)
        self.database = None if "FERMATA_STORE_URL" in self._env else self._postgres()
        http = (*command, "serve", "--transport", "http", "--port")
        self.servers = [self._part(f"server-{one}", (*http, str(one)), FERMATA_RENDERS_AT_ONCE="0") for one in ports]
        self.workers = [
            self._part(f"worker-{n}", (*command, "work"), FERMATA_RENDERS_AT_ONCE="1") for n in range(workers)
        ]
        self.proxy = self._proxy(port or free_port(), ports)

    @property
    def parts(self) -> list[Part]:
        """In the order in which they are started."""
        return [one for one in (self.database, *self.servers, *self.workers, self.proxy) if one is not None]

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        ours = {
            "FERMATA_DATA_DIR": str(self.folder / "data"),
            "FERMATA_OUTPUT_DIR": str(self.folder / "music"),
            "FERMATA_STATELESS": "1",
        }
        return {**ours, **os.environ, **settings}

    def _part(self, name: str, command: Sequence[str], **more: str) -> Part:
        return Part(
            name, command, {**more, **self._env} if name.startswith("worker") else self._env | more, self._log(name)
        )

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _postgres(self) -> Part:
        programs, data, who = postgres_programs(), self.folder / "postgres", _unprivileged()
        self._env["FERMATA_STORE_URL"] = f"postgresql://fermata@/postgres?host={quote(str(data), safe='')}"
        if not (data / "PG_VERSION").exists():
            data.mkdir(exist_ok=True)
            if who:
                shutil.chown(data, who["user"], who["group"])
            told = ["-D", str(data), "-U", "fermata", "--auth=trust", "-E", "UTF8", "--no-locale"]
            subprocess.run([programs / "initdb", *told], check=True, stdout=subprocess.DEVNULL, cwd="/", **who)
        (data / "postmaster.pid").unlink(missing_ok=True)
        command = [str(programs / "postgres"), "-D", str(data), "-c", "listen_addresses=", "-k", str(data)]
        return Part("postgres", command, dict(os.environ), self._log("postgres"), {"cwd": "/", **who}, signal.SIGINT)

    def _proxy(self, port: int, ports: Sequence[int]) -> Part | None:
        program = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        self.address = f"http://127.0.0.1:{port}" if program else self.bases[0]
        if program is None:
            return None
        servers = "\n".join(f"  server s{one} 127.0.0.1:{one} check inter 1s fall 1 rise 1" for one in ports)
        config = self.folder / "haproxy.cfg"
        config.write_text(PROXY.format(port=port, servers=servers))
        return Part("haproxy", [program, "-db", "-f", str(config)], dict(os.environ), self._log("haproxy"))

    def start(self) -> None:
        """Return when every server is ready."""
        if self.database is not None:
            self.database.start()
            until(self._database_answers, "the database", self.database.log)
        for part in (*self.servers, *self.workers):
            part.start()
        for base, part in zip(self.bases, self.servers, strict=True):
            until(lambda base=base: answers(f"{base}/readyz"), part.name, part.log)
        if self.proxy is not None:
            self.proxy.start()
            until(lambda: answers(f"{self.address}/healthz"), "the proxy", self.proxy.log)

    def _database_answers(self) -> bool:
        with suppress(OSError):
            return "ready" in (self.folder / "postgres" / "postmaster.pid").read_text()
        return False

    def look_after(self) -> None:
        """Start what has ended again."""
        for part in self.parts:
            if not self.stopping and part.process is not None and part.process.poll() is not None:
                part.start()

    def stop(self) -> None:
        """The database last, so that all work is handed over."""
        self.stopping = True
        others = [part for part in self.parts if part is not self.database]
        for group in (others, [self.database] if self.database else []):
            for part in group:
                part.stop()
            deadline = time.monotonic() + LEAVE_SECONDS
            for part in group:
                part.gone(deadline)


@contextmanager
def running(cluster: Cluster) -> Generator[Cluster]:
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def postgres_programs() -> Path:
    """The folder of `initdb` and `postgres`, newest version first."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: float(one.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    for folder in [*installed, *([Path(on_path).resolve().parent] if on_path else [])]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise SystemExit("PostgreSQL is not installed. Next: install it, or set FERMATA_STORE_URL to a database of yours.")


def _unprivileged() -> dict[str, Any]:
    """Who runs the database where we are root, which it refuses."""
    if os.geteuid() != 0:
        return {}
    names = {one.pw_name: one for one in pwd.getpwall()}
    who = names.get("postgres") or names["nobody"]
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return bool(answer.status == 200)
    return False


def until(holds: Callable[[], bool], what: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} does not start:\n{log.read_text()[-2000:]}")
        time.sleep(LOOK_SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--port", type=int, default=8321)
    given = parser.parse_args()
    left = list[int]()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: left.append(number))
    cluster = Cluster(given.folder.resolve(), given.replicas, given.workers, given.port)
    with running(cluster):
        behind = ", ".join(cluster.bases)
        told = (
            f"{cluster.address}/mcp, in front of {behind}"
            if cluster.proxy
            else f"no HAProxy here; the servers are {behind}"
        )
        print(f"Fermata: {told}", flush=True)  # noqa: T201
        while not left:
            time.sleep(LOOK_SECONDS)
            cluster.look_after()


if __name__ == "__main__":
    main()
