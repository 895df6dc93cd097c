"""What the program says on standard error: plain lines, written by a thread of their own.

Nobody who does not read our standard error, and no flood of mistakes, may hold up an answer: what does not fit into a
short queue is counted instead of kept. A stack is shown for our own mistakes only.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime

import anyio

from .domain.errors import FermataError
from .domain.foreign.text import visible

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")
QUEUED_RECORDS = 1000
LAST_LINES_SECONDS = 0.2
STACK_FRAMES = 12
STACKS_OF_A_GROUP = 3
# They tell addresses and headers of providers, where keys can be.
QUIET_LOGGERS = ("httpx2", "httpcore2", "hpack")
_FULL_OR_GONE = frozenset({
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EPIPE,
})  # fmt: skip
_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default={})  # noqa: B039  (nobody writes into it)
_LEFT = (anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream)


@contextmanager
def logging_to_stderr(level: str = "warning", form: str = "text") -> Generator[None]:
    """Everything that is logged inside goes to standard error, a line each: `level` as in LEVELS, `form` in FORMATS."""
    root = logging.getLogger()
    before = root.level
    handler = _OffTheLoop(_to(sys.stderr), in_json if form == "json" else in_words)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    root.addHandler(handler)
    root.setLevel(level.upper())
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
        handler.close()


@contextmanager
def about(**ids: str) -> Generator[None]:
    """What is logged inside concerns these: `task`, `principal`. Ids and names alone, nothing that is secret."""
    before = _ABOUT.set({**_ABOUT.get(), **ids})
    try:
        yield
    finally:
        _ABOUT.reset(before)


def _concerned() -> dict[str, str]:
    """Whom a line concerns that is logged here, and the open trace, where anybody traces."""
    tracing = sys.modules.get("opentelemetry.trace")
    span = tracing.get_current_span().get_span_context() if tracing else None
    trace = {"trace": f"{span.trace_id:032x}"} if span is not None and span.is_valid else {}
    return {**_ABOUT.get(), **trace}


def _to(stream: object) -> Callable[[str], None]:
    """Writes lines. By descriptor where there is one: a blocked stream object would be locked when we leave."""
    try:
        number = sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        write = getattr(stream, "write", None)
        return (lambda text: write(text)) if write else (lambda _: None)

    def to_descriptor(text: str) -> None:
        data = text.encode(errors="backslashreplace")
        with suppress(OSError):
            while data:
                data = data[os.write(number, data) :]

    return to_descriptor


class _OffTheLoop(logging.Handler):
    """Hands records to a thread, and never waits for it."""

    def __init__(self, write: Callable[[str], None], form: Callable[[logging.LogRecord], str]) -> None:
        super().__init__()
        self._write = write
        self._form = form
        self._lost = 0
        self._records: queue.Queue[logging.LogRecord | None] = queue.Queue(QUEUED_RECORDS)
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        if not _is_leaving(record):
            record.concerns = _concerned()  # here, since the thread that writes knows nothing of it
            self._put(record)

    def _put(self, record: logging.LogRecord | None) -> None:
        try:
            self._records.put_nowait(record)
        except queue.Full:
            self._lost += 1

    def _run(self) -> None:
        while (record := self._records.get()) is not None:
            self._write(self._form(record) + "\n")
            if self._lost:
                lost, self._lost = self._lost, 0
                self._write(self._form(_about(lost)) + "\n")

    def close(self) -> None:
        self._put(None)
        self._thread.join(LAST_LINES_SECONDS)
        super().close()


def _about(lost: int) -> logging.LogRecord:
    words = "%d more lines were not written: too many at once"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, words, (lost,), None)


def _is_leaving(record: logging.LogRecord) -> bool:
    """Whether it only says that something was cut because the program or a client goes."""
    error = record.exc_info[1] if record.exc_info else None
    return error is not None and all(isinstance(one, asyncio.CancelledError) for one in leaves(error))


# --- forms ------------------------------------------------------------------------------------------------------------


def in_words(record: logging.LogRecord) -> str:
    """`time LEVEL where: what`, and below it the stack of a mistake of ours."""
    level, message, stack = _told(record)
    return f"{_time(record)} {level} {record.name}: {message}" + "".join(f"\n  {line}" for line in stack)


def in_json(record: logging.LogRecord) -> str:
    """One object a line: `time`, `level`, `logger`, `message`, whom it concerns, and `stack` for a mistake of ours.

    Whom it concerns is told by `task`, `principal` and `trace`, as far as that is known.
    """
    level, message, stack = _told(record)
    told = {"time": _time(record), "level": level.lower(), "logger": record.name, "message": message}
    told |= {name: visible(value, 200) for name, value in getattr(record, "concerns", {}).items()}
    return json.dumps(told | ({"stack": stack} if stack else {}))


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _told(record: logging.LogRecord) -> tuple[str, str, list[str]]:
    """Level, message on one line, and stack. What others did, or a full disk, is a warning without a stack."""
    message = visible(_message(record), 500)
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return record.levelname, message, []
    found = leaves(error)
    why = "; ".join(dict.fromkeys(_in_short(one) for one in found[:STACKS_OF_A_GROUP]))
    if all(map(is_no_mistake_of_ours, found)):
        return logging.getLevelName(min(record.levelno, logging.WARNING)), f"{message}: {why}", []
    return record.levelname, f"{message}: {why}", _stack(found)


def _in_short(error: BaseException) -> str:
    return f"{type(error).__name__}: {visible(str(error), 200)}"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  (a wrong format must not end the thread that tells)
        return str(record.msg)


def _stack(found: list[BaseException]) -> list[str]:
    some = found[:STACKS_OF_A_GROUP]
    lines = [line for one in some for line in traceback.format_tb(one.__traceback__, -STACK_FRAMES)]
    return [visible(line, 300) for text in lines for line in text.splitlines() if line.strip()]


def leaves(error: BaseException) -> list[BaseException]:
    """The errors inside a group, and inside its groups; of any other error, itself."""
    inside: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return [leaf for one in inside for leaf in leaves(one)] if inside else [error]


def is_no_mistake_of_ours(error: BaseException) -> bool:
    """Whether a client, a provider or a full device is behind it, and a stack would tell nothing."""
    if isinstance(error, OSError):
        return isinstance(error, ConnectionError) or error.errno in _FULL_OR_GONE
    return isinstance(error, (*_LEFT, FermataError, asyncio.CancelledError))
