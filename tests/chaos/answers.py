"""Which answers a message is due, judged apart from the product, and whether they came."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

Id = str | int
_OPENS = re.compile(rb'\s*\{"jsonrpc": ?"2.0", ?"id": ?(0|-?[1-9]\d{0,299}|"[\w-]+"),')
_ANY_ID = re.compile(rb'"id"\s*:\s*(-?\d+|"(?:[^"\\]|\\.)*")')
_ANSWERS = re.compile(rb'"(?:result|error)"\s*:')
_LONGEST_ID = 1000
_OF_A_BATCH = 1000
_DEEPEST = 100
# Of what is longer, not all is searched for what it is.
_HEAD_BYTES = 60_000


@dataclass(frozen=True)
class Due:
    """What must be answered.

    Attributes:
        ids: An answer each.
        either: One answer more, under one of these (None is null); nothing where it is empty.
    """

    ids: tuple[Id, ...] = ()
    either: frozenset[Id | None] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.ids or self.either)


NAMELESS = Due(either=frozenset({None}))


def due(data: bytes) -> Due:
    """What is due for one line or body: where it can be read, by its meaning; else by the id that it opens with."""
    if not data.strip():
        return Due()
    try:
        value: Any = json.loads(data.decode())
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # no JSON, or with text that is no Unicode
        return _due_for_rubbish(data)
    return _due_for_rubbish(data) if _too_deep(value) else _due_for(value)


def _too_deep(value: Any) -> bool:
    """Whether parsers differ on it: they give up at 200 levels or at 1000."""
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        level = [part for one in level for part in _inside(one)]
    return bool(level)


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast(dict[str, Any], value).values())
    return cast(list[Any], value) if isinstance(value, list) else []


def _due_for(value: Any) -> Due:
    if isinstance(value, list):
        asking = [cast(dict[str, Any], one) for one in cast(list[Any], value) if isinstance(one, dict)]
        ids = [_id_of(one) for one in asking if "method" in one]
        found = [one for one in ids if one is not None][:_OF_A_BATCH]
        return Due(tuple(found)) if found else NAMELESS
    if not isinstance(value, dict):
        return NAMELESS
    message = cast(dict[str, Any], value)
    if "method" not in message and ("result" in message or "error" in message):
        return Due()
    if "id" in message:
        named = _id_of(message)
        return NAMELESS if named is None else Due((named,))
    heard = isinstance(message.get("method"), str) and isinstance(message.get("params"), dict | None)
    return Due() if heard and message.get("jsonrpc") == "2.0" else NAMELESS


def _id_of(message: dict[str, Any]) -> Id | None:
    """Its id, if it is one that can be sent back."""
    named: Any = message.get("id")
    if isinstance(named, str):
        return named if len(named) <= _LONGEST_ID and _writable(named) else None
    whole = isinstance(named, int) and not isinstance(named, bool)
    return named if whole and abs(named) < 10**_LONGEST_ID else None


def _writable(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _due_for_rubbish(data: bytes) -> Due:
    answers = _ANSWERS.search(data) and b'"method"' not in data
    if answers and len(data) < _HEAD_BYTES:
        return NAMELESS  # under an id it would look like an answer to somebody's question
    opens = _OPENS.match(data)
    if opens and not answers and len(_ANY_ID.findall(data)) == 1:
        return Due((json.loads(opens.group(1)),))
    found: set[Id | None] = {None}
    for text in _ANY_ID.findall(data):
        try:
            found.add(json.loads(text.decode()))
        except ValueError:
            continue
    return Due(either=frozenset(found))


# --- books ------------------------------------------------------------------------------------------------------------


@dataclass
class Books:
    """Answers that are due on one connection, and those that came.

    Attributes:
        excused: Ids whose request was cancelled: it may go unanswered.
    """

    must: Counter[Id] = field(default_factory=Counter[Id])
    came: Counter[Id | None] = field(default_factory=Counter[Id | None])
    waiting: set[Id] = field(default_factory=set[Id])
    excused: set[Id] = field(default_factory=set[Id])
    either: int = 0

    def expect(self, due: Due) -> None:
        for one in due.ids:
            self.must[one] += 1
            if self.came[one] < self.must[one]:
                self.waiting.add(one)
        self.either += bool(due.either)

    def excuse(self, one: Id) -> None:
        self.excused.add(one)
        self.waiting.discard(one)

    def take(self, one: Id | None) -> None:
        self.came[one] += 1
        if one is not None and self.came[one] >= self.must[one]:
            self.waiting.discard(one)

    def unanswered(self) -> list[Id]:
        return [one for one, most in self.must.items() if self.came[one] < most and one not in self.excused]

    def without_a_question(self) -> int:
        """Answers beyond those that were due; below 0, nameless ones that are missing."""
        known: Iterable[Id | None] = self.came
        beyond = sum(max(0, self.came[one] - (0 if one is None else self.must[one])) for one in known)
        return beyond - self.either
