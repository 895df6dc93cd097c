"""The process in which files of others are looked at: a request a line in, an answer a line out.

Run as `python -m fermata_mcp.media.decoding.process`. An empty line says that everything is loaded; then each line of
stdin is answered by one of stdout (see `messages`). The end of stdin means that the parent is gone: it leaves at once,
whatever it is doing. It also leaves, with code 0, when it was asked nothing for a while.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from fermata_mcp.media.child_process import one_thread

one_thread()

from fermata_mcp.domain.errors import FermataError, StoreUnavailable, TooLarge  # noqa: E402
from fermata_mcp.domain.spec import Window  # noqa: E402
from fermata_mcp.media.codecs.libraries import no_audio  # noqa: E402
from fermata_mcp.media.files import check_seal  # noqa: E402

from .limits import allow_seconds, limit_this_process  # noqa: E402
from .messages import (  # noqa: E402
    Answer,
    Broken,
    Compare,
    Cut,
    Hear,
    Join,
    Judge,
    Label,
    Listen,
    Preview,
    Probe,
    Request,
    answer_line,
    broken,
    request_of,
)
from .time_limits import seconds_for  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fermata_mcp.media.facts import JoinedFile, SeamFacts

IDLE_SECONDS = 120.0
_LONGEST_READ = 65_536
# What joins is a library in a room above: it is named here, found as a plug-in is, and known by `Joiner` alone.
JOINER = "fermata_mcp.rearrange.joining"
_ROOMS = (
    "arrival",
    "compare",
    "cutting",
    "preview",
    "encoding.quality",
    "tagging.carry",
    "tagging.labels",
    "hearing.listen",
)


def main() -> int:
    """Answer until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    out = os.dup(1)
    os.dup2(2, 1)  # whatever else prints has nothing to say to the parent
    _load()
    limit_this_process()
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read_lines, args=(lines,), daemon=True).start()
    _send(out, b"\n")
    for line in _until_idle(lines):
        request = request_of(line)
        allow_seconds(seconds_for(request))
        _send(out, answer_line(_answered(request)))
    return 0


def _load() -> None:
    """Import now what answers need: a limit on memory must not hit half an import."""
    for name in ("mutagen.mp3", "numpy.fft", "soundfile", "soxr", *(f"fermata_mcp.media.{room}" for room in _ROOMS)):
        import_module(name)
    _joiner()


def _answered(request: Request) -> Answer | Broken:
    try:
        return _done(request)
    except FermataError as error:
        return broken(error)
    except MemoryError:
        return broken(TooLarge(f"{request.path.name} needs more memory than a file may.", "give a shorter one."))
    except OSError as error:
        return broken(StoreUnavailable(f"a file could not be read or written ({error.strerror}).", "try again."))
    except Exception as error:  # noqa: BLE001 (whatever a library raises for a file is the file's fault)
        return broken(no_audio(f"{request.path.name} cannot be read ({type(error).__name__})."))


def _done(request: Request) -> Answer:
    from fermata_mcp.media import arrival, audio, compare, cutting, preview
    from fermata_mcp.media.hearing import listen
    from fermata_mcp.media.tagging import labels

    match request:
        case Probe(path):
            return audio.probe(path)
        case Hear(path):
            return arrival.hear(path)
        case Compare(path, reference, begins_at, seconds):
            return compare.likeness(path, reference, begins_at, seconds)
        case Join(path, before, begins_at, earliest, latest, stem):
            return _joiner().join(before, path, (begins_at, earliest, latest), stem)
        case Judge(path, at):
            return _joiner().judge(path, at)
        case Cut(path, seal, until, context, rate, channels, form, grid, target):
            check_seal(path, seal)
            return cutting.cut(path, until, Window(context, rate, channels, form, grid), target)
        case Listen(path):
            return listen.listen(path)
        case Label(path, title, origin):
            return labels.label(path, title, origin)
        case Preview(path, folder, most):
            return preview.preview(path, folder, most)


class Joiner(Protocol):
    """What is asked of the room that joins."""

    def join(self, before: Path, part: Path, place: tuple[float, float, float], target_stem: Path) -> JoinedFile:
        """See `Join`: `place` is where the part begins, and the earliest and the latest place of the join."""
        ...

    def judge(self, path: Path, at: float) -> SeamFacts:
        """See `Judge`."""
        ...


def _joiner() -> Joiner:
    return cast("Joiner", import_module(JOINER))


def _until_idle(lines: queue.Queue[bytes]) -> Iterator[bytes]:
    while True:
        try:
            yield lines.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            return


def _read_lines(lines: queue.Queue[bytes]) -> None:
    rest = b""
    while data := os.read(0, _LONGEST_READ):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            lines.put(line)
    os._exit(0)


def _send(out: int, data: bytes) -> None:
    while data:
        data = data[os.write(out, data) :]


if __name__ == "__main__":
    sys.exit(main())
