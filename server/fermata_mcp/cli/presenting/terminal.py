"""The terminal: what it can show, and the one bar that all long work is shown with."""

from __future__ import annotations

import os
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

PLAIN_EVERY_SECONDS = 1.0


def is_plain() -> bool:
    """Whether the person's locale has no letters beyond ASCII; Python writes UTF-8 there all the same."""
    said = next((value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := os.environ.get(name))), "")
    return said in ("C", "POSIX")


class Out(Console):
    """Draws with what the terminal has, and tells when whoever read us has left, instead of ending the program."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, soft_wrap=True)

    @property
    def encoding(self) -> str:
        return "ascii" if is_plain() else super().encoding

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Bar:
    """Progress on standard error: a bar on a terminal, a line a second elsewhere."""

    def __init__(self) -> None:
        self.err = Out(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
            console=self.err, transient=True, disable=not self.err.is_terminal,
        )  # fmt: skip
        self._line = self._bar.add_task("starting", total=None)
        self._last_plain = 0.0
        self._noted: set[str] = set()

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._bar.stop()

    def busy(self, message: str) -> None:
        """At work on something whose end nobody can tell."""
        self._bar.update(self._line, total=None, description=message)

    def update(self, fraction: float, message: str) -> None:
        """So much is done, 0 to 1."""
        self._bar.update(self._line, total=1.0, completed=fraction, description=message)
        now = time.monotonic()
        if not self.err.is_terminal and (now - self._last_plain >= PLAIN_EVERY_SECONDS or fraction >= 1):
            self._last_plain = now
            self.err.print(f"{fraction:4.0%}  {message}")

    def note(self, text: str) -> None:
        """Say something once while work goes on."""
        if text not in self._noted:
            self._noted.add(text)
            self.err.print(Text(text))
