"""The server as real processes: started, spoken to, limited, stopped and killed the way hosts and operators do.

Every wait here is bounded, so that a hung server fails its test.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import wave
from array import array
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import anyio
import pytest
import soundfile
from mcp.client import Client
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import CallToolResult, TextContent

from .accounts import OURS

SERVER = (sys.executable, "-m", "fermata_mcp")
ERAS = ("legacy", "auto")  # the handshake of old, and discovery with its fall-back
PATIENCE = 180.0  # seconds until a server counts as hung; nothing that works takes a fiftieth of it
# Promises of time are kept to the second only where they are measured, on a machine that does nothing else.
MEASURED = os.environ.get("FERMATA_TEST_TIMES") == "1"
RATE = 8000
HELD_SECONDS, HELD_ADD = 20.0, 40.0
LOST_LEASE_SECONDS = 131  # after this much, everything that a killed process held is free

HELD = Path(__file__).with_name("held")
_T = TypeVar("_T")
Message = dict[str, Any]
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")


# --- folders and audio ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Home:
    """The folders of one Fermata, and the environment that names them."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def music(self) -> Path:
        return self.root / "music"

    @property
    def log(self) -> Path:
        return self.root / "server.log"

    def environment(self, **settings: str) -> dict[str, str]:
        """This process's environment without any setting of ours, then the given ones."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        path = os.pathsep.join(filter(None, (str(HELD), kept.get("PYTHONPATH"))))
        ours = {"FERMATA_DATA_DIR": str(self.data), "FERMATA_OUTPUT_DIR": str(self.music), "PYTHONPATH": path}
        ours |= {"FERMATA_WAIT_SECONDS": str(PATIENCE)}  # a busy machine takes its time
        return {**kept, **ours, **settings}

    def leftovers(self) -> list[str]:
        """Names of half-written files among the finished ones."""
        files = self.music.iterdir() if self.music.is_dir() else ()
        return [file.name for file in files if file.name.startswith(".") or ".part" in file.name]


def write_beat(path: Path, seconds: float = 6.0, rate: int = RATE, channels: int = 1) -> Path:
    """A wav file with two decaying tones a second."""
    every = rate // 2
    levels = (2e4 * (1 - n / every) ** 4 * math.sin(2 * math.pi * 220 * n / rate) for n in range(every))
    beat = array("h", (level for value in levels for level in [round(value)] * channels))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((beat * math.ceil(2 * seconds))[: round(seconds * rate) * channels].tobytes())
    return path


def write_music(path: Path, seconds: float = 6.0, rate: int = RATE, channels: int = 1) -> Path:
    """The same beat in the format that the file's ending names."""
    plain = write_beat(path.with_suffix(".wav"), seconds, rate, channels)
    if path != plain:
        with soundfile.SoundFile(plain) as given, soundfile.SoundFile(path, "w", rate, channels) as out:
            while len(block := given.read(rate, "float32")):
                out.write(block)
        plain.unlink()
    return path


def held_call(folder: Path, **more: Any) -> Message:
    """Arguments of an `extend_track` whose worker stands still once some of its audio is on the disk.

    It goes on when it is `let_go`. See `held/sitecustomize.py`.
    """
    source = folder / "held.ogg"
    folder.mkdir(exist_ok=True)
    if not source.exists():
        source.write_bytes(_held_music())
    return {"source": str(source), "add_seconds": HELD_ADD, **more}


def let_go(arguments: Message) -> None:
    """Let the workers of such calls go on, those to come too."""
    Path(arguments["source"]).with_suffix(".go").touch()


@cache
def _held_music() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_music(Path(folder) / "held.ogg", HELD_SECONDS, 44100, 2).read_bytes()


def seconds_of(audio: Path | bytes) -> float:
    """Length of a sound file, decoded to its end."""
    with soundfile.SoundFile(io.BytesIO(audio) if isinstance(audio, bytes) else audio) as file:
        frames = 0
        while len(block := file.read(1 << 16, "float32")):
            frames += len(block)
        return frames / file.samplerate


# --- waiting and looking ----------------------------------------------------------------------------------------------


