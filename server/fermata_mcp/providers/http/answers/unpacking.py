"""Audio out of an answer that lies on disk: the body itself, a part of several, or a base64 text in JSON.

Only pieces of it are ever in memory, however large it is.
"""

from __future__ import annotations

import base64
import binascii
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from fermata_mcp.media.atomic import whole_file
from fermata_mcp.media.formats.kinds import suffix_of

from .reply import MAX_ANSWER_BYTES, TooBig

_PIECE = 1 << 18
_START = 4096
_MOST_PARTS = 64
# One set of letters, so that matching takes no memory. JSON may write `/` as `\/`.
_LONG_TEXT = re.compile(rb'"(?:data:[\w/+.;=-]{0,100},)?([A-Za-z0-9+/_\\-]{4096,}={0,2})"')
_NO_AUDIO = frozenset({"application/json", "text/html", "text/plain"})


@dataclass(frozen=True)
class Unpacked:
    """`said` is the JSON, or the text, beside the audio; `file` the audio."""

    said: bytes
    file: Path | None = None


@dataclass(frozen=True)
class _Part:
    content_type: str
    start: int
    end: int


def unpacked(whole: Path, stem: Path, content_type: str) -> Unpacked:
    """What a finished answer holds; its audio is put at `stem` with the ending that its bytes call for.

    Args:
        content_type: The header of that name, with its parameters.

    Raises:
        TooBig: What is said beside the audio is larger than any real answer.
        OSError: The audio cannot be written.
    """
    if not whole.stat().st_size:
        return Unpacked(b"")
    with whole.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        told = Message()
        told["content-type"] = content_type
        if told.get_content_maintype() == "multipart" and (boundary := told.get_boundary()):
            return _of_parts(data, stem, boundary.encode(errors="replace"))
        if told.get_content_subtype().endswith("json") or data[:_START].lstrip()[:1] in (b"{", b"["):
            return _of_json(data, stem)
        kind = told.get_content_type() if "/" in content_type else ""  # its default is plain text
        found = None if kind in _NO_AUDIO else _kept(data, _Part(kind, 0, len(data)), stem)
        return Unpacked(b"" if found else data[:_START], found)


def _of_parts(data: mmap.mmap, stem: Path, boundary: bytes) -> Unpacked:
    """The first part that is audio, and the first that is JSON."""
    said, file = b"", None
    for part in _parts(data, boundary):
        if part.content_type.endswith("json") and not said:
            said = _bounded(data, part)
        elif file is None:
            file = _kept(data, part, stem)
    return Unpacked(said, file)


def _parts(data: mmap.mmap, boundary: bytes) -> Iterator[_Part]:
    """Those that have an end."""
    mark = b"--" + boundary
    at = data.find(mark)
    for _ in range(_MOST_PARTS):
        head = data.find(b"\r\n\r\n", at)
        end = data.find(b"\r\n" + mark, at + len(mark))
        if at < 0 or end < 0 or not 0 <= head < end:
            return
        told = re.search(rb"\r\ncontent-type:[ \t]*([^;\r\n]+)", data[at : min(head, at + _START)] + b"\r\n", re.I)
        yield _Part(told[1].strip().decode("latin-1").lower() if told else "", head + 4, end)
        at = end + 2


def _bounded(data: mmap.mmap, part: _Part) -> bytes:
    if part.end - part.start > MAX_ANSWER_BYTES:
        raise TooBig
    return data[part.start : part.end]


def _of_json(data: mmap.mmap, stem: Path) -> Unpacked:
    """Long texts are left out of what is said; the first that is audio is kept."""
    said, file, at = bytearray(), None, 0
    for found in _LONG_TEXT.finditer(data):
        said += _bounded(data, _Part("", at, found.start())) + b'""'
        file = file or _decoded(data, _Part("", *found.span(1)), stem)
        at = found.end()
    said += _bounded(data, _Part("", at, len(data)))
    if len(said) > MAX_ANSWER_BYTES:
        raise TooBig
    return Unpacked(bytes(said), file)


def _kept(data: mmap.mmap, part: _Part, stem: Path) -> Path | None:
    """The part as a file of its own; None where its bytes are no audio, whatever it is called."""
    suffix = suffix_of(data[part.start : min(part.end, part.start + _START)], part.content_type)
    if suffix is None or part.start >= part.end:
        return None
    return _written(stem, suffix, (data[at : min(part.end, at + _PIECE)] for at in range(part.start, part.end, _PIECE)))


def _decoded(data: mmap.mmap, part: _Part, stem: Path) -> Path | None:
    """The same of a base64 text."""
    pieces = _plain(data, part)
    try:
        first = next(pieces, b"")
        suffix = suffix_of(first[:_START], None)
        return None if suffix is None else _written(stem, suffix, _with(first, pieces))
    except binascii.Error:
        return None


def _plain(data: mmap.mmap, part: _Part) -> Iterator[bytes]:
    rest = b""
    for at in range(part.start, part.end, _PIECE):
        rest += data[at : min(part.end, at + _PIECE)].translate(bytes.maketrans(b"-_", b"+/"), b"\\")
        whole = len(rest) // 4 * 4
        yield base64.b64decode(rest[:whole], validate=True)
        rest = rest[whole:]
    if rest:
        yield base64.b64decode(rest + b"=" * (-len(rest) % 4), validate=True)


def _with(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from others


def _written(stem: Path, suffix: str, pieces: Iterator[bytes]) -> Path:
    """A file that appears whole or not at all."""
    target = stem.with_name(stem.name + suffix)
    with whole_file(target) as part, part.open("wb") as file:
        for piece in pieces:
            file.write(piece)
    return target
