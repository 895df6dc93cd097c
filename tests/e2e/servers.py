"""The server as real processes, the way a host or an operator starts it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import wave
from array import array
from collections.abc import Generator, Sequence
from math import pi, sin
from pathlib import Path

from support.accounts import OURS
from support.places import GROOVE, TESTS

STDIO = [sys.executable, "-m", "fermata_mcp"]
EXAMPLE = GROOVE
START = 180.0  # seconds until a server counts as hung
STOP = 180.0


def environment(folder: Path) -> dict[str, str]:
    """This process's environment with every setting of ours removed and all files under `folder`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {
        **kept,
        "FERMATA_DATA_DIR": str(folder / "data"),
        "FERMATA_OUTPUT_DIR": str(folder / "music"),
    }


def http_environment(folder: Path) -> dict[str, str]:
    """Over HTTP a server reads no local file unless the operator names the folders."""
    return {**environment(folder), "FERMATA_INPUT_ROOTS": os.pathsep.join([str(EXAMPLE.parent), str(folder)])}


def music(folder: Path) -> Path:
    """A wav file of some seconds: the example, or a plain beat where the example is absent."""
    return EXAMPLE if EXAMPLE.is_file() else write_beat(folder / "beat.wav")


def write_beat(path: Path, seconds: float = 8.0, rate: int = 22050) -> Path:
    """Two short tones a second, mono, 16 bit."""
    every = rate // 2
    samples = array("h", (round(20000 * sin(2 * pi * 220 * i / rate) * (1 - i / every) ** 4) for i in range(every)))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes() * round(2 * seconds))
    return path


def duration(path: Path) -> float:
    """Seconds in a wav file."""
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=START) as response:
            return response.status == 200
    except (OSError, urllib.error.URLError):
        return False


def wait_until_up(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return when the address answers; fail when the process ends or takes too long."""
    deadline = time.monotonic() + START
    while not answers(url):
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(timeout=0.1)
            raise AssertionError(f"the server ended with code {code} before it was up:\n{log.read_text()}")
        assert time.monotonic() < deadline, f"nothing answered at {url} within {START} s:\n{log.read_text()}"


@contextlib.contextmanager
def running(command: Sequence[str | Path], folder: Path, **settings: str) -> Generator[subprocess.Popen[bytes]]:
    """A server process with its files and its log in `folder`, told to stop at the end; `settings` beside the usual."""
    with (
        log_of(folder).open("wb") as log,
        subprocess.Popen(
            command,
            env=http_environment(folder) | settings,
            cwd=TESTS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        try:
            yield process
        finally:
            stop(process)


def log_of(folder: Path) -> Path:
    return folder / "server.log"


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=STOP)
    except subprocess.TimeoutExpired:
        process.kill()


@contextlib.contextmanager
def http_server(folder: Path, **settings: str) -> Generator[str]:
    """`fermata-mcp serve --transport http` on a free loopback port; yields the base address."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with running([*STDIO, "serve", "--transport", "http", "--port", str(port)], folder, **settings) as process:
        wait_until_up(process, f"{base}/healthz", log_of(folder))
        yield base


@contextlib.contextmanager
def announced_server(command: Sequence[str | Path], folder: Path) -> Generator[str]:
    """A server that prints its address as its first line once it can take connections; yields the address."""
    with running(command, folder) as process:
        assert process.stdout is not None
        address = process.stdout.readline().decode().strip()
        assert address.startswith("http://"), log_of(folder).read_text()
        yield address
