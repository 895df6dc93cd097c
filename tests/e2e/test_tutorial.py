"""The tutorial for five people, typed as it stands in an empty folder, with a client that shares no disk with it."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.test_docs import SHELL, TUTORIAL, blocks_in
from emulators.paid import named
from support.accounts import OURS
from support.paid import market
from support.places import GROOVE, REPOSITORY
from support.postgres import programs
from support.processes import PATIENCE

NEEDED = ("haproxy", "curl", "git", "tar", "pg_dump", "bash")
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), "/usr/sbin"])
missing = [name for name in NEEDED if shutil.which(name, path=PATH) is None]
pytestmark = [
    pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed"),
    pytest.mark.skipif(bool(missing), reason=f"the tutorial needs {', '.join(missing)}"),
    pytest.mark.skipif(sys.platform != "linux", reason="the tutorial is for Linux"),
]
SONG = GROOVE.with_suffix(".flac")


@dataclass(frozen=True)
class Away:
    """Another machine: `prefix` goes before its commands, `address` is where it finds the server."""

    folder: Path
    address: str
    prefix: tuple[str, ...]

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {"PATH": PATH, "HOME": str(self.folder)} | environment
        return subprocess.run(
            [*self.prefix, *command], cwd=self.folder, env=given, capture_output=True, text=True,
            check=False, timeout=2 * PATIENCE,
        )  # fmt: skip

    def fields(self, token: str, server: str, *asked: str) -> list[str]:
        done = self.run(sys.executable, "ask.py", *asked, TOKEN=token, SERVER=server)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


def ip(*arguments: str) -> bool:
    return subprocess.run(["ip", *arguments], capture_output=True, check=False).returncode == 0


@contextmanager
def another_network() -> Generator[tuple[str, str] | None]:
    """A namespace's name and our address as it sees it; None where we may not make one."""
    name = f"fm{uuid.uuid4().hex[:8]}"
    if os.geteuid() != 0 or shutil.which("ip") is None or not ip("netns", "add", name):
        yield None
        return
    third = os.getpid() % 250
    ours, theirs = f"10.213.{third}.1", f"10.213.{third}.2"
    try:
        joined = (
            ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
            and ip("addr", "add", f"{ours}/30", "dev", f"{name}a")
            and ip("link", "set", f"{name}a", "up")
            and ip("-n", name, "addr", "add", f"{theirs}/30", "dev", f"{name}b")
            and ip("-n", name, "link", "set", f"{name}b", "up")
        )
        yield (name, ours) if joined else None
    finally:
        ip("link", "del", f"{name}a")
        ip("netns", "del", name)


