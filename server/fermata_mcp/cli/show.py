"""What a person sees: a live bar while work goes on, then the result; tables."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .presenting.terminal import Bar, Out
from .streams import json_text

View = dict[str, Any]


class Screen:
    """Progress on stderr, results on stdout, so that results can be piped."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._out = Out()
        self.bar = Bar()

    def __enter__(self) -> Screen:
        self.bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def progress(self, fraction: float, message: str) -> None:
        self.bar.update(fraction, message)

    def note(self, text: str) -> None:
        """Say something once while work goes on."""
        self.bar.note(text)

    def result(self, view: View, picture: Callable[[], RenderableType]) -> None:
        self.bar.stop()
        if self._as_json:
            print(json_text(view))
        else:
            self._out.print(picture())

    def refused(self, text: str) -> None:
        self.bar.stop()
        if self._as_json:
            code, _, rest = text.partition(": ")
            message, _, hint = rest.partition(" Next: ")
            print(json_text({"error": {"code": code, "message": message, "hint": hint}}))
        else:
            print(text, file=sys.stderr)


def task_lines(view: View, text: str, saved: str | None) -> RenderableType:
    """The text of the tool, and what a person at a terminal needs besides."""
    lines = [line for line in text.splitlines() if not line.startswith("Next:")]
    lines += [f"Saved as: {saved}"] if saved else []
    lines.append(_next_for_a_person(view))
    return Text("\n".join(lines))


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
