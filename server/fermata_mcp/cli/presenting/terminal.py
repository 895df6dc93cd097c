"""The terminal: what it can show, and the one bar that all long work is shown with."""

from __future__ import annotations

import os
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn
from rich.text import Text

from .clock import minutes

# Before it nobody can tell how long the rest takes.
SURE_AFTER_SECONDS, SURE_FROM = 2.0, 0.04
NARROW = 70


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
    """Progress on standard error: a bar on a terminal, elsewhere one line when it is done.

    Args:
        quiet: Show nothing at all.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.err = Out(stderr=True)
        self._quiet = quiet
        self._lively = self.err.is_terminal and not quiet
        self._bar = Progress(
            _What(), BarColumn(10 if self.err.width < NARROW else 20), TaskProgressColumn(), _TimeLeft(),
            console=self.err, transient=True, disable=not self._lively, expand=False,
        )  # fmt: skip
        self._line = self._bar.add_task("starting", total=None)
        self._noted: set[str] = set()
        self._of = ""

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._bar.stop()

    def pause(self) -> None:
        """Out of the way of a question."""
        self._bar.stop()

    def begin(self, of: str = "") -> None:
        """The next piece of work, and which of several it is."""
        self._of = of
        self._bar.reset(self._line, total=None, description=self._named("starting"))
        self._bar.start()

    def busy(self, message: str) -> None:
        """At work on something whose end nobody can tell."""
        self._bar.update(self._line, total=None, description=self._named(message))

    def update(self, fraction: float, message: str) -> None:
        """So much is done, 0 to 1."""
        self._bar.update(self._line, total=1.0, completed=fraction, description=self._named(message))

    def done(self, words: str) -> None:
        """The one line for whoever reads no terminal."""
        if not self._lively and not self._quiet:
            self.err.print(Text(f"100%  {words}"))

    def remark(self, text: str) -> None:
        """Say something once, to whoever watches."""
        if self._lively:
            self.note(text)

    def note(self, text: str) -> None:
        """Say something once while work goes on."""
        if text not in self._noted:
            self._noted.add(text)
            self.err.print(Text(text))

    def picture(self) -> RenderableType:
        """The bar as it stands now."""
        return self._bar.get_renderable()

    def _named(self, message: str) -> str:
        return f"{self._of} {message}" if self._of else message


class _What(ProgressColumn):
    """What is being done, in the room that the rest leaves it."""

    def render(self, task: Task) -> Text:
        return Text(task.description, no_wrap=True, overflow="ellipsis")


class _TimeLeft(ProgressColumn):
    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        done = 0.0 if task.total is None else task.completed / task.total
        return Text(time_left(task.elapsed or 0.0, done), no_wrap=True)


def time_left(passed: float, done: float) -> str:
    """How long the rest takes if it goes on as before; until that can be told, how long it has taken.

    Args:
        passed: Seconds.
        done: 0 to 1.
    """
    if passed < SURE_AFTER_SECONDS or not SURE_FROM <= done < 1:
        return minutes(passed)
    return f"{minutes(passed * (1 - done) / done)} left"
