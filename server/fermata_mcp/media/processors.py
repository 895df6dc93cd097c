"""How many pieces of audio work this machine, or the container that we run in, has room for at once."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

# Two hours of music take 280 MB; what else runs here needs some, too.
MEMORY_OF_ONE_BYTES = 512 * 1024 * 1024
_CGROUP = Path("/sys/fs/cgroup")


def renders_at_once(asked: int | None) -> int:
    """How many tracks this process may work on at once: as the operator wants it, or as many as there is room for."""
    return room_for_renders() if asked is None else asked


def room_for_renders(cgroup: Path = _CGROUP) -> int:
    """One a core, fewer where memory is short; never none."""
    return max(1, min(_cores(cgroup), _memory_bytes(cgroup) // MEMORY_OF_ONE_BYTES))


def _cores(cgroup: Path) -> int:
    here = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        quota, period = (cgroup / "cpu.max").read_text().split()
        return min(here, round(int(quota) / int(period)))
    return here


def _memory_bytes(cgroup: Path) -> int:
    with suppress(OSError, ValueError):
        return int((cgroup / "memory.max").read_text())
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return sys.maxsize
