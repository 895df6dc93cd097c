"""A real PostgreSQL server of the tests' own, and a fresh database in it for each test."""

from __future__ import annotations

import asyncio
import atexit
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from .processes import SERVERS_OF_TESTS

PATIENCE = 60.0
_FAST = ("fsync=off", "full_page_writes=off", "max_connections=60", "shared_buffers=32MB", "autovacuum=off")
_UNPRIVILEGED = ("postgres", "nobody")


@cache
def programs() -> Path | None:
    """The folder of `initdb` and `postgres`, newest version first; None where there is none."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: float(one.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    folders = [*installed, *([Path(on_path).resolve().parent] if on_path else [])]
    return next((one for one in folders if (one / "initdb").exists() and (one / "postgres").exists()), None)


class Server:
    """One database server in a temporary folder, which listens on a socket there."""

    def __init__(self, *settings: str) -> None:
        found = programs()
        if found is None:
            pytest.skip("PostgreSQL is not installed (initdb is neither on the PATH nor in /usr/lib/postgresql)")
        self._programs = found
        self._settings = (*_FAST, *settings)
        self.folder = Path(tempfile.mkdtemp(prefix="fermata-pg-"))
        self._process: subprocess.Popen[Any] | None = None
        atexit.register(self.remove)
        if os.geteuid() == 0:
            shutil.chown(self.folder, _somebody().pw_uid, _somebody().pw_gid)
        told = ["-D", str(self.data), "-U", "fermata", "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        subprocess.run([found / "initdb", *told], check=True, stdout=subprocess.DEVNULL, **_as_somebody())

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://fermata@/{database}?host={quote(str(self.folder), safe='')}"

    def start(self) -> None:
        told = [f"-c{setting}" for setting in self._settings]
        listen = ["-c", "listen_addresses=", "-k", str(self.folder)]
        bound = ["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*bound, str(self._programs / "postgres"), "-D", str(self.data), *listen, *told],
                stdout=log, stderr=log, **_as_somebody(),
            )  # fmt: skip
        SERVERS_OF_TESTS.add(self._process.pid)
        _until(self._answers)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            return "ready" in (self.data / "postmaster.pid").read_text()
        except OSError:
            return False

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT: at once, as a power cut would; SIGINT: in order, without waiting for clients."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE)
            self._process = None

    def promote(self) -> None:
        """A standby becomes the primary."""
        told = [self._programs / "pg_ctl", "promote", "-D", str(self.data), "-w"]
        subprocess.run(told, check=True, stdout=subprocess.DEVNULL, **_as_somebody())

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@cache
def _somebody() -> pwd.struct_passwd:
    """Who runs it where the tests run as root, which the server refuses."""
    names = {one.pw_name: one for one in pwd.getpwall()}
    return next(names[name] for name in _UNPRIVILEGED if name in names)


def _as_somebody() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    who = _somebody()
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": [], "cwd": "/"}


def _until(holds: Callable[[], bool]) -> None:
    over = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < over, "the database server does not start"
        time.sleep(0.01)


@cache
def server() -> Server:
    """The server of this test process, for tests that leave it as it is."""
    one = Server()
    one.start()
    return one


class Admin:
    """Runs statements outside of any test's event loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._connection: Any = None

    def run(self, sql: str, *args: Any) -> list[Any]:
        return asyncio.run_coroutine_threadsafe(self._run(sql, *args), self._loop).result(PATIENCE)

    async def _run(self, sql: str, *args: Any) -> list[Any]:
        driver: Any = import_module("asyncpg")
        if self._connection is None or self._connection.is_closed():
            self._connection = await driver.connect(self._url)
        if args:
            return await self._connection.fetch(sql, *args)
        await self._connection.execute(sql)
        return []


@cache
def admin(url: str | None = None) -> Admin:
    """One for each address, for as long as the tests run."""
    return Admin(url or server().url())


_numbers = itertools.count()
# Without the rules of tables, whose order is nobody's business here; many times faster than another database.
_EMPTY = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
SET session_replication_role = replica;
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'fermata_schema' LOOP
    EXECUTE format('DELETE FROM %I', name);
  END LOOP;
END $$;
RESET session_replication_role;
"""


def new_database() -> str:
    """The address of an empty database."""
    name = f"t{next(_numbers)}"
    admin().run(f"CREATE DATABASE {name}")
    return server().url(name)


def fresh_database() -> str:
    """The address of a database of ours without rows; it is the same one each time."""
    url, keeper = _reused()
    keeper.run(_EMPTY)
    return url


@cache
def _reused() -> tuple[str, Admin]:
    import anyio

    from fermata_mcp.store.postgres.store import PostgresStore

    url = new_database()

    async def fill() -> None:
        store = PostgresStore(url)
        await store.open()
        await store.close()

    thread = threading.Thread(target=anyio.run, args=(fill,))
    thread.start()
    thread.join()
    return url, admin(url)
