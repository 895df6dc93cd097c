"""What a host pays for having Fermata: start, memory and one reading call, against a bare server on the same SDK.

Both are real processes spoken to over stdio, started in turn; medians and the ratio of the medians are printed.
What a host pays until it has the list of tools is one thing; what it pays until a call is answered is told beside it,
because Fermata loads its SDK in between.
Run: `.venv/bin/python benchmarks/startup.py [rounds]`.
"""

from __future__ import annotations

import compileall
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROUNDS = 11
CALLS = 200
FLOOR = """
from mcp.server import MCPServer
server = MCPServer("floor", log_level="WARNING")
@server.tool()
def echo(text: str) -> str:
    "Say it again"
    return text
server.run()
"""
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


@dataclass
class Figures:
    """One start. CPU and wall since the spawn in seconds, memory in MB, calls in milliseconds."""

    initialize_cpu: float
    initialize_wall: float
    list_cpu: float
    list_wall: float
    first_cpu: float
    first_wall: float
    memory: float
    list_bytes: int
    call: float


class Process:
    """A server and a line-by-line client."""

    def __init__(self, command: list[str], folder: str) -> None:
        env = {**os.environ, "FERMATA_DATA_DIR": folder, "FERMATA_OUTPUT_DIR": folder}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
        self._next = 0

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        self._next += 1
        self._send({"jsonrpc": "2.0", "id": self._next, "method": method, "params": params})
        assert self._process.stdout
        while True:
            answer = json.loads(self._process.stdout.readline())
            if answer.get("id") == self._next:
                return answer["result"]

    def tell(self, method: str) -> None:
        self._send({"jsonrpc": "2.0", "method": method})

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def cpu(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    def end(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)


def start_once(command: list[str], folder: str, tool: str, arguments: dict[str, Any]) -> Figures:
    began = time.perf_counter()
    server = Process(command, folder)
    server.ask("initialize", INITIALIZE)
    opened = server.cpu(), time.perf_counter() - began
    server.tell("notifications/initialized")
    tools = server.ask("tools/list", {})
    listed = server.cpu(), time.perf_counter() - began
    server.ask("tools/call", {"name": tool, "arguments": arguments})
    called = server.cpu(), time.perf_counter() - began
    memory = server.memory()
    size = len(json.dumps(tools, separators=(",", ":")))
    times: list[float] = []
    for _ in range(CALLS):
        before = time.perf_counter()
        server.ask("tools/call", {"name": tool, "arguments": arguments})
        times.append(time.perf_counter() - before)
    server.end()
    return Figures(*opened, *listed, *called, memory, size, statistics.median(times) * 1000)


def one_task(folder: str) -> str:
    """A finished task to read."""
    command = [sys.executable, "-m", "fermata_mcp", "extend", "examples/groove.wav", "--by", "10", "--json"]
    env = {**os.environ, "FERMATA_DATA_DIR": folder, "FERMATA_OUTPUT_DIR": folder}
    done = subprocess.run(command, env=env, check=True, capture_output=True, cwd=Path(__file__).parent.parent)
    return json.loads(done.stdout)["task_id"]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    import fermata_mcp

    compileall.compile_dir(str(Path(fermata_mcp.__file__).parent), quiet=2)
    with tempfile.TemporaryDirectory() as folder:
        floor = Path(folder) / "floor.py"
        floor.write_text(FLOOR)
        task = one_task(folder)
        commands = {
            "floor": ([sys.executable, str(floor)], "echo", {"text": "x"}),
            "fermata": ([sys.executable, "-m", "fermata_mcp"], "get_task", {"task_id": task}),
        }
        found: dict[str, list[Figures]] = {name: [] for name in commands}
        for _ in range(rounds + 1):
            for name, (command, tool, arguments) in commands.items():
                found[name].append(start_once(command, folder, tool, arguments))
    report({name: figures[1:] for name, figures in found.items()})


def report(found: dict[str, list[Figures]]) -> None:
    rows = [
        ("spawn to `initialize`, CPU s", "initialize_cpu", "{:.3f}"),
        ("spawn to `initialize`, wall s", "initialize_wall", "{:.3f}"),
        ("spawn to `tools/list`, CPU s", "list_cpu", "{:.3f}"),
        ("spawn to `tools/list`, wall s", "list_wall", "{:.3f}"),
        ("spawn to the first call's answer, CPU s", "first_cpu", "{:.3f}"),
        ("spawn to the first call's answer, wall s", "first_wall", "{:.3f}"),
        ("memory after the first call, MB", "memory", "{:.1f}"),
        ("`tools/list`, bytes", "list_bytes", "{:.0f}"),
        ("reading call (`get_task` against echo), p50 ms", "call", "{:.2f}"),
    ]
    print("| figure (medians) | bare server | Fermata | ratio |\n|---|---|---|---|")
    for label, field, shape in rows:
        low, ours = (statistics.median(getattr(one, field) for one in found[name]) for name in ("floor", "fermata"))
        print(f"| {label} | {shape.format(low)} | {shape.format(ours)} | {ours / low:.2f} |")
    print(f"\n{len(found['floor'])} starts each, in turn; peak of this harness {_own_peak():.0f} MB.")


def _own_peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
