"""The first answers of a stdio server, given before the SDK is loaded: hosts that only look have their list at once.

What the server says of itself is the same for everybody, so it lies prepared beside this file, byte for byte as the
SDK would say it. Only what is certain is answered: any other line, setting or version is left to the server, which
hears everything from the beginning (`stdio.py`). Nothing is imported here but the standard library.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, NoReturn

from .surroundings import prepared_answers
from .talk import Prepared, Talk

READ_BYTES = 16 * 1024
LONGEST_LINE_BYTES = 16 * 1024
# Until the tools are listed a host may take its time; then it is used to load what the first call needs.
FIRST_QUIET_SECONDS = 1.0
QUIET_SECONDS = 0.1
_TOLD_TO_LEAVE = () if sys.platform == "win32" else (signal.SIGTERM, signal.SIGHUP)


class Handed(NamedTuple):
    """A conversation that has begun: `heard` are lines that have had their answers, `read` gives what came after."""

    heard: list[bytes]
    read: Callable[[], bytes]


def answer_first(load: Callable[[], object]) -> Handed | None:
    """Talk to the client until the server is there or needed. None: nothing was read, and nothing can be prepared.

    Args:
        load: Imports the server. It is called by a thread once the client is quiet.
    """
    prepared = prepared_answers(os.environ)
    if prepared is None:
        return None
    try:
        source, sink = _binary(os.dup(0)), _binary(os.dup(1))
    except OSError:
        return None
    for number in _TOLD_TO_LEAVE:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _leave)
    return _Front(prepared, source, sink, load).talk()


def _leave(*_: object) -> NoReturn:
    os._exit(0)


def _binary(descriptor: int) -> int:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(descriptor, os.O_BINARY)
    return descriptor


class _Front:
    def __init__(self, prepared: Prepared, source: int, sink: int, load: Callable[[], object]) -> None:
        self._talk = Talk(prepared)
        self._sink = sink
        self._heard: list[bytes] = []
        self._unread = b""
        self._parent = os.getppid()
        self._chunks: queue.Queue[bytes] = queue.Queue(1)
        self._loader = threading.Thread(target=_without_words, args=(load,), name="load", daemon=True)
        threading.Thread(target=_read, args=(source, self._chunks), name="stdin", daemon=True).start()

    def talk(self) -> Handed:
        """Answer line by line until one is not certain, the input ends or the server is loaded."""
        while self._answered() and len(self._unread) <= LONGEST_LINE_BYTES:
            data = self._next()
            if data is None:
                break
            if not data:
                if not self._unread:
                    _leave()
                self._chunks.put(data)  # the end, for the server to find
                break
            self._unread += data
        if self._loader.ident is not None:
            self._loader.join()
        os.close(self._sink)
        return Handed(self._heard, self._read_on)

    def _next(self) -> bytes | None:
        """What the client sends next, empty at its end; None once it is quiet and the server loaded."""
        while True:
            loading = self._loader.ident is not None
            try:
                return self._chunks.get(
                    timeout=QUIET_SECONDS if loading or self._talk.has_listed else FIRST_QUIET_SECONDS
                )
            except queue.Empty:
                if os.getppid() != self._parent:  # it may have left its end of the pipe open in others
                    _leave()
                if not loading:
                    self._loader.start()
                elif not self._loader.is_alive():
                    return None

    def _answered(self) -> bool:
        """Whether all whole lines that were read have had their answers."""
        while b"\n" in self._unread:
            line, _, rest = self._unread.partition(b"\n")
            answer = self._talk.answer(line)
            if answer is None or not self._said(answer):
                return False
            self._heard.append(line)
            self._unread = rest
        return True

    def _said(self, answer: bytes) -> bool:
        left = answer
        try:
            while left:
                left = left[os.write(self._sink, left) :]
        except BrokenPipeError:
            _leave()
        except OSError:  # the server meets the same, and has words for it
            return left != answer
        return True

    def _read_on(self) -> bytes:
        if self._unread:
            unread, self._unread = self._unread, b""
            return unread
        return self._chunks.get()


def _without_words(load: Callable[[], object]) -> None:
    with suppress(Exception):  # the same import fails again where it can be told
        load()


def _read(source: int, chunks: queue.Queue[bytes]) -> None:
    data = b"-"
    while data:
        try:
            data = os.read(source, READ_BYTES)
        except OSError:  # whoever wrote is gone
            data = b""
        chunks.put(data)
