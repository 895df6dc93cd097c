"""A server on stdio, with every message between it and its client noted: `python overhear.py NOTES COMMAND…`.

NOTES is a folder; each server gets a file of JSON lines in it: `{"from": "client" or "server", "message": …}`. It needs
only the standard library, and is started by the client in the place of the server.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Literal

Side = Literal["client", "server"]


class Notes:
    """The file that the messages of both sides go to."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def take(self, side: Side, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            message = {"unreadable": line.decode("utf-8", "replace")}
        noted = {"from": side, "message": message}
        with self._lock:
            self._file.write(json.dumps(noted) + "\n")
            self._file.flush()


def pass_on(side: Side, source: IO[bytes], target: IO[bytes], notes: Notes) -> None:
    """Carry whole lines until the source ends or the target is gone."""
    try:
        for line in iter(source.readline, b""):
            notes.take(side, line)
            target.write(line)
            target.flush()
        target.close()
    except (OSError, ValueError):
        pass


def main() -> int:
    notes = Notes(Path(sys.argv[1]) / f"{os.getpid()}.jsonl")
    with subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin
        assert server.stdout

        def end(signum: int, frame: object) -> None:
            server.terminate()

        signal.signal(signal.SIGTERM, end)
        inward = (sys.stdin.buffer, server.stdin)
        threading.Thread(target=pass_on, args=("client", *inward, notes), daemon=True).start()
        pass_on("server", server.stdout, sys.stdout.buffer, notes)
        return server.wait()


if __name__ == "__main__":
    sys.exit(main())
