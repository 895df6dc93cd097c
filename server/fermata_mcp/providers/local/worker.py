"""The engine as a process of its own: one job in, progress and one outcome out, all as JSON lines.

Run as `python -m fermata_mcp.providers.local.worker`. The job is the first line of stdin; stdin must then stay open,
because its end means that the parent is gone. On stdout come lines of progress and finally one outcome (see
`messages`). The exit code is 0 whenever an outcome was told.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from fermata_mcp.domain.errors import FermataError, InternalError, InvalidRequest
from fermata_mcp.media.child_process import one_thread

if TYPE_CHECKING:
    from types import FrameType

one_thread()

from fermata_mcp.media.atomic import remove_parts  # noqa: E402
from fermata_mcp.rearrange.job import Job, Result  # noqa: E402
from fermata_mcp.rearrange.lengthen import lengthen  # noqa: E402

from .messages import Done, Failed, Message, Progress, decode, encode  # noqa: E402

_LONGEST_JOB = 256 * 1024
_REPORT_EVERY = 0.2  # seconds
_KILLED = 128 + signal.SIGTERM


def main() -> int:
    """Do the one job of stdin."""
    gc.disable()  # one job and the end: what it leaves behind is not worth looking for
    reporter = _Reporter(_private_stdout())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which says what becomes of the work
    signal.signal(signal.SIGTERM, _terminated)
    try:
        job = _read_job(_first_line())
        threading.Thread(target=_die_with_parent, daemon=True).start()
        reporter.send(_done(lengthen(job, reporter.progress)))
    except FermataError as error:
        reporter.error(error)
    except MemoryError:
        reporter.error(InternalError("There is not enough memory for this track.", "try a shorter track."))
    except Exception as error:  # noqa: BLE001 (the parent must always get an outcome)
        sys.excepthook(type(error), error, error.__traceback__)
        reporter.error(InternalError(f"The engine failed: {type(error).__name__}."))
    return 0


def _read_job(line: bytes) -> Job:
    """Raises InvalidRequest for what is no job."""
    try:
        job = decode(line)
    except ValueError as error:
        raise InvalidRequest("The job is not a line of JSON with source, target and length_seconds.") from error
    if not isinstance(job, Job):
        raise InvalidRequest("The first line is no job.")
    return job


class _Reporter:
    def __init__(self, out: int) -> None:
        self._out = out
        self._last = ("", 0.0)

    def send(self, message: Message) -> None:
        data = encode(message)
        while data:
            data = data[os.write(self._out, data) :]

    def progress(self, share: float, message: str) -> None:
        """At every new stage, and a few times a second within one."""
        now = time.monotonic()
        if message != self._last[0] or now - self._last[1] >= _REPORT_EVERY:
            self._last = message, now
            self.send(Progress(round(share, 4), message))

    def error(self, error: FermataError) -> None:
        self.send(Failed(error.code, error.message, error.hint))


def _done(result: Result) -> Done:
    return Done(result.facts.duration_seconds, result.seams, result.warnings)


def _private_stdout() -> int:
    """A descriptor of the real stdout; whatever else prints goes to stderr."""
    out = os.dup(1)
    os.dup2(2, 1)
    return out


def _first_line() -> bytes:
    # bytes are read past Python's buffers, which a thread blocked at exit would lock
    line = b""
    while not line.endswith(b"\n") and len(line) < _LONGEST_JOB:
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line


def _die_with_parent() -> None:
    while os.read(0, 4096):
        pass
    _die()


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    _die()


def _die() -> None:
    """End now, whatever is being imported or written."""
    try:
        remove_parts()
    finally:
        os._exit(_KILLED)


if __name__ == "__main__":
    sys.exit(main())
