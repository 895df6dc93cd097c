"""What one run shows, judged by what was said on the wire and what reached the model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .script import Conversation, bare
from .wire import Exchange, Wire

_STRUCTURED = re.compile(r'\\*"honesty\\*"')
_TEXT = re.compile(r"Next: ")


@dataclass(frozen=True)
class Verdict:
    """One row, a word for each column; `ended` is empty where the client came to its end by itself."""

    calls_itself: str
    protocol: str
    tools: int
    extend: str
    follow: str
    listed: str
    read: str
    progress: str
    model_sees: str
    path_seen: bool | None
    ended: str

    @property
    def complete(self) -> bool:
        steps = (self.extend, self.follow, self.listed)
        return all(step == "ok" for step in steps) and self.read in ("ok", "-") and self.path_seen is not False


def judge(wire: Wire, talk: Conversation, music: Path, ended: str, *, modelled: bool) -> Verdict:
    """A row from one run; `modelled` says whether a model stood behind the client."""
    shown = "\n".join(talk.results)
    return Verdict(
        calls_itself=wire.client,
        protocol=wire.protocol,
        tools=wire.tools,
        extend=_worked(wire.calls("extend_track")),
        follow=_worked(wire.calls("get_task")),
        listed=_worked(wire.calls("list_tasks")),
        read=_read(wire),
        progress=f"{wire.progress} messages" if wire.asks_progress else "not asked",
        model_sees=_sides(talk) if modelled else "all",
        path_seen=str(music) in shown if modelled else None,
        ended=ended,
    )


def _worked(calls: Sequence[Exchange]) -> str:
    if not calls:
        return "not called"
    if any(call.went_well for call in calls):
        return "ok"
    last = calls[-1]
    return "no answer" if last.answer is None else "refused"


def _read(wire: Wire) -> str:
    """Reads that were answered, with the connection alive after them."""
    reads = list(wire.of("resources/read"))
    if not reads:
        return "-"
    return "ok" if all(read.went_well for read in reads) and wire.exchanges[-1].answer else "broken"


def _sides(talk: Conversation) -> str:
    """Which halves of the results about one task its host shows the model."""
    about = {"extend_track", "get_task"}
    shown = [text for name, text in zip(talk.calls, talk.results, strict=False) if bare(name) in about]
    sides = {"text": _TEXT, "structured": _STRUCTURED}
    return " and ".join(side for side, mark in sides.items() if any(map(mark.search, shown))) or "nothing"
