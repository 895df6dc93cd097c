"""The engine as a process of its own: one job in, progress and one outcome out, all as JSON lines.

Run as `python -m fermata_mcp.providers.local.worker`. The job is the first line of stdin, an object with the fields of
`Job`; stdin must then stay open, because its end means that the parent is gone. On stdout come
`{"progress": 0..1, "message"}` lines and finally one `{"done": {…}}` or `{"error": {"code", "message", "hint"}}`. The
exit code is 0 whenever an outcome was told.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fermata_mcp.domain.errors import FermataError, InternalError, InvalidRequest
from fermata_mcp.media.child_process import one_thread

if TYPE_CHECKING:
    from types import FrameType

one_thread()

from fermata_mcp.rearrange.job import Job, Result  # noqa: E402
from fermata_mcp.rearrange.lengthen import lengthen  # noqa: E402

_LONGEST_JOB = 256 * 1024
_TELL_EVERY = 0.2  # seconds
_KILLED = 128 + signal.SIGTERM


def main() -> int:
    """Do the one job of stdin."""
    gc.disable()  # one job and the end: what it leaves behind is not worth looking for
    told = _Teller(_private_stdout())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which says what becomes of the work
    signal.signal(signal.SIGTERM, _terminated)
    try:
        job = read_job(_first_line())
        threading.Thread(target=_die_with_parent, daemon=True).start()
        told.line({"done": _described(lengthen(job, told.progress))})
    except FermataError as error:
        told.error(error)
    except MemoryError:
        told.error(InternalError("There is not enough memory for this track.", "try a shorter track."))
    except Exception as error:  # noqa: BLE001 (the parent must always get an outcome)
        sys.excepthook(type(error), error, error.__traceback__)
        told.error(InternalError(f"The engine failed: {type(error).__name__}."))
    return 0


def read_job(line: bytes) -> Job:
    """The job of one JSON line.

    Raises:
        InvalidRequest: Not such a line.
    """
    try:
        given: dict[str, Any] = json.loads(line)
        place = given.get("continue_at")
        return Job(
            source=Path(given["source"]),
            target=Path(given["target"]),
            seal=given.get("seal"),
            length_seconds=float(given["length_seconds"]),
            continue_at=None if place is None else float(place),
            title=given.get("title"),
            take=int(given.get("take", 1)),
            ending=given.get("ending", "auto"),
            part=given.get("part"),
            cache=Path(given["cache"]) if given.get("cache") else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRequest("The job is not a JSON object with source, target and length_seconds.") from error


class _Teller:
    def __init__(self, out: int) -> None:
        self._out = out
        self._last = ("", 0.0)

    def line(self, value: dict[str, Any]) -> None:
        data = json.dumps(value, separators=(",", ":")).encode() + b"\n"
        while data:
            data = data[os.write(self._out, data) :]

    def progress(self, share: float, message: str) -> None:
        """At every new stage, and a few times a second within one."""
        now = time.monotonic()
        if message != self._last[0] or now - self._last[1] >= _TELL_EVERY:
            self._last = message, now
            self.line({"progress": round(share, 4), "message": message})

    def error(self, error: FermataError) -> None:
        self.line({"error": {"code": error.code, "message": error.message, "hint": error.hint}})


def _described(result: Result) -> dict[str, Any]:
    facts = result.facts
    return {
        "duration_seconds": facts.duration_seconds,
        "frames": facts.frames,
        "sample_rate": facts.sample_rate,
        "channels": facts.channels,
        "container": facts.container,
        "subtype": facts.subtype,
        "mode": result.mode,
        "seams": [
            {
                "at": round(seam.at, 4),
                "from": round(seam.leave, 4),
                "to": round(seam.enter, 4),
                "blend_ms": round(seam.crossfade_ms, 1),
                "confidence": seam.confidence,
            }
            for seam in result.seams
        ],
        "ending": result.ending,
        "warnings": list(result.warnings),
    }


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
    """End now, also while the room that writes is only half imported: then nothing is written yet."""
    try:
        output = sys.modules.get("fermata_mcp.rearrange.output.encode")
        remove_parts = getattr(output, "remove_parts", None)
        if remove_parts is not None:
            remove_parts()
    finally:
        os._exit(_KILLED)


if __name__ == "__main__":
    sys.exit(main())
