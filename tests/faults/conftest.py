"""Circumstances that go wrong, for real."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from support.processes import SERVER

# Root reads and writes whatever it likes; without these two rights file modes bind it too.
BOUND = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--")


@pytest.fixture
def bound_server() -> tuple[str, ...]:
    """The command of a server that file modes bind."""
    if os.geteuid() != 0:
        return SERVER
    try:
        subprocess.run([*BOUND, *SERVER, "--version"], check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("file modes do not bind root, and it cannot lay down its rights here")
    return (*BOUND, *SERVER)


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """A disk of 512 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk], check=True, capture_output=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        pytest.skip("a small disk cannot be mounted here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True, timeout=30)
