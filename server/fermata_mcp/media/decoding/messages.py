"""What can be asked of the decoder process and what it answers, as values and as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from fermata_mcp.domain.errors import FermataError
from fermata_mcp.domain.foreign import paths
from fermata_mcp.domain.spec import SentForm
from fermata_mcp.media.facts import (
    AudioFacts,
    AudioReport,
    JoinedFile,
    MusicFacts,
    PreviewFacts,
    SeamFacts,
    WindowFacts,
)


@dataclass(frozen=True)
class Probe:
    """Answered by `AudioFacts`."""

    path: Path


@dataclass(frozen=True)
class Hear:
    """Answered by `AudioReport`."""

    path: Path


@dataclass(frozen=True)
class Compare:
    """Whether `path` begins as `reference` goes on from `begins_at` for `seconds`: "same", "different" or None."""

    path: Path
    reference: Path
    begins_at: float
    seconds: float


@dataclass(frozen=True)
class Join:
    """`path` behind `before`, written to `stem` and an ending; answered by `JoinedFile`.

    Attributes:
        begins_at: Second of the track `before` at which `path` begins.
        earliest, latest: Between which the join may be; `path` is a copy of the track before the first.
    """

    path: Path
    before: Path
    begins_at: float
    earliest: float
    latest: float
    stem: Path

    @property
    def folder(self) -> Path:
        """Where it is written."""
        return self.stem.parent


@dataclass(frozen=True)
class Judge:
    """How sure a join is that somebody else made at second `at` of `path`; answered by `SeamFacts`."""

    path: Path
    at: float


@dataclass(frozen=True)
class Cut:
    """What `path` has before second `until`, written to `target`; answered by `WindowFacts`.

    Attributes:
        seal: What tells that it is still the file that was checked; None where nobody checked it.
        context, rate, channels, form, grid: See `domain.spec.Window`.
    """

    path: Path
    seal: str | None
    until: float
    context: float
    rate: int
    channels: int
    form: SentForm
    grid: float
    target: Path

    @property
    def folder(self) -> Path:
        """Where it is written."""
        return self.target.parent


@dataclass(frozen=True)
class Listen:
    """Answered by `MusicFacts`."""

    path: Path


@dataclass(frozen=True)
class Label:
    """Tags for `path`; answered by None."""

    path: Path
    title: str | None
    origin: str

    @property
    def folder(self) -> Path:
        """Where it is written."""
        return self.path.parent


@dataclass(frozen=True)
class Preview:
    """A compressed copy of `path` with at most `most` bytes, kept in `folder`; answered by `PreviewFacts`."""

    path: Path
    folder: Path
    most: int


@dataclass(frozen=True)
class Broken:
    """What went wrong with a file, in the words of the error `code` of the public contract."""

    code: str
    message: str
    hint: str


Request = Probe | Hear | Compare | Join | Judge | Cut | Listen | Label | Preview
_Value = AudioFacts | AudioReport | JoinedFile | SeamFacts | WindowFacts | MusicFacts | PreviewFacts
Answer = _Value | str | None
_REQUESTS: dict[str, type[Request]] = {
    kind.__name__: kind for kind in (Probe, Hear, Compare, Join, Judge, Cut, Listen, Label, Preview)
}
_VALUES: dict[str, type[_Value | Broken]] = {
    kind.__name__: kind
    for kind in (AudioFacts, AudioReport, JoinedFile, SeamFacts, WindowFacts, MusicFacts, PreviewFacts, Broken)
}


def broken(error: FermataError) -> Broken:
    return Broken(error.code, error.message, error.hint)


def request_line(request: Request) -> bytes:
    return _line({"do": type(request).__name__, **_written(request)})


def request_of(line: bytes) -> Request:
    given: dict[str, Any] = json.loads(line)
    kind = _REQUESTS[given.pop("do")]
    return kind(**_read(kind, given))


def answer_line(answer: Answer | Broken) -> bytes:
    if answer is None or isinstance(answer, str):
        return _line({"word": answer})
    return _line({"is": type(answer).__name__, **_written(answer)})


def answer_of(line: bytes) -> Answer | Broken:
    """Raises ValueError, KeyError or TypeError for what is no answer."""
    given: dict[str, Any] = json.loads(line)
    if "is" not in given:
        return given["word"]
    kind = _VALUES[given.pop("is")]
    return kind(**_read(kind, given))


def _read(kind: type[Any], given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a value of that kind, which JSON has as text and lists."""
    types = {field.name: str(field.type) for field in fields(kind)}
    return {name: _VALUE_OF.get(types[name], _itself)(value) for name, value in given.items()}


def _itself(value: Any) -> Any:
    return value


_VALUE_OF: dict[str, Callable[[Any], Any]] = {
    "Path": lambda text: Path(paths.read(text)),
    "tuple[str, ...]": tuple,
}


def _written(value: Any) -> dict[str, Any]:
    found = {name: paths.written(str(one)) if isinstance(one, Path) else one for name, one in asdict(value).items()}
    return {name: paths.shown(one) if isinstance(one, str) else one for name, one in found.items()}


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
