"""How long a look at a file may take."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from .messages import Compare, Join, Judge, Preview, Request

_LEAST_SECONDS, _MOST_SECONDS, _BYTES_A_SECOND = 10.0, 600.0, 1_000_000
_LISTENING_SECONDS = 20.0  # to what is around a join


def seconds_for(request: Request) -> float:
    """Seconds of a processor that a request may take: plenty for honest files of that size."""
    if isinstance(request, Preview):  # a small file may hold an hour, and encoding takes longer than decoding
        return _MOST_SECONDS
    size = sum(_size(path) for path in _files(request))
    listening = _LISTENING_SECONDS if isinstance(request, Join | Judge) else 0.0
    return min(_MOST_SECONDS, _LEAST_SECONDS + listening + size / _BYTES_A_SECOND)


def _files(request: Request) -> tuple[Path, ...]:
    match request:
        case Compare(path, reference):
            return path, reference
        case Join(path, before):
            return path, before
        case _:
            return (request.path,)


def _size(path: Path) -> int:
    with suppress(OSError, ValueError):
        return path.stat().st_size
    return 0
