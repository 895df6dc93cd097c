"""Every block of commands in the pages works as it is written, in a fresh clone after the quick start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.places import REPOSITORY

PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")])
BLOCK = re.compile(r"(?:<!-- not run: (?P<why>[^>]+) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)^```", re.M | re.S)
TUTORIAL = REPOSITORY / "docs" / "tutorial-server.md"  # carried out in test_tutorial.py, in an empty folder
SHELL = ("sh", "bash", "shell", "console")
SECOND_COMMAND = '-m pytest -q -n auto -m "not slow"'


@dataclass(frozen=True)
class Block:
    page: Path
    kind: str
    text: str
    why_not: str | None


def blocks(page: Path) -> list[Block]:
    return blocks_in(page.read_text(), page)


def blocks_in(text: str, page: Path) -> list[Block]:
    return [Block(page, one["kind"], one["text"], one["why"]) for one in BLOCK.finditer(text)]


def script(page: Path) -> str:
    """What a reader who follows the page types, in one shell."""
    return "\n".join(one.text for one in blocks(page) if one.kind in SHELL and not one.why_not)


def test_commands_are_marked_as_such() -> None:
    """Else nobody would run them here."""
    commands = re.compile(r"^(\$ )?(python3?|pip|pytest|make|fermata-mcp|\.venv/bin/|\.ci/run)\b", re.M)
    unmarked = [one for page in PAGES for one in blocks(page) if not one.kind and commands.search(one.text)]
    assert unmarked == []


def test_the_readme_tells_people_to_run_what_the_checks_run() -> None:
    assert SECOND_COMMAND in (REPOSITORY / "README.md").read_text()
    assert SECOND_COMMAND.replace("auto", '"$workers"') in (REPOSITORY / ".ci" / "run").read_text()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is here, as a clone would have it, and the README's first command carried out in it."""
    folder = tmp_path_factory.mktemp("clone") / "fermata"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("this is no clone of the repository")
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    first = blocks(folder / "README.md")[0]
    done = typed(folder, first.text)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Joins: " in done.stdout, "what the README shows of it"
    return folder


def typed(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """A person's shell, with a home of their own."""
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FERMATA_", "PYTEST_"))}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], cwd=folder, env=environment | {"HOME": str(home)},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "page", [page for page in PAGES if script(page) and page != TUTORIAL], ids=lambda page: page.name
)
def test_commands_work_as_they_are_written(page: Path, clone: Path) -> None:
    done = typed(clone, script(page))
    assert done.returncode == 0, done.stdout[-3000:]
