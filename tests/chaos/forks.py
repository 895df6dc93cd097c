"""A process that has everything loaded, with its points announced, and forks a child for every life that is cut short.

Started by `kills.py`; it reads one order a line from its standard input and answers each with how the child ended.
Nothing here may make a thread or an event loop before it forks.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from chaos import points

CHILD_SECONDS = 60.0
# Threads of number libraries do not survive a fork.
ALONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
PASSED = "passed.json"
# What lives would import by and by.
LOADED = (
    "chaos.lives",
    *(f"fermata_mcp.{name}" for name in ("surface.server", "media.network.download", "rearrange.joining.joined_file")),
    "fermata_mcp.providers.http.client",
    "soundfile",
    "anyio._backends._asyncio",
)


def main() -> None:
    points.install()
    from fermata_mcp.providers.registry import BUILT_IN  # what is loaded before is not rewritten

    for name in (*LOADED, *BUILT_IN.values()):
        import_module(name)
    import_module("fermata_mcp.media.network.tls").tls()
    gc.collect()
    gc.freeze()  # else every child would copy what it never uses
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    answers.write("ready\n")
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _live(order)
        answers.write(json.dumps(_end_of(child)) + "\n")


def _live(order: dict[str, Any]) -> None:
    code = 1
    try:
        folder = Path(order["folder"])
        log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        if order["point"]:
            points.GATE.kill_at(order["point"], order["hit"])
        import_module("chaos.lives").live(order)
        (folder / PASSED).write_text(json.dumps(points.GATE.passed))
        code = 0
    except BaseException:  # noqa: BLE001  (whatever it is belongs into the log of this child)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end_of(child: int) -> int:
    """Its exit code, or minus the signal that ended it; -SIGALRM where it would not end."""
    until = time.monotonic() + CHILD_SECONDS
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.003)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGALRM


# --- the other end ----------------------------------------------------------------------------------------------------


class Forks:
    """The process that forks the lives; see `forks.py`. With `bug`, they send again what is unknown."""

    def __init__(self, *, bug: bool = False) -> None:
        from support.accounts import OURS

        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        places = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = kept | ALONE | {"PYTHONPATH": os.pathsep.join(places)}
        command = [sys.executable, "-m", "chaos.forks"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)
        self._bug = bug
        assert self._line() == "ready"

    def live(self, folder: Path, url: str, scenario: str, **order: Any) -> int:
        """How a life ended: 0, or minus the signal."""
        assert self._process.stdin
        base = {"point": "", "hit": 1, "finish": False, "bug": self._bug}
        told = base | {"folder": str(folder), "url": url, "scenario": scenario} | order
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        return int(self._line())

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)


if __name__ == "__main__":
    main()
