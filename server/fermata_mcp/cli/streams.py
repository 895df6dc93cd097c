"""Standard streams that can always be written to, whatever they are: closed, full, or of another alphabet."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import suppress
from typing import Any, TextIO


class OutputLost(Exception):
    """What was asked for could not be written to standard output."""


def make_safe() -> None:
    """Give this process three standard streams that take any text.

    A character that a stream cannot show is written as its number. Standard error swallows what it cannot write: there
    is nobody left to tell. Standard output raises `OutputLost`, or `BrokenPipeError` where the reader has left.
    """
    _fill_descriptors()
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (lives as long as the process)
    sys.stdout = _safe(sys.stdout, 1, _Output)
    sys.stderr = _safe(sys.stderr, 2, _Quiet)


def finish_output() -> None:
    """Write what is left. Raises as standard output does; afterwards the end of the process cannot fail for it."""
    try:
        sys.stdout.flush()
    except BaseException:
        _to_nowhere(1)
        raise


def json_text(value: Any) -> str:
    """JSON as it stands in `value` where standard output has letters for it, else with escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return json.dumps(value, indent=2)
    return text


def _fill_descriptors() -> None:
    """Where a standard stream was closed, the next file to be opened would get its number, and the output."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _safe(stream: TextIO | None, descriptor: int, kind: type[_Output | _Quiet]) -> TextIO:
    if stream is None:
        return kind(open(descriptor, "wb", closefd=False), "utf-8", "backslashreplace")
    if type(stream) is not io.TextIOWrapper:  # somebody else's, as in tests
        return stream
    lines = stream.line_buffering or kind is _Quiet
    return kind(stream.buffer, stream.encoding, "backslashreplace", line_buffering=lines)


def _to_nowhere(descriptor: int) -> None:
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


class _Output(io.TextIOWrapper):
    def write(self, s: str, /) -> int:
        try:
            return super().write(s)
        except OSError as error:
            raise _lost(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise _lost(error) from error


class _Quiet(io.TextIOWrapper):
    def write(self, s: str, /) -> int:
        try:
            return super().write(s)
        except (OSError, ValueError):
            _to_nowhere(2)
            return len(s)

    def flush(self) -> None:
        try:
            super().flush()
        except (OSError, ValueError):
            _to_nowhere(2)


def _lost(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):
        return error
    return OutputLost(f"The output cannot be written: {error.strerror}.")
