"""Commands in terminals of their own, as a person sees them."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from .processes import PATIENCE, SERVER, wait_until

CTRL_C = b"\x03"


class Terminal:
    """A command in a terminal of its own, and everything it shows there."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
        )  # fmt: skip
        os.close(theirs)
        self._shown = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def shown(self) -> str:
        return self._shown.decode()

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._ours, 1 << 16)
            except OSError:  # Linux says so when the other side has closed
                return
            self._shown += part

    def waits_for(self, words: str) -> None:
        wait_until(lambda: words in self.shown, f"{words!r} in {self.shown!r}")

    def press(self, key: bytes) -> None:
        os.write(self._ours, key)

    def end(self) -> int:
        """The exit code, once it ends by itself; all that it showed is there then."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def close(self) -> None:
        self.process.kill()
        self.end()
        os.close(self._ours)


@contextmanager
def terminal(environment: dict[str, str], *arguments: object) -> Generator[Terminal]:
    """A command of ours in a terminal."""
    command = [*SERVER, *map(str, arguments)]
    opened = Terminal(command, environment | {"TERM": "xterm-256color", "COLUMNS": "200"})
    try:
        yield opened
    finally:
        opened.close()