def wait_until(look: Callable[[], _T | None], what: str, seconds: float = PATIENCE) -> _T:
    """What `look` finds, as soon as it finds something that counts as true."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.005)
    return found


@contextmanager
def within(seconds: float, what: str) -> Generator[None]:
    """Fail if the block takes longer, where times are measured; elsewhere it must just come to its end by itself.

    Whatever could hold it up does so for longer than `PATIENCE`, so that no test passes for being slow.
    """
    start = time.monotonic()
    yield
    took = time.monotonic() - start
    assert took <= (seconds if MEASURED else PATIENCE), f"{what} took {took:.2f} s, at most {seconds} s are promised"


def view(result: CallToolResult) -> Message:
    """The structured part of a result."""
    assert result.structured_content is not None, text(result)
    return result.structured_content


def text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


# Databases and the like that tests have started for themselves, which outlive a test.
SERVERS_OF_TESTS = set[int]()


def workers_of(pid: int) -> list[int]:
    """The workers of `local` that a process has started and that still run; what looks at files is none of them."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            command = (stat.parent / "cmdline").read_bytes()
            # Between fork and exec, and where a test puts another program in its place, it has no name of its own yet.
            if int(parent) == pid and state != "Z" and b"fermata_mcp.media.decoding.process" not in command:
                found.append(int(stat.parent.name))
    return [one for one in found if one not in SERVERS_OF_TESTS]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def peak_memory(pid: int) -> int:
    """Bytes that a process has held at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


# --- bare JSON lines over stdio ---------------------------------------------------------------------------------------


class RawServer:
    """A server process spoken to in bare JSON lines; keeps everything it ever says."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[bytes] = []
        self._news = threading.Condition()
        self._closed = False
        self._last_id = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line)
                self._news.notify_all()
        with self._news:
            self._closed = True
            self._news.notify_all()

    def send_bytes(self, line: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def send(self, method: str, params: Message | None = None) -> int:
        """Ask without waiting; the id of the request."""
        request = self.next_id()
        message = {"jsonrpc": "2.0", "id": request, "method": method, "params": params or {}}
        self.send_bytes(json.dumps(message).encode())
        return request

    def notify(self, method: str, params: Message | None = None) -> None:
        self.send_bytes(json.dumps({"jsonrpc": "2.0", "method": method, "params": params or {}}).encode())

    def wait_for(self, match: Callable[[Message], bool], what: str, seconds: float = PATIENCE) -> Message:
        """The first message, past or to come, that matches."""
        deadline = time.monotonic() + seconds
        seen = 0
        with self._news:
            while True:
                for line in self.lines[seen:]:
                    if match(message := json.loads(line)):
                        return message
                seen = len(self.lines)
                left = deadline - time.monotonic()
                assert left > 0, f"not within {seconds} s: {what}; last: {self.lines[-3:]!r}"
                assert not self._closed, f"the server left instead: {what}; last: {self.lines[-3:]!r}"
                self._news.wait(left)

    def answer(self, request: int, seconds: float = PATIENCE) -> Message:
        return self.wait_for(lambda message: message.get("id") == request, f"the answer to {request}", seconds)

    def ask(self, method: str, params: Message | None = None, seconds: float = PATIENCE) -> Message:
        """The whole answer to one request, an error included."""
        return self.answer(self.send(method, params), seconds)

    def open(self) -> RawServer:
        """Shake hands in the older way."""
        params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
        assert "result" in self.ask("initialize", params)
        self.notify("notifications/initialized")
        return self

    def start_call(self, tool: str, arguments: Message) -> int:
        """Call a tool with progress; the id of the request, which is the progress token too."""
        token = self._last_id + 1
        return self.send("tools/call", {"name": tool, "arguments": arguments, "_meta": {"progressToken": token}})

    def progress(self, request: int, at_least: float = 0.0) -> Message:
        """The first progress message of a call that has come so far (of 100)."""

        def far_enough(message: Message) -> bool:
            params = message.get("params", {})
            return params.get("progressToken") == request and params["progress"] >= at_least

        return self.wait_for(far_enough, f"progress {at_least} of {request}")

    def call(self, tool: str, arguments: Message | None = None, seconds: float = PATIENCE) -> CallToolResult:
        return self.result(self.start_call(tool, arguments or {}), seconds)

    def result(self, request: int, seconds: float = PATIENCE) -> CallToolResult:
        """The result of a tool call, which must not be a protocol error."""
        answer = self.answer(request, seconds)
        assert "result" in answer, answer
        return CallToolResult.model_validate(answer["result"])

    def close_input(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()

    def wait_exit(self, seconds: float) -> int:
        return self.process.wait(timeout=seconds)

    def check_stdout(self) -> None:
        """Nothing but JSON-RPC was ever said."""
        for line in self.lines:
            message: Any = json.loads(line)
            assert isinstance(message, dict), line
            assert cast(Message, message).get("jsonrpc") == "2.0", line

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=PATIENCE)
        self._reader.join(PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()


@contextmanager
def raw_server(home: Home, *, command: Sequence[str] = SERVER, **settings: str) -> Generator[RawServer]:
    """A server on stdio, not yet spoken to; gone at the end, whatever happens. `command` is what becomes it."""
    with home.log.open("ab") as log:
        process = subprocess.Popen(
            command,
            env=home.environment(**settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    server = RawServer(process)
    try:
        yield server
    finally:
        server.kill()
    server.check_stdout()


@contextmanager
def open_server(home: Home, *, command: Sequence[str] = SERVER, **settings: str) -> Generator[RawServer]:
    """As `raw_server`, after the handshake."""
    with raw_server(home, command=command, **settings) as server:
        yield server.open()


def later(seconds: float) -> tuple[str, ...]:
    """A server whose clock is ahead: what a killed process held has been waited out."""
    ahead = f"import runpy, time; now = time.time_ns; time.time_ns = lambda: now() + {round(seconds * 1e9)}"
    return (SERVER[0], "-c", f"{ahead}; runpy.run_module('fermata_mcp', run_name='__main__')")


def with_largest_file(size: int) -> tuple[str, ...]:
    """A server that can write no file beyond `size` bytes, as on a disk that fills up."""
    limited = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
    return (SERVER[0], "-c", f"{limited}; os.execv(sys.argv[1], sys.argv[1:])", *SERVER)


# --- real clients -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def stdio_connection(
    home: Home, era: str, seconds: float = 2 * PATIENCE, **options: Any
) -> AsyncGenerator[Client]:
    """The SDK's client and a server process of its own."""
    server = StdioServerParameters(command=SERVER[0], args=list(SERVER[1:]), env=home.environment())
    with home.log.open("a") as log, anyio.fail_after(seconds):
        async with Client(stdio_client(server, log), mode=era, **options) as client:
            yield client


@asynccontextmanager
async def http_connection(base: str, era: str, seconds: float = 2 * PATIENCE, **options: Any) -> AsyncGenerator[Client]:
    with anyio.fail_after(seconds):
        async with Client(f"{base}/mcp", mode=era, **options) as client:
            yield client


@asynccontextmanager
async def sse_connection(base: str, era: str, seconds: float = 2 * PATIENCE, **options: Any) -> AsyncGenerator[Client]:
    with anyio.fail_after(seconds):
        async with Client(sse_client(f"{base}/sse"), mode=era, **options) as client:
            yield client


# --- http servers -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Served:
    """A running http server."""

    base: str
    process: subprocess.Popen[bytes]
    home: Home

    def signal_and_wait(self, number: signal.Signals, seconds: float) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=seconds)


@contextmanager
def http_server(home: Home, transport: str = "http", **settings: str) -> Generator[Served]:
    """A server on a free loopback port that answers; gone at the end, whatever happens."""
    with starting_http_server(home, transport, **settings) as served:
        wait_until(lambda: _is_healthy(served.base), "an answer from /healthz")
        yield served


@contextmanager
def starting_http_server(home: Home, transport: str = "http", **settings: str) -> Generator[Served]:
    """A server that has just said where it will answer."""
    with begun(home, "serve", "--transport", transport, "--port", "0", **settings) as process:
        yield Served(wait_until(lambda: _address(process, home.log), "the server's address"), process, home)


@contextmanager
def begun(home: Home, *arguments: str, **settings: str) -> Generator[subprocess.Popen[bytes]]:
    """A program of ours that nobody talks to, with its log; gone at the end, whatever happens."""
    with home.log.open("wb") as log:
        process = subprocess.Popen(
            [*SERVER, *arguments],
            env=home.environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=PATIENCE)


def _is_healthy(base: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"{base}/healthz", timeout=PATIENCE) as answer:
        return answer.status == 200
    return False


def _address(process: subprocess.Popen[bytes], log: Path) -> str | None:
    assert process.poll() is None, log.read_text()
    found = re.search(r"http://[^/\s]+", log.read_text())
    return found and found.group()


# --- the command line -------------------------------------------------------------------------------------------------


def fermata(home: Home, *arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*SERVER, *map(str, arguments)],
        env=home.environment(**settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
        check=False,
    )
