"""What a person sees: a live bar while work goes on, then the result; tables."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, cast

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fermata_mcp.domain.credits import Unit, bare

from .presenting.clock import minutes
from .presenting.terminal import Bar, Out
from .streams import json_text
from .words.parameters import FLAGS
from .words.spoken import own_words, spoken, spoken_view

View = dict[str, Any]


class Screen:
    """Progress on stderr, results on stdout, so that results can be piped. What tools say is spoken as people do here.

    Args:
        as_json: Print one JSON document.
        several: Of several results; the document is then an array, printed when the screen is left.
        quiet: Print nothing but paths of results, and errors.
        own: Words of the person, which stay as they are.
    """

    def __init__(self, *, as_json: bool, several: bool = False, quiet: bool = False, own: Iterable[str] = ()) -> None:
        self.as_json = as_json
        self._several = several
        self._collected: list[View] = []
        self._own = tuple(own)
        self._out = Out()
        self.quiet = quiet
        self.bar = Bar(quiet=quiet)

    def __enter__(self) -> Screen:
        self.bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()
        if self.as_json and self._several and (self._collected or error is None):
            print(json_text(self._collected))

    def progress(self, fraction: float, message: str) -> None:
        self.bar.update(fraction, spoken(message, self._own))

    def note(self, text: str) -> None:
        """Say something once while work goes on."""
        if not self.quiet:
            self.trouble(text)

    def trouble(self, text: str) -> None:
        """The same, also to who wants it quiet."""
        self.bar.note(spoken(text, self._own))

    def remark(self, text: str) -> None:
        """The same, where somebody watches."""
        self.bar.remark(text)

    def result(self, view: View, picture: Callable[[View], RenderableType], saved: str | None = None) -> None:
        """Show a result; `saved` is where it was saved in the end, if not where the view says."""
        self.bar.stop()
        view = spoken_view(view, self._own)
        if self.as_json:
            self._json(view | ({"saved_as": saved} if saved else {}))
        elif self.quiet:
            self._path(view, saved)
        else:
            self._out.print(picture(view))

    def refused(self, text: str, given: str | None = None) -> None:
        """Show a refusal; `given` tells of which of several sources or ids."""
        self.bar.stop()
        text = spoken(text, [*self._own, *([given] if given else [])])
        if self.as_json:
            code, _, rest = text.partition(": ")
            message, _, hint = rest.partition(" Next: ")
            told = {"error": {"code": code, "message": message, "hint": hint}}
            self._json(told if given is None else {"given": given} | told)
        else:
            print(text, file=sys.stderr)

    def print(self, picture: RenderableType) -> None:
        """For people alone."""
        if not self.as_json and not self.quiet:
            self.bar.stop()
            self._out.print(picture)

    def _json(self, told: View) -> None:
        if self._several:
            self._collected.append(told)
        else:
            print(json_text(told))

    def _path(self, view: View, saved: str | None) -> None:
        path = saved or file_of(view)
        if path:
            print(path)
        elif view.get("task_id") is not None:
            print(view.get("summary", view["status"]), file=sys.stderr)
        else:
            print(view.get("summary", ""))


def file_of(view: View) -> str | None:
    """Where the audio that was delivered lies."""
    audio: View | None = view.get("audio")
    return audio["file"] if audio else None


def task_lines(view: View, text: str, saved: str | None) -> RenderableType:
    """The text of the tool, and what a person at a terminal needs besides."""
    own = own_words(view)
    lines = [spoken(line, own) for line in text.splitlines() if not line.startswith("Next:")]
    lines += [f"Saved as: {saved}"] if saved and saved != file_of(view) else []
    lines.append(_next_for_a_person(view))
    return Text("\n".join(lines))


def _next_for_a_person(view: View) -> str:
    if view["task_id"] is None:
        return "Start it: the same command without --dry-run"
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
        note = spoken(one["error"] or one["note"] or "")
        table.add_row(
            one["provider"],
            "-" if one["balance"] is None else bare(one["balance"], one["unit"]),
            one["price"].removesuffix(" an extension").removesuffix(" credits"),
            _number(one["extends_left"]),
            note,
        )
    dollars = [_spent(view["usd"], "usd")] if view.get("usd") else []
    return Group(table, _spent(view, "credits"), *dollars)


def _spent(spent: View, unit: Unit) -> Text:
    def told(name: str) -> str:
        return bare(spent[name], unit)

    cap = "" if spent["cap_today"] is None else f" of {told('cap_today')}"
    today = f"{told('spent_today')}{cap} today, {told('spent_this_week')} this week"
    called = "credits" if unit == "credits" else "dollars"
    return Text(f"Spent ({called}, UTC): {today}, {told('spent_this_month')} this month")


def providers_table(facts: View) -> RenderableType:
    table = Table("provider", "needs", "credits", "takes", "what it does", box=None, pad_edge=False)
    for one in facts["providers"]:
        cost = one["credits_per_extension"]["words"]
        name = f"{one['name']} *" if one["name"] == facts["default"] else one["name"]
        table.add_row(name, one["needs"], cost, ", ".join(one["sources"]), one["summary"])
    return Group(table, Text("* used when none is named. More about one: fermata-mcp providers NAME"))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def provider_lines(one: View) -> RenderableType:
    """All about one provider, in the words of the command line."""
    told = {
        "needs": one["needs"],
        "costs": _cost(one["credits_per_extension"]),
        "takes": ", ".join(one["sources"]),
        "lengths": _lengths(one["lengths_seconds"]),
        "models": ", ".join(one["models"]),
        "verified": one["verified"],
    }
    told |= {f"costs ({model})": _cost(price) for model, price in one["prices_of_models"].items()}
    lines = [f"{one['name']}: {one['summary']}", *(f"  {name:<9} {value}" for name, value in told.items() if value)]
    understood = {**{FLAGS.get(name, name): note for name, note in one["fields"].items()}, **_options(one["options"])}
    lines += [
        "  understands",
        *(f"    {flag}  {f'({spoken(note)})' if note else ''}".rstrip() for flag, note in understood.items()),
    ]
    return Text("\n".join([*lines, *(f"  {spoken(note)}" for note in one["notes"])]))


def _cost(price: View) -> str:
    return "nothing" if price["words"] == "free" else f"{price['in_full']} ({price['stated_in']})"


def _options(options: Any) -> dict[str, str]:
    if not isinstance(options, dict):
        return {"--option NAME=VALUE": str(options)}
    known = cast("dict[str, list[str]]", options)
    return {f"--option {name}={'|'.join(values) or 'VALUE'}": "" for name, values in known.items()}


def _lengths(lengths: dict[str, float | None]) -> str:
    named = {
        "shortest_source": "sources from {}",
        "longest_source": "up to {}",
        "longest_result": "results up to {}",
        "added_by_default": "adds {} if nothing is said",
    }
    return ", ".join(words.format(minutes(lengths[name])) for name, words in named.items() if lengths.get(name))
