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

from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.spec import ProviderSpec, Refusal
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.domain.text import clean_text
from fermata_mcp.providers.base import Snapshot

from . import words
from .words import FAILED_WORDS as FAILED_WORDS

logger = logging.getLogger(__name__)
DONE_WORDS = frozenset({"succeeded", "success", "complete", "completed"})


@dataclass(frozen=True)
class Call:
    """One request. `path` starts at the host; `upload` sends to the provider's upload host.

    Attributes:
        seal: What tells that `file` is still the one that was checked.
        otherwise: The same question as older hosts want it; asked where this one is answered with 400 or 404 before
            it was ever understood. For reading only.
    """

    method: Literal["GET", "POST"]
    path: str
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    form: Mapping[str, str] = field(default_factory=dict[str, str])
    file: Path | None = None
    seal: str | None = None
    host: Literal["api", "upload"] = "api"
    otherwise: Call | None = None


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
        told = (_code(self.get(*place)) for place in (("code",), ("error", "code"), ("error", "status")))
        return next((code for code in told if code >= 400), self.status)

    def message(self) -> str:
        """The provider's own words: data, cut and cleaned."""
        told = words.mapping(self.body)
        top = words.said(self.body) if told is None else words.reason(told)
        if top is None or words.says_nothing(top):
            inner = words.mapping(self.get("data"))
            top = (words.reason(inner) if inner else None) or top
        return top or f"HTTP {self.status}"

    def task_id(self) -> str | None:
        """The id under which work was taken on, wherever it is; None where the answer speaks of an error."""
        return words.accepted_id(self.body)

    def unlisted(self, *codes: int) -> bool:
        """Whether the provider itself, and no gateway's page, knows no such work; `codes` always mean it."""
        code = self.code()
        return isinstance(self.body, dict) and (
            code in codes or (code in _MISSING and words.about_unknown(self.message()))
        )


_MISSING = frozenset({400, 404, 422})


def _code(value: Any) -> int:
    found = number(value) if not isinstance(value, str) or value.isdecimal() else None
    return int(found or 0)


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

    def complete(self, work: Work) -> Work:
        """`work` with everything that its wire needs and that follows from it; the same again where it is complete."""
        ...

    def notes_for(self, work: Work) -> tuple[str, ...]:
        """What whoever asks for `work` must know of what is sent for it."""
        ...

    def read_submit(self, answer: Answer) -> str | None:
        """The id under which it was accepted; None where the answer does not say so."""
        ...

    def refusal(self, answer: Answer) -> Refusal | None:
        """A refusal that only the words of the answer tell; None leaves it to `spec.refusals`."""
        ...

    def poll_call(self, remote_id: str) -> Call: ...

    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        """How the work is getting on; None where this is no answer about the work (an error page, say)."""
        ...

    def clip_call(self, clip_id: str) -> Call | None:
        """Look up a clip by its id; None where no such look-up is documented, or it costs something."""
        ...

    def read_clip(self, answer: Answer, clip_id: str) -> Clip | None:
        """The finished clip of that id; None where the answer does not tell of it.

        Raises:
            UnknownTrack: The answer says that there is no such clip.
        """
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


def credits_in(value: Any) -> float | None:
    """Credits as a number, or as an object that names them."""
    told = words.mapping(value)
    if told is None:
        return number(value)
    parts = [number(told.get(name)) for name in ("credits", "extra_credits")]
    if parts != [None, None]:
        return sum(part or 0.0 for part in parts)
    others = (number(told.get(name)) for name in ("credit", "balance", "remaining_credits", "remaining"))
    return next((found for found in others if found is not None), None)


def with_options(body: Mapping[str, Any], options: Mapping[str, Any], spec: ProviderSpec) -> dict[str, Any]:
    """`body` with the provider's own fields, verbatim; of two spellings of one field only the one given is sent.

    Raises:
        InvalidRequest: The options themselves hold both spellings.
    """
    replaced = {spec.fields[spec.aliases[name]].wire: name for name in options if name in spec.aliases}
    twice = [f"options.{name} and options.{replaced[name]}" for name in replaced if name in options]
    if twice:
        raise InvalidRequest(f"{', '.join(twice)} say the same to {spec.name}.", "give one of them.")
    return {name: value for name, value in body.items() if name not in replaced} | dict(options)
