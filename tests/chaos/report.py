"""What a run of the fuzzer has shown."""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from .answers import Id

MEMORY_MIB, PING_SECONDS = 300, 0.25
INTERNAL_ERROR = -32603
_TASK = re.compile(r"tsk_[0-9a-f]{32}")
_WORST = 20


@dataclass
class Report:
    """Counts of one door. `problems` is empty where everything is as promised."""

    door: str
    messages: Counter[str] = field(default_factory=Counter[str])
    answers: Counter[str] = field(default_factory=Counter[str])
    tasks: Counter[str] = field(default_factory=Counter[str])
    pings: list[float] = field(default_factory=list[float])
    problems: list[str] = field(default_factory=list[str])
    counts: dict[str, Any] = field(default_factory=dict[str, Any])
    unanswered: int = 0
    internal: int = 0
    seconds: float = 0.0
    memory: int = 0
    code: int | None = None
    leaving: float = 0.0

    def expect(self, holds: bool, otherwise: str) -> None:
        self.problems += [] if holds else [otherwise]

    def take(self, answer: dict[str, Any], known: deque[str]) -> None:
        """Count one answer, and keep the tasks that it tells of."""
        kind, ours = kind_of(answer)
        self.answers[kind] += 1
        self.internal += ours
        self.expect(not ours, f"an error of ours: {str(answer)[:300]}")
        result = cast(dict[str, Any], answer.get("result") or {})
        told: Any = result.get("structuredContent") or {}
        if isinstance(told, dict) and "task_id" in told:
            known.extend(one for one in _TASK.findall(str(cast(Any, told)["task_id"])) if one not in known)

    def missing(self, ids: Sequence[Id | None], said: bytes = b"") -> None:
        self.unanswered += len(ids)
        self.expect(not ids, f"{len(ids)} not answered: {[str(one)[:40] for one in ids[:5]]} {said[:300]!r}")

    def read_log(self, log: Path) -> None:
        """Nothing may be in it that is our own mistake."""
        lines = log.read_text(errors="replace").splitlines()
        self.counts["lines in the log"] = len(lines)
        for line in lines:
            self.expect(not _is_a_mistake_of_ours(line), f"logged: {line[:600]}")

    def rows(self) -> list[tuple[str, object]]:
        worst = sorted(self.pings) or [0.0]
        return [
            ("messages", self.messages.total()),
            *((f"… {kind}", count) for kind, count in self.messages.most_common()),
            ("answers", self.answers.total()),
            *((f"… {kind}", count) for kind, count in self.answers.most_common()),
            ("seconds", round(self.seconds)),
            ("unanswered", self.unanswered),
            ("errors of ours", self.internal),
            ("ping p50 / p99 / worst, ms", " / ".join(f"{1000 * worst[at]:.0f}" for at in _places(len(worst)))),
            ("memory at most, MiB", self.memory >> 20),
            *self.counts.items(),
            *((f"tasks {status}", count) for status, count in sorted(self.tasks.items())),
            ("exit code, after seconds", f"{self.code}, {self.leaving:.2f}"),
            ("problems", len(self.problems)),
        ]

    def table(self) -> str:
        lines = [f"| {self.door} | |", "|---|---|", *(f"| {name} | {value} |" for name, value in self.rows())]
        return "\n".join([*lines, *self.problems[:_WORST]])


def _places(count: int) -> tuple[int, int, int]:
    return count // 2, min(count - 1, count * 99 // 100), count - 1


def kind_of(answer: dict[str, Any]) -> tuple[str, bool]:
    """What an answer is, and whether it is an error of ours."""
    if "error" in answer:
        code = answer["error"]["code"]
        return f"error {code}", code == INTERNAL_ERROR
    result = cast(dict[str, Any], answer.get("result") or {})
    parts = cast(list[dict[str, Any]], result.get("content") or [{}])
    words = str(parts[0].get("text", "")) if result.get("isError") else ""
    told = cast(dict[str, Any], result.get("structuredContent") or {})
    failure = cast(dict[str, Any], told.get("error") or {})
    ours = words.startswith("internal:") or failure.get("code") == "internal"
    return (f"refusal {words.partition(':')[0]}"[:40] if words else "result"), ours


def _is_a_mistake_of_ours(line: str) -> bool:
    """Every line is JSON but the address of an http server, and none has a stack."""
    try:
        told = json.loads(line)
    except ValueError:
        return not line.startswith("Fermata ")
    return told["level"] == "error" or "stack" in told
