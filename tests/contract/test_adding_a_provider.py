"""`docs/adding-a-provider.md`, followed word by word: in a copy of this repository, and as a package of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.accounts import OURS
from support.places import REPOSITORY

pytestmark = pytest.mark.timeout(600)
PAGE = (REPOSITORY / "docs" / "adding-a-provider.md").read_text("utf-8")
SERVE = """
import sys, threading
from emulators.serve import serving
from emulators.toy import Toy
far = Toy()
with serving(far) as url:
    print(url, flush=True)
    sys.stdin.read()
print(len(far.ledger.submits), far.violations)
"""


def blocks(kind: str) -> list[tuple[str, str]]:
    """What follows the language in the first line of a fenced block, and the block, where it begins with `kind`."""
    found = re.findall(r"^```\w+ ([^\n]+)\n(.*?)^```$", PAGE, re.M | re.S)
    return [(head, body) for head, body in found if head.startswith(kind)]


def run(command: list[str], folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(command, cwd=folder, env=kept | environ, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with the page's files and its line in it."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("server", "tests", "docs", "examples"):
        shutil.copytree(REPOSITORY / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(REPOSITORY / name, root / name)
    for head, body in blocks("file="):
        if head.endswith(".py"):
            (root / head.removeprefix("file=")).write_text(body, "utf-8")
    [(head, line)] = blocks("line=")
    name, _, before = head.removeprefix("line=").partition(" before=")
    listed = (root / name).read_text("utf-8")
    assert listed.count(f"    {before}") == 1
    (root / name).write_text(listed.replace(f"    {before}", f"{line}    {before}"), "utf-8")
    return root


def test_the_pages_commands_are_green_in_a_copy(copy: Path) -> None:
    """Among them the whole contract suite for the new adapter."""
    [(_, commands)] = blocks("run")
    paths = os.pathsep.join(str(copy / name) for name in ("server", "tests"))
    told = ""
    for command in commands.strip().splitlines():
        python, *arguments = command.split()
        assert python == "python"
        done = run([sys.executable, *arguments], copy, PYTHONPATH=paths)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        told += done.stdout
    tested = re.search(r"(\d+) passed", told)
    assert tested
    assert int(tested[1]) > 250
    assert "`TOY_BASE_URL` | `https://api.toymusic.example`" in (copy / "docs" / "settings.md").read_text("utf-8")
    assert "| `toy` |" in (copy / "docs" / "providers.md").read_text("utf-8")


def test_an_extension_on_its_emulator_from_a_package_of_its_own(copy: Path, tmp_path: Path) -> None:
    """Installed by nothing but its entry point; its key and address are read, and one request is paid."""
    site = tmp_path / "site"
    environ = {"PYTHONPATH": os.pathsep.join((str(site), str(REPOSITORY / "server"))), **_homes(tmp_path)}
    _install(site, copy)
    [(_, extend)] = blocks("extend")
    settings, _, command = extend.strip().partition(" fermata-mcp ")
    paths = os.pathsep.join((str(copy / "tests"), str(copy / "server")))
    serving = [sys.executable, "-c", SERVE]
    with subprocess.Popen(
        serving, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": paths}
    ) as far:
        assert far.stdout
        port = far.stdout.readline().strip().rpartition(":")[2]
        named = dict(pair.split("=", 1) for pair in settings.replace("PORT", port).split())
        done = run([sys.executable, "-m", "fermata_mcp", *command.split(), "--json"], tmp_path, **environ, **named)
        told, _ = far.communicate()
    assert done.returncode == 0, done.stdout + done.stderr
    view = json.loads(done.stdout)
    assert (view["provider"], view["status"], view["credits"]["charged"]) == ("toy", "succeeded", 10)
    assert Path(view["audio"]["file"]).stat().st_size > 1000
    assert told.strip() == "1 []"
    wrong = run([sys.executable, "-m", "fermata_mcp", "tasks"], tmp_path, **environ, TOY_BASE_URL="toymusic.example")
    assert wrong.returncode == 2
    assert "TOY_BASE_URL must begin with http" in wrong.stderr


def _homes(folder: Path) -> Mapping[str, str]:
    data, music = str(folder / "data"), str(folder / "music")
    return {"FERMATA_DATA_DIR": data, "FERMATA_OUTPUT_DIR": music, "FERMATA_TIME_SCALE": "0.01"}


def _install(site: Path, copy: Path) -> None:
    """What installing the package leaves behind: its module, and the entry point of the page."""
    about = site / "fermata_toy-0.1.dist-info"
    about.mkdir(parents=True)
    shutil.copy(copy / "server" / "fermata_mcp" / "providers" / "toy.py", site / "fermata_toy.py")
    [entry] = [body for head, body in blocks("file=") if head.endswith("pyproject.toml")]
    line = entry.replace('[project.entry-points."fermata_mcp.providers"]', "[fermata_mcp.providers]").replace('"', "")
    (about / "entry_points.txt").write_text(line, "utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: fermata-toy\nVersion: 0.1\n", "utf-8")
