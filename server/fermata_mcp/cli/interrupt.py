"""Ctrl-C: the first stops the work in order, the next ends the process at once. Neither shows a traceback."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

_SHOW_CURSOR = b"\x1b[?25h"


class CtrlC:
    """Hears SIGINT from now on; where the parent had it ignored, it stays ignored.

    No exception is raised out of the blue: one that comes while a module is being imported leaves half of it behind.

    Args:
        code: The exit code of a process that is ended at once.
        words: What a person is then told.
    """

    def __init__(self, code: int, words: str) -> None:
        self.pressed = False
        self._code = code
        self._words = words
        self._stop: Callable[[], object] | None = None
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._heard)

    @contextmanager
    def stops(self, stop: Callable[[], object]) -> Generator[None]:
        """While the block runs the first Ctrl-C calls `stop`, between any two lines of the program."""
        self._stop = stop
        try:
            yield
        finally:
            self._stop = None

    def _heard(self, _signal: int, _frame: FrameType | None) -> None:
        if self.pressed or self._stop is None:
            self._leave()
        self.pressed = True
        if _is_a_terminal():
            _write(b"\r\nStopping. Ctrl-C again ends at once.\r\n")
        self._stop()

    def _leave(self) -> NoReturn:
        shown = b"\r" + _SHOW_CURSOR if _is_a_terminal() else b""  # a progress bar hides the cursor
        _write(shown + self._words.encode())
        os._exit(self._code)


def _is_a_terminal() -> bool:
    return os.isatty(2) and os.environ.get("TERM") != "dumb"


def _write(said: bytes) -> None:
    with suppress(OSError):
        os.write(2, said)  # past Python's own streams, which may be in the middle of a line