@contextmanager
def away(servers_folder: Path, folder: Path) -> Generator[Away]:
    """In a namespace the folder of the server is hidden, too: what is there is an empty file system."""
    with another_network() as network:
        if network is None:
            yield Away(folder, "127.0.0.1", ())
            return
        hidden = ("sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(servers_folder))
        yield Away(folder, network[1], ("ip", "netns", "exec", network[0], *hidden))


class Typed:
    """One shell, into which the page is typed."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._log = (folder.parent / "typed.log").open("w+")
        self._shell = subprocess.Popen(
            ["bash"], cwd=folder, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log, text=True, start_new_session=True,
        )  # fmt: skip
        self._numbers = itertools.count()
        self.type("set -euo pipefail")

    def type(self, text: str) -> str:
        """What it prints, once it is done."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        mark, said = f"-- done {next(self._numbers)} --", ""
        self._shell.stdin.write(f"{text}\necho; echo '{mark}'\n")
        self._shell.stdin.flush()
        for line in self._shell.stdout:
            if line.strip() == mark:
                return said
            said += line
        self._log.seek(0)
        raise AssertionError(f"{text}\n{said}\n{self._log.read()[-3000:]}")

    def end(self) -> None:
        """Whatever it began goes with it, where a step failed."""
        if self._shell.poll() is None:
            os.killpg(self._shell.pid, signal.SIGTERM)
        self._shell.communicate(timeout=PATIENCE)
        self._log.close()


def free_ports(count: int) -> list[str]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports


def parts(address: str, ports: Sequence[str]) -> dict[str, list[str]]:
    """The commands of the page by its headings, with our address and ports."""
    page = TUTORIAL.read_text()
    for written, ours in zip(("192.168.1.20", "8321", "8322"), (address, *ports), strict=True):
        page = page.replace(written, ours)
    found = dict[str, list[str]]()
    for section in re.split(r"^## ", page, flags=re.M):
        typed = [one.text for one in blocks_in(section, TUTORIAL) if one.kind in SHELL and not one.why_not]
        found[section.partition("\n")[0]] = typed
    return found


@pytest.fixture
def folders() -> Generator[Path]:
    """Where another user may enter, since the database is run by one."""
    with tempfile.TemporaryDirectory(prefix="fermata-tutorial-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_the_tutorial_to_the_letter(folders: Path) -> None:
    here, there = folders / "here", folders / "there"
    here.mkdir()
    there.mkdir()
    (here / "fermata").symlink_to(REPOSITORY)
    shutil.copy(SONG, there)
    paid = named("sunoapi")
    with market(folders / "market", paid) as shop, away(here, there) as client:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        shell = Typed(here, kept | dict(shop.settings) | {"PATH": PATH, "HOME": str(folders)})
        ports = free_ports(2)
        page = parts(client.address, ports)
        server = f"http://{client.address}:{ports[1]}"
        try:
            said = {name: "".join(map(shell.type, page[name])) for name in list(page)[:-5]}
            assert "401" in said["Five tokens"]
            assert '{"status":"ready"}' in said["The others' machines"]
            assert (here / "beginning.bin").read_bytes() == (here / "longer.flac").read_bytes()[:100]
            shutil.copy(here / "ask.py", there)
            anna, bert, emil = ((here / "tokens" / name).read_text().strip() for name in ("anna", "bert", "emil"))
            goes_up_longer_and_down(client, anna, server)
            said |= {"What it may cost": "".join(map(shell.type, page["What it may cost"]))}
            assert "As it should be." in said["What it may cost"]
            is_over_budget(client, emil, server)
            assert shop.of(paid).ledger.submits == []
            shop.check()
            client.fields(bert, server, "list_tasks", "{}")
            shell.type("".join(page["Somebody leaves"]))
            refused = client.run(sys.executable, "ask.py", "list_tasks", "{}", TOKEN=bert, SERVER=server)
            assert refused.returncode != 0
            assert 'fermata_tasks{state="succeeded"}' in "".join(map(shell.type, page["Is it well?"]))
            for name in ("Copies", "The end"):
                shell.type("".join(page[name]))
        finally:
            shell.end()
    if not client.prefix:
        pytest.skip("all of it went well, but from this network: no namespace can be made here (it takes root and ip)")


def uploaded(client: Away, token: str, server: str) -> str:
    asked = f'{{"name": "{SONG.name}", "size": {SONG.stat().st_size}}}'
    upload, put_url = client.fields(token, server, "upload_track", asked, "upload", "put_url")
    put = client.run("curl", "-sf", "-T", SONG.name, put_url)
    assert put.returncode == 0, put.stderr
    return upload


def goes_up_longer_and_down(client: Away, token: str, server: str) -> None:
    source = uploaded(client, token, server)
    asked = f'{{"source": "{source}", "provider": "local", "add_seconds": 6, "wait_seconds": 0}}'
    [task] = client.fields(token, server, "extend_track", asked, "task_id")
    waits = f'{{"task_id": "{task}", "wait_seconds": 120}}'
    [link] = client.fields(token, server, "get_task", waits, "audio.url")
    for saved, options in {"all.flac": (), "part.bin": ("-r", "10-29")}.items():
        assert client.run("curl", "-sf", *options, "-o", saved, link).returncode == 0
    whole = (client.folder / "all.flac").read_bytes()
    assert whole[:4] == b"fLaC"
    assert (client.folder / "part.bin").read_bytes() == whole[10:30]


def is_over_budget(client: Away, token: str, server: str) -> None:
    asked = f'{{"source": "{uploaded(client, token, server)}", "provider": "sunoapi", "take": 2}}'
    refused = client.run(sys.executable, "ask.py", "extend_track", asked, TOKEN=token, SERVER=server)
    assert refused.returncode == 1
    assert refused.stderr.startswith("over_budget: "), refused.stderr
