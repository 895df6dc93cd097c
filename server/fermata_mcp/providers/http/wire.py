"""Requests and answers as an adapter sees them: no client, no socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.spec import ProviderSpec

from . import words
from .values import number

_MISSING = frozenset({400, 404, 422})


@dataclass(frozen=True)
class Call:
    """One request. `path` starts at the host; `upload` sends to the provider's upload host.

    Attributes:
        form: Fields beside `file`; `fileName` is also what the file is called.
        file: Sent as a part of a form, or, if `raw`, as the body itself.
        seal: What tells that `file` is still the one that was checked.
        part: The name of the file's part.
        body_part: The name of a part that holds `body` as JSON, beside that of the file.
        raw: The body is the file, of `content_type`.
        url: Where it goes instead, if the provider named the whole address. The key goes along to its own host alone.
        headers: Sent besides those that every request has.
        audio: The answer is audio, or may hold some: see `Answer.file`.
        otherwise: The same question as older hosts want it; asked where this one is answered with 400 or 404 before
            it was ever understood. For reading only.
    """

    method: Literal["GET", "POST", "PUT"]
    path: str = ""
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    form: Mapping[str, str] = field(default_factory=dict[str, str])
    file: Path | None = None
    seal: str | None = None
    host: Literal["api", "upload"] = "api"
    otherwise: Call | None = None
    part: str = "file"
    body_part: str | None = None
    raw: bool = False
    content_type: str | None = None
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    audio: bool = False


@dataclass(frozen=True)
class Answer:
    """What came back: `body` is parsed JSON, or None where it was not JSON.

    Attributes:
        headers: By their names in small letters.
        file: Audio that came with it, where `Call.audio` expected some: all of the body, a part of several, or a long
            base64 text in JSON, which is empty in `body` then. Whoever asked must have it placed or removed.
    """

    status: int
    body: Any
    text: str
    retry_after: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    file: Path | None = None

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


def _code(value: Any) -> int:
    found = number(value) if not isinstance(value, str) or value.isdecimal() else None
    return int(found or 0)


def without_none(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


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
