"""What was asked for, at a glance: a line a task where there is room, two where there is not."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any
from urllib.parse import unquote

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from .clock import ago, minutes

View = dict[str, Any]
SHORTEST_ID = 10  # characters of tsk_…; more where two begin alike
WIDE = 100
STYLES = {"succeeded": "green", "partial": "yellow", "failed": "red", "unknown": "bold red", "running": "cyan"}
STATUS, LENGTH, WHEN, LEAST_NAME = 9, 7, 10, 12


@dataclass(frozen=True)
class TaskList:
    """`view` is that of `list_tasks`; `stopped` are the ids of work that nobody carries out any more.

    `filters` are what it was narrowed to, by the names of the options.

    Where it goes to a program instead of a terminal, nothing is cut.
    """

    view: View
    now: datetime
    stopped: Collection[str] = ()
    filters: Mapping[str, str] = field(default_factory=dict[str, str])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        tasks, unreadable = self.view["tasks"], self.view.get("unreadable", ())
        if not tasks and not unreadable:
            yield Text(_none_with(self.filters))
        rows = list(self._rows(short=console.is_terminal))
        columns = Columns.of(rows, console.width if console.is_terminal else None, plain=options.ascii_only)
        if tasks and console.is_terminal:
            yield Text(columns.line("status", "source", "length", "when"), style="dim")
        for row in rows:
            yield from columns.lines(row)
        for task_id in unreadable:
            yield Text(f"{task_id}  cannot be read; it is kept as it is")
        if self.view.get("next_cursor"):
            yield Text(f"There are more than these {len(tasks)}: --all shows every one, --search TEXT finds some.")

    def _rows(self, *, short: bool) -> Iterator[Row]:
        ids = short_ids([task["task_id"] for task in self.view["tasks"]])
        for task in self.view["tasks"]:
            status = "stopped" if task["task_id"] in self.stopped else task["status"]
            way_on = _way_on(status, ids[task["task_id"]] if short else task["task_id"])
            facts = (name_of(task["source"]), minutes(task["duration_seconds"]), ago(task["created_at"], self.now))
            yield Row(status, *facts, way_on)


@dataclass(frozen=True)
class Row:
    """What is told of one task."""

    status: str
    name: str
    length: str
    when: str
    way_on: str


@dataclass(frozen=True)
class Columns:
    """How wide a name is, and whether the way on has room beside it."""

    name: int
    beside: bool
    plain: bool

    @classmethod
    def of(cls, rows: list[Row], width: int | None, *, plain: bool) -> Columns:
        if width is None:
            return cls(max((cell_len(_lettered(row.name, plain=plain)) for row in rows), default=0), True, plain)
        beside = width >= WIDE
        taken = STATUS + LENGTH + WHEN + 6 + (max((len(row.way_on) for row in rows), default=0) + 2 if beside else 0)
        return cls(max(LEAST_NAME, width - taken), beside, plain)

    def lines(self, row: Row) -> Iterator[Text]:
        """One for what is known, and one for the way on where it has no room there."""
        facts = self.line(row.status, row.name, row.length, row.when)
        told = Text(f"{facts}  {row.way_on}" if self.beside else facts)
        told.stylize(STYLES.get(row.status, ""), 0, len(row.status))
        yield told
        if not self.beside:
            yield Text(f"{'':<{STATUS}}  {row.way_on}", style="dim")
        if row.status == "stopped":
            yield Text(f"{'':<{STATUS}}  stopped: goes on when a server runs, or with: {row.way_on}")

    def line(self, status: str, name: str, length: str, when: str) -> str:
        name = fitted(name, self.name, plain=self.plain)
        return f"{status:<{STATUS}}  {name}  {length:>{LENGTH}}  {when:>{WHEN}}"


def tasks_table(view: View, filters: Mapping[str, str] | None = None) -> TaskList:
    return TaskList(view, datetime.now(UTC), view.get("stopped", ()), filters or {})


def matching(search: str | None, task: View) -> bool:
    """Whether a title, the name of the source or of the file, or the id has the words in it."""
    if not search:
        return True
    names = [task["task_id"], task.get("title"), task["source"], name_of(task["source"])]
    names += [PurePath(task["file"]).name] if task["file"] else []
    return any(_folded(search) in _folded(name) for name in names if name)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _none_with(filters: Mapping[str, str]) -> str:
    if not filters:
        return "No tasks yet. Start with: fermata-mcp extend song.mp3 --by 30"
    return f"No tasks with {', '.join(f'--{name} {value}' for name, value in filters.items())}."


def short_ids(ids: list[str]) -> dict[str, str]:
    """Each id and the shortest beginning, of a readable length, that no other has."""
    return {
        one: one[: next((n for n in range(SHORTEST_ID, len(one)) if _is_unique(one[:n], ids)), len(one))] for one in ids
    }


def _is_unique(beginning: str, ids: list[str]) -> bool:
    return sum(one.startswith(beginning) for one in ids) == 1


def _way_on(status: str, short: str) -> str:
    match status:
        case "succeeded" | "partial":
            return f"fermata-mcp play {short}"
        case "unknown":
            return f"fermata-mcp resolve {short} check"
        case _:
            return f"fermata-mcp task {short}"


def name_of(source: str) -> str:
    """The name of a file or page; other sources are their own."""
    if source.startswith(("clip:", "tsk_")):
        return source
    path = source.partition("?")[0] if "://" in source else source
    return unquote(PurePath(path).name) if "://" in source else PurePath(path).name or source


def fitted(name: str, room: int, *, plain: bool) -> str:
    """`name` in exactly so many cells, its end kept.

    Args:
        plain: Only in letters of ASCII.
    """
    name = _lettered(name, plain=plain)
    if cell_len(name) <= room:
        return set_cell_size(name, room)
    dots, tail = "..." if plain else "\u2026", name[-7:]
    head = set_cell_size(name, max(1, room - cell_len(dots) - cell_len(tail)))
    return set_cell_size(f"{head.rstrip()}{dots}{tail}", room)


def _lettered(name: str, *, plain: bool) -> str:
    return name.encode("ascii", "backslashreplace").decode() if plain else name
