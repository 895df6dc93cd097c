"""What a person sees: a live bar while work goes on, then the result; tables for lists."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from .streams import json_text

PLAIN_EVERY_SECONDS = 1.0

View = dict[str, Any]


class Out(Console):
    """Tells when whoever read us has left, instead of ending the program from inside."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Screen:
    """Progress on stderr, results on stdout, so that results can be piped."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._out = Out(highlight=False, soft_wrap=True)
        self._err = Out(stderr=True, highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
            console=self._err, transient=True, disable=not self._err.is_terminal,
        )  # fmt: skip
        self._line = self._bar.add_task("starting", total=1.0)
        self._last_plain = 0.0
        self._noted: set[str] = set()

    def __enter__(self) -> Screen:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def progress(self, fraction: float, message: str) -> None:
        self._bar.update(self._line, completed=fraction, description=message)
        now = time.monotonic()
        if not self._err.is_terminal and (now - self._last_plain >= PLAIN_EVERY_SECONDS or fraction >= 1):
            self._last_plain = now
            self._err.print(f"{fraction:4.0%}  {message}")

    def note(self, text: str) -> None:
        """Say something once while work goes on."""
        if text not in self._noted:
            self._noted.add(text)
            self._err.print(Text(text))

    def result(self, view: View, picture: Callable[[], RenderableType]) -> None:
        self._bar.stop()
        if self._as_json:
            print(json_text(view))
        else:
            self._out.print(picture())

    def refused(self, text: str) -> None:
        self._bar.stop()
        if self._as_json:
            code, _, rest = text.partition(": ")
            message, _, hint = rest.partition(" Next: ")
            print(json_text({"error": {"code": code, "message": message, "hint": hint}}))
        else:
            print(text, file=sys.stderr)


def task_lines(view: View, text: str, saved: str | None) -> RenderableType:
    """The text of the tool, what a person at a terminal needs besides, and where the joins are."""
    lines = [line for line in text.splitlines() if not line.startswith("Next:")]
    lines += [f"Saved as: {saved}"] if saved else []
    lines += [_joins(view)] if _joins(view) else []
    lines.append(_next_for_a_person(view))
    return Text("\n".join(lines))


def _joins(view: View) -> str:
    seams = [seam for clip in view["clips"][:1] for seam in clip["seams"]]
    if not seams:
        return ""
    places = ", ".join(f"{_clock(seam['at'])} ({seam['confidence']:.0%} sure)" for seam in seams[:6])
    return f"Joins: {places}{f' and {len(seams) - 6} more' if len(seams) > 6 else ''}"


def _next_for_a_person(view: View) -> str:
    if view["status"] in ("succeeded", "partial"):
        return f"Go on from here: fermata-mcp extend {view['task_id']}"
    if view["status"] == "failed" and view["error"]:
        return f"Next: {view['error']['hint']}"
    if view["status"] == "cancelled":
        return "Start anew: the same call again."
    if view["status"] == "unknown":
        return f"Decide: fermata-mcp resolve {view['task_id']} resubmit (may cost twice), or give_up, or check"
    return f"Look again: fermata-mcp task {view['task_id']}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{seconds % 60:04.1f}"


def tasks_table(view: View) -> RenderableType:
    """`view` is that of `list_tasks`; `stopped` in it are the ids of work that nobody carries out any more."""
    unreadable = [Text(f"{task_id}  cannot be read; it is kept as it is") for task_id in view.get("unreadable", ())]
    if not view["tasks"] and not unreadable:
        return Text("No tasks yet. Start with: fermata-mcp extend song.mp3 --by 30")
    stopped: Collection[str] = view.get("stopped", ())
    rows = (line for task in view["tasks"] for line in _task_row(task, stopped=task["task_id"] in stopped))
    return Group(*rows, *unreadable)


def _task_row(task: View, *, stopped: bool) -> list[Text]:
    length = "" if task["duration_seconds"] is None else _clock(task["duration_seconds"])
    started = task["created_at"][:16].replace("T", " ")
    status = "stopped" if stopped else task["status"]
    facts = f"{started}  {status:<9}  {length:>6}  {task['provider']}  {task['task_id']}"
    again = f"  stopped: goes on when a server runs, or with: fermata-mcp task {task['task_id']}"
    return [Text(facts), Text(f"  {task['file'] or task['source']}", style="dim"), *([Text(again)] if stopped else [])]


def credits_table(view: View) -> RenderableType:
    table = Table("provider", "balance", "per extension", "extensions left", "note", box=None, pad_edge=False)
    for one in view["providers"]:
        note = one["error"] or one["note"] or ""
        table.add_row(
            one["provider"],
            _number(one["balance"]),
            _number(one["price_per_extend"]),
            _number(one["extends_left"]),
            note,
        )
    cap = "" if view["cap_today"] is None else f" of {view['cap_today']:g}"
    spent = f"{view['spent_today']:g}{cap} today, {view['spent_this_week']:g} this week"
    return Group(table, Text(f"Spent (credits, UTC): {spent}, {view['spent_this_month']:g} this month"))


def providers_table(facts: View) -> RenderableType:
    table = Table("provider", "needs", "credits", "takes", "what it does", box=None, pad_edge=False)
    for one in facts["providers"]:
        cost = one["credits_per_extension"]["words"]
        name = f"{one['name']} *" if one["name"] == facts["default"] else one["name"]
        table.add_row(name, one["needs"], cost, ", ".join(one["sources"]), one["summary"])
    return Group(table, Text("* used when none is named"))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
