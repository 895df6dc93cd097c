"""What an adapter author fills in: facts, and pure functions between our words and one provider's wire."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from fermata_mcp.domain.plan import clean_text
from fermata_mcp.domain.spec import ProviderSpec, Refusal
from fermata_mcp.domain.task import Clip, Work

from .base import Snapshot

logger = logging.getLogger(__name__)
DONE_WORDS = frozenset({"succeeded", "success", "complete", "completed"})
FAILED_WORDS = frozenset({"failed", "fail", "error", "cancelled", "timeout"})


@dataclass(frozen=True)
class Call:
    """One request. `path` starts at the host; `upload` sends to the provider's upload host."""

    method: Literal["GET", "POST"]
    path: str
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    form: Mapping[str, str] = field(default_factory=dict[str, str])
    file: Path | None = None
    host: Literal["api", "upload"] = "api"


@dataclass(frozen=True)
class Answer:
    """What came back: `body` is parsed JSON, or None where it was not JSON."""

    status: int
    body: Any
    text: str
    retry_after: float | None = None

    def get(self, *path: str | int) -> Any:
        """The value at a path of keys and indexes, or None as soon as the answer has another shape."""
        value = self.body
        for key in path:
            match value, key:
                case dict(), str():
                    value = cast(dict[str, Any], value).get(key)
                case list(), int() if key < len(cast(list[Any], value)):
                    value = cast(list[Any], value)[key]
                case _:
                    return None
        return value

    def code(self) -> int:
        """The code in the body where it says more than the HTTP status; nothing outdoes a server's own failure."""
        if self.status >= 500:
            return self.status
        inner = self.get("code")
        if isinstance(inner, str) and inner.isdecimal():
            inner = int(inner)
        return inner if isinstance(inner, int) and not isinstance(inner, bool) and inner >= 400 else self.status

    def message(self) -> str:
        """The provider's own words: data, cut and cleaned."""
        places = ("msg", "message", "error", "detail"), ("error", "data")
        for key in places[0]:
            said = self.get(key)
            if isinstance(said, str) and said.strip():
                return clean_text(said, 300)
        for key in places[1]:
            said = self.get(key, "message")
            if isinstance(said, str) and said.strip():
                return clean_text(said, 300)
        return f"HTTP {self.status}"


class Adapter(Protocol):
    """One provider's dialect. No I/O; everything here can be tested on values alone."""

    @property
    def spec(self) -> ProviderSpec: ...

    @property
    def family(self) -> str:
        """Which settings hold its key and addresses."""
        ...

    def submit_call(self, work: Work) -> Call:
        """The one request that starts `work`."""
        ...

    def read_submit(self, answer: Answer) -> str | None:
        """The id under which it was accepted; None where the answer does not say so."""
        ...

    def refusal(self, answer: Answer) -> Refusal | None:
        """A refusal that only the words of the answer tell; None leaves it to `spec.refusals`."""
        ...

    def look_call(self, remote_id: str) -> Call: ...

    def read_look(self, answer: Answer, remote_id: str) -> Snapshot | None:
        """How the work is getting on; None where this is no answer about the work (an error page, say)."""
        ...

    def clip_call(self, clip_id: str) -> Call | None:
        """Look up a clip by its id; None where no such look-up is documented, or it costs something."""
        ...

    def read_clip(self, answer: Answer, clip_id: str) -> Clip | None:
        """The finished clip of that id; None where the answer does not tell of it."""
        ...

    def balance_call(self) -> Call | None:
        """None where the provider has no such call."""
        ...

    def read_balance(self, answer: Answer) -> float | None: ...

    def upload_call(self, file: Path) -> Call | None:
        """Put a file where the provider can fetch it; None where it takes links only."""
        ...

    def read_upload(self, answer: Answer) -> str | None:
        """The address under which an uploaded file can be fetched."""
        ...


def seconds(value: Any) -> float | None:
    """A duration as providers write it (number, numeric text, sometimes milliseconds), or None."""
    found = number(value)
    if found is None or not 0 < found < 10_000_000:
        return None
    return found / 1000 if found > 3600 else found


def text(value: Any) -> str | None:
    """Text from a provider as data: one line, cleaned, cut; None for anything else."""
    return clean_text(value, 300) or None if isinstance(value, str) else None


def link(value: Any) -> str | None:
    """An http(s) address of printable characters, or None."""
    found = value.strip() if isinstance(value, str) else ""
    return found if found.isprintable() and re.match(r"https?://\S+$", found) else None


@lru_cache(256)
def note_once(provider: str, word: str) -> None:
    """Say in the log, once, that a provider uses a word nobody documented."""
    logger.warning("%s uses the state %r, which is not documented: taken as running", provider, word)


def number(value: Any) -> float | None:
    """A finite number, also from numeric text, or None."""
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def without_none(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}
