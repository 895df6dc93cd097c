"""The evaluation as tables."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from .judging import Flaw
from .stage import Scene

KEYS = ("none", "one", "all")
VERDICTS = ("done", "refusal", "dead end", "flawed")
WORDS = {"done": "done", "refusal": "helpful refusal", "dead end": "dead end, explained", "flawed": "flawed"}
LONGEST = 220


@dataclass(frozen=True)
class Judged:
    scene: Scene
    flaws: tuple[Flaw, ...]

    @property
    def verdict(self) -> str:
        return "flawed" if self.flaws else self.scene.asked.verdict


def totals(judged: Sequence[Judged]) -> str:
    """How many of each verdict, for each set-up."""
    counted = Counter((one.scene.asked.keys, one.verdict) for one in judged)
    rows = [
        [keys, *(str(counted[keys, verdict]) for verdict in VERDICTS), str(sum(counted[keys, one] for one in VERDICTS))]
        for keys in KEYS
    ]
    every = [str(sum(int(row[column]) for row in rows)) for column in range(1, len(VERDICTS) + 2)]
    return _table(["keys", *(WORDS[one] for one in VERDICTS), "all"], [*rows, ["**all**", *every]])


def page(judged: Sequence[Judged], sizes: str) -> str:
    """`docs/evaluation.md`."""
    rows = [_row(number, one) for number, one in enumerate(judged, 1)]
    table = _table(["", "asked", "keys", "called", "came back", "judged"], rows)
    return _PAGE.format(totals=totals(judged), sizes=sizes, table=table)


_PAGE = """# What people ask, and what comes back

Requests as people make them, in five languages, with the calls that a model makes of them from the tools' schemas
alone: each is asked of a real server over stdio, with real files, paid providers being emulated. What comes back is
checked by the program: lengths are measured in the files, credits are compared with what the provider took, words must
stand in the text and in the data, and a second call must be named by the answer to the first. "One" key is sunoapi's.

Made by `make evaluate`; the requests are in `tests/evaluation/requests.toml`.

{totals}

## What it costs a conversation

{sizes}

## Every request

{table}
"""


def _row(number: int, one: Judged) -> list[str]:
    asked = one.scene.asked
    calls = "<br>then ".join(_call(one.scene, index) for index in range(len(asked.calls)))
    judged = WORDS[one.verdict] + (f": {asked.why}" if asked.why else "")
    judged += "".join(f"<br>{flaw.kind}: {_cell(flaw.words)}" for flaw in one.flaws)
    return [str(number), _cell(asked.said), asked.keys, calls, _cell(came_back(one.scene)), judged]


def _call(scene: Scene, index: int) -> str:
    call = scene.asked.calls[index]
    given = ", ".join(f"{name}={_value(value)}" for name, value in call.arguments.items())
    return f"`{call.tool}({given})`"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return Path(value).name if value.startswith("{folder}/") else value
    return json.dumps(cast(object, value), ensure_ascii=False)


def came_back(scene: Scene) -> str:
    """What the last answer says first, without the names of this run."""
    lines = scene.last.text.splitlines()
    said = lines[0] if scene.last.data is None else (scene.last.data.get("summary") or " / ".join(lines[:3]))
    for name in ("folder", "web"):
        said = said.replace(scene.places[name], f"({name})")
    said = re.sub(r"tsk_[0-9a-f]{32}", "tsk_…", re.sub(r"\d\d-\d\dT\d\d:\d\d", "(when)", said))
    return said if len(said) <= LONGEST or scene.last.data is None else f"{said[:LONGEST]}…"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
